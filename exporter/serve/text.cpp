#include "exporter/serve/text.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include "exporter/core/check.hpp"

namespace rpoguard::serve {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kHexDigits = "0123456789abcdef";

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0U) == 0x80U;
}

// What a lead byte announces. The range of the second byte excludes overlong forms, surrogates and
// everything beyond U+10FFFF (Unicode, table 3-7).
struct Lead {
  std::size_t length;
  unsigned char second_min;
  unsigned char second_max;
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1, 0x80, 0xBF};
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// Length of the well-formed sequence at the start of `text`; 0 if there is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Lead lead = lead_of(byte(0));
  if (lead.length <= 1) return lead.length;
  if (text.size() < lead.length) return 0;
  if (byte(1) < lead.second_min || byte(1) > lead.second_max) return 0;
  for (std::size_t i = 2; i < lead.length; ++i) {
    if (!is_continuation(byte(i))) return 0;
  }
  return lead.length;
}

// Calls visit(sequence) for each well-formed sequence, and with U+FFFD for each byte that is in
// none.
template <typename Visit>
void for_each_character(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    visit(length == 0 ? kReplacement : text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

std::string with_one_decimal(double value) {
  std::array<char, 32> buffer{};
  const int precision = std::abs(value) < 9.95 ? 1 : 0;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          std::chars_format::fixed, precision);
  RPOGUARD_CHECK(error == std::errc());
  return {buffer.data(), end};
}

}  // namespace

std::string sanitize_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_character(text, [&](std::string_view character) { out += character; });
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for_each_character(text, [&](std::string_view character) {
    const auto byte = static_cast<unsigned char>(character.front());
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += character;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHexDigits[byte >> 4U];
      out += kHexDigits[byte & 0xFU];
    } else {
      out += character;
    }
  });
  out += '"';
}

void append_number(std::string& out, double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  RPOGUARD_CHECK(error == std::errc() && std::isfinite(value));
  out.append(buffer.data(), end);
}

void append_number(std::string& out, std::int64_t value) {
  std::array<char, 24> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  RPOGUARD_CHECK(error == std::errc());
  out.append(buffer.data(), end);
}

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_character(text, [&](std::string_view character) {
    switch (character.front()) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += character;
    }
  });
  return out;
}

std::string header_safe(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kUnreserved = "-._~";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter_or_digit =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter_or_digit || kUnreserved.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kHexDigits[byte >> 4U];
      out += kHexDigits[byte & 0xFU];
    }
  }
  return out;
}

std::string render_time(core::WallTime time) {
  return core::render_time(time);
}

std::string render_short(core::Duration duration) {
  const double seconds = core::to_seconds(duration);
  const double size = std::abs(seconds);
  if (size < 120) return with_one_decimal(seconds) + " s";
  if (size < 2 * 3600) return with_one_decimal(seconds / 60) + " min";
  if (size < 48 * 3600) return with_one_decimal(seconds / 3600) + " h";
  return with_one_decimal(seconds / 86400) + " d";
}

std::string render_bytes(std::int64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{" B", " KiB", " MiB", " GiB", " TiB"};
  if (bytes > -1024 && bytes < 1024) return std::to_string(bytes) + kUnits[0];
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (std::abs(value) >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return with_one_decimal(value) + kUnits[unit];
}

}  // namespace rpoguard::serve
