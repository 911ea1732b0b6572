// ASCII text: what <cctype> and <string> have, but the same in every locale.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace rpoguard::base {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_lower_letter(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_upper_letter(char c) {
  return c >= 'A' && c <= 'Z';
}
/// A to Z and a to z.
constexpr bool is_letter(char c) {
  return is_lower_letter(c) || is_upper_letter(c);
}
constexpr bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Only A to Z change; bytes of UTF-8 stay what they are.
constexpr char lower(char c) {
  return is_upper_letter(c) ? static_cast<char>(c - 'A' + 'a') : c;
}
std::string lower(std::string_view text);
/// Only a to z change.
constexpr char upper(char c) {
  return is_lower_letter(c) ? static_cast<char>(c - 'a' + 'A') : c;
}
std::string upper(std::string_view text);

/// "Host" is "hOST": the case of A to Z does not count.
bool equals_ignoring_case(std::string_view one, std::string_view other);
bool starts_with_ignoring_case(std::string_view text, std::string_view start);

/// "amp;Epoch" has the words amp and epoch, of letters and digits; their case does not count.
bool has_word(std::string_view text, std::string_view word);

/// What PostgreSQL takes for blank.
inline constexpr std::string_view kBlanks = " \t\n\r\f\v";
/// `text` without the blanks at its front, at its end, at both.
std::string_view trim_front(std::string_view text, std::string_view blanks = kBlanks);
std::string_view trim_back(std::string_view text, std::string_view blanks = kBlanks);
std::string_view trim(std::string_view text, std::string_view blanks = kBlanks);

/// Takes what stands before the first `separator` off the front of `text`, and the separator with
/// it; all of `text` where there is none. "a,b" yields "a" and leaves "b".
std::string_view take_until(std::string_view& text, char separator);

/// `text` with `by` in place of each `mark`; what is put in is not looked at again.
/// REQUIRES: mark is not empty
std::string replace_all(std::string_view text, std::string_view mark, std::string_view by);

}  // namespace rpoguard::base
