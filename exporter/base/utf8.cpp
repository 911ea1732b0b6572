#include "exporter/base/utf8.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace rpoguard::base {
namespace {

struct Lead {
  std::size_t length;
  char32_t bits;
  char32_t least;  // smaller values would be overlong forms
};

std::optional<Lead> lead_of(unsigned char byte) {
  if (byte < 0x80) return Lead{1, byte, 0};
  if (byte >= 0xC2 && byte <= 0xDF) return Lead{2, byte & 0x1Fu, 0x80};
  if (byte >= 0xE0 && byte <= 0xEF) return Lead{3, byte & 0x0Fu, 0x800};
  if (byte >= 0xF0 && byte <= 0xF4) return Lead{4, byte & 0x07u, 0x10000};
  return std::nullopt;
}

}  // namespace

std::optional<char32_t> next_code_point(std::string_view text, std::size_t& position) {
  const auto byte_at = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto lead = lead_of(byte_at(position));
  if (!lead || text.size() - position < lead->length) return std::nullopt;
  char32_t code = lead->bits;
  for (std::size_t i = 1; i < lead->length; ++i) {
    const unsigned char byte = byte_at(position + i);
    if ((byte & 0xC0u) != 0x80u) return std::nullopt;
    code = (code << 6u) | (byte & 0x3Fu);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < lead->least || code > 0x10FFFF || surrogate) return std::nullopt;
  position += lead->length;
  return code;
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for_each_character(text, [&](std::optional<char32_t>, std::string_view) { ++count; });
  return count;
}

bool is_invisible(char32_t code) {
  constexpr std::array<std::pair<char32_t, char32_t>, 14> kRanges{{{0x00, 0x1F},
                                                                   {0x7F, 0xA0},
                                                                   {0xAD, 0xAD},
                                                                   {0x061C, 0x061C},
                                                                   {0x1680, 0x1680},
                                                                   {0x180E, 0x180E},
                                                                   {0x2000, 0x200F},
                                                                   {0x2028, 0x202F},
                                                                   {0x205F, 0x206F},
                                                                   {0x3000, 0x3000},
                                                                   {0xFE00, 0xFE0F},
                                                                   {0xFEFF, 0xFEFF},
                                                                   {0xFFF0, 0xFFFF},
                                                                   {0xE0000, 0x10FFFF}}};
  return std::ranges::any_of(
      kRanges, [code](const auto& range) { return code >= range.first && code <= range.second; });
}

std::string foreign_text(std::string_view text, std::size_t bytes_max) {
  return show(text, bytes_max, is_invisible).text;
}

std::string sanitize_utf8(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for_each_character(text, [&](std::optional<char32_t> code, std::string_view bytes) {
    clean += code ? bytes : kReplacementCharacter;
  });
  return clean;
}

}  // namespace rpoguard::base
