// Text to number, strictly and the same in every locale.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

namespace rpoguard::base {

/// Takes the longest number at the front of `text` off it. No blanks and no '+'; '-' only where
/// Number is signed; floating point as "12.5", without an exponent. nullopt (text unchanged): none
/// stands there, or it does not fit. `base` is 2 to 36 and counts for integers only.
template <typename Number>
std::optional<Number> take_number(std::string_view& text, int base = 10) {
  Number number{};
  const char* const end = text.data() + text.size();
  std::from_chars_result read{};
  if constexpr (std::is_floating_point_v<Number>) {
    read = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (!std::isfinite(number)) return std::nullopt;  // the words "inf" and "nan"
  } else {
    read = std::from_chars(text.data(), end, number, base);
  }
  if (read.ec != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  return number;
}

/// The whole of `text` as one number, as take_number() reads it; nullopt on anything else.
template <typename Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  const auto number = take_number<Number>(text, base);
  return text.empty() ? number : std::nullopt;
}

}  // namespace rpoguard::base
