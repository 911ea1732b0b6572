#include "exporter/base/text.hpp"

namespace rpoguard::base {

namespace {
constexpr auto kLower = [](char c) { return lower(c); };
constexpr auto kUpper = [](char c) { return upper(c); };
}  // namespace

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), kLower);
  return result;
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), kUpper);
  return result;
}

bool equals_ignoring_case(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other, {}, kLower, kLower);
}

bool starts_with_ignoring_case(std::string_view text, std::string_view start) {
  return equals_ignoring_case(text.substr(0, start.size()), start);
}

bool has_word(std::string_view text, std::string_view word) {
  const auto ends = [](char c) { return !is_letter(c) && !is_digit(c); };
  while (!text.empty()) {
    const auto length = static_cast<std::size_t>(std::ranges::find_if(text, ends) - text.begin());
    if (equals_ignoring_case(text.substr(0, length), word)) return true;
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return false;
}

std::string_view trim_front(std::string_view text, std::string_view blanks) {
  return text.substr(std::min(text.find_first_not_of(blanks), text.size()));
}

std::string_view trim_back(std::string_view text, std::string_view blanks) {
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

std::string_view trim(std::string_view text, std::string_view blanks) {
  return trim_front(trim_back(text, blanks), blanks);
}

std::string_view take_until(std::string_view& text, char separator) {
  const std::string_view piece = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(piece.size() + 1, text.size()));
  return piece;
}

std::string replace_all(std::string_view text, std::string_view mark, std::string_view by) {
  std::string result;
  for (auto at = text.find(mark); at != std::string_view::npos; at = text.find(mark)) {
    result.append(text.substr(0, at)).append(by);
    text.remove_prefix(at + mark.size());
  }
  return result.append(text);
}

}  // namespace rpoguard::base
