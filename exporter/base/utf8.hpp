// UTF-8, decoded strictly: overlong forms, surrogates and what lies beyond U+10FFFF are no
// characters.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rpoguard::base {

/// Reads the code point at `position` and moves behind it. nullopt (position unchanged): no
/// well-formed character starts there. REQUIRES: position < text.size()
std::optional<char32_t> next_code_point(std::string_view text, std::size_t& position);

/// Calls visit(code point, its bytes) for each character, and visit(nullopt, the byte) for each
/// byte that is in none.
template <typename Visit>
void for_each_character(std::string_view text, Visit visit) {
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t start = position;
    const auto first = static_cast<unsigned char>(text[position]);
    const bool ascii = first < 0x80;  // nearly all of it: not worth a call
    const std::optional<char32_t> code =
        ascii ? std::optional<char32_t>(first) : next_code_point(text, position);
    if (ascii || !code) ++position;
    visit(code, text.substr(start, position - start));
  }
}

/// How many characters; a byte that is in none counts as one.
std::size_t count_characters(std::string_view text);

/// Text of others, fit to be shown: '?' for each byte that is in no character and for each
/// character that `hidden` names, cut before a character that would make it longer than
/// `bytes_max`.
struct Shown {
  std::string text;
  bool cut = false;
};
template <typename Hidden>
Shown show(std::string_view text, std::size_t bytes_max, Hidden hidden) {
  Shown shown;
  for_each_character(text, [&](std::optional<char32_t> code, std::string_view bytes) {
    const std::string_view piece = code && !hidden(*code) ? bytes : "?";
    shown.cut = shown.cut || shown.text.size() + piece.size() > bytes_max;
    if (!shown.cut) shown.text += piece;
  });
  return shown;
}

/// A character that is not simply seen: controls (also C1 and DEL), white space other than U+0020,
/// what has no width, marks that turn the direction of the text around them, and code points that
/// are no characters. In a terminal some of them are orders, and in a name they make two look
/// alike.
bool is_invisible(char32_t code);

/// What somebody else has written, fit for a log, a terminal, a page and a name: '?' for each byte
/// that is in no character and for each invisible one, at most `bytes_max` bytes, cut between
/// characters. The only way in for texts of servers, witnesses and operators; blanks at both ends
/// stay.
std::string foreign_text(std::string_view text, std::size_t bytes_max);

/// U+FFFD, which stands for what cannot be read.
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// The text with every byte that is in no well-formed character replaced by U+FFFD.
std::string sanitize_utf8(std::string_view text);

}  // namespace rpoguard::base
