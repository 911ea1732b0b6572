#include "tests/support/planted.hpp"

#include <array>
#include <cstdint>

#include "exporter/base/text.hpp"

namespace rpoguard::test {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string base64(const std::string& text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string encoded;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    bits = (bits << 8U) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6)
      encoded += kDigits[(bits >> static_cast<unsigned>(count - 6)) & 63U];
  }
  return encoded;  // without the last bits: they depend on what follows
}

std::string hex(const std::string& text, const std::string& before, bool all) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = base::is_digit(c) || base::is_letter(c) || c == '-' || c == '_' || c == '.';
    if (plain && !all) {
      encoded += c;
      continue;
    }
    encoded += before;
    encoded += kHexDigits[byte >> 4U];
    encoded += kHexDigits[byte & 15U];
  }
  return encoded;
}

std::string upper(std::string text) {
  for (char& c : text) c = base::upper(c);
  return text;
}

}  // namespace

std::vector<std::string> forms_of(const std::string& secret) {
  std::string percent = hex(secret, "%", false);
  std::string percent_upper = percent;
  for (std::size_t i = 0; i + 2 < percent_upper.size(); ++i)
    if (percent_upper[i] == '%') percent_upper.replace(i + 1, 2, upper(percent.substr(i + 1, 2)));
  std::vector<std::string> forms{secret, percent, percent_upper, hex(secret, "", true),
                                 upper(hex(secret, "", true))};
  // Behind 0, 1 or 2 other bytes; the first digits depend on those.
  constexpr std::array<std::size_t, 3> kShared{0, 2, 3};
  for (std::size_t before = 0; before < kShared.size(); ++before)
    forms.push_back(base64(std::string(before, 'x') + secret).substr(kShared.at(before)));
  return forms;
}

std::string Planted::plant(const std::string& name) {
  const std::string number = std::to_string(secrets_.size() + 10);
  return secrets_[name] = "hush" + number + "/" + name + "+=&?~" + number;
}

std::string Planted::found_in(const std::string& text) const {
  std::string found;
  for (const auto& [name, secret] : secrets_) {
    for (const std::string& form : forms_of(secret))
      if (text.find(form) != std::string::npos) found += name + " as " + form + "\n";
  }
  return found;
}

}  // namespace rpoguard::test
