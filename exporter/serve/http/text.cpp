#include "exporter/serve/http/text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "exporter/base/check.hpp"
#include "exporter/base/utf8.hpp"

namespace rpoguard::serve {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  base::for_each_character(text, [&](std::optional<char32_t> code, std::string_view bytes) {
    const std::string_view character = code ? bytes : base::kReplacementCharacter;
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
  base::for_each_character(text, [&](std::optional<char32_t> code, std::string_view bytes) {
    const std::string_view character = code ? bytes : base::kReplacementCharacter;
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

}  // namespace rpoguard::serve
