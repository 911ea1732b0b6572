#include "exporter/base/percent.hpp"

#include "exporter/base/number.hpp"
#include "exporter/base/text.hpp"

namespace rpoguard::base {

std::string percent_encode(std::string_view text, PercentEncoding how) {
  const std::string_view digits = how.lower_case ? "0123456789abcdef" : "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (is_letter(c) || is_digit(c) || how.kept.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += digits[byte >> 4u];
    encoded += digits[byte & 0x0Fu];
  }
  return encoded;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view digits = text.substr(i + 1, 2);
    const auto byte = text[i] == '%' && digits.size() == 2 ? parse_number<unsigned char>(digits, 16)
                                                           : std::nullopt;
    if (byte) {
      decoded += static_cast<char>(*byte);
      i += digits.size();
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

}  // namespace rpoguard::base
