#include "exporter/base/constant_time.hpp"

#include <cstddef>

namespace rpoguard::base {

bool equal_in_constant_time(std::string_view presented, std::string_view secret) {
  if (presented.size() != secret.size()) return false;
  // Volatile: a compiler that sees what this computes might leave the loop early.
  volatile unsigned difference = 0;
  for (std::size_t i = 0; i < presented.size(); ++i) {
    const auto one = static_cast<unsigned char>(presented[i]);
    const auto other = static_cast<unsigned char>(secret[i]);
    difference = difference | static_cast<unsigned>(one ^ other);
  }
  return difference == 0;
}

}  // namespace rpoguard::base
