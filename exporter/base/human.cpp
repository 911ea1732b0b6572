#include "exporter/base/human.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "exporter/base/check.hpp"

namespace rpoguard::base {
namespace {

std::string with_one_decimal(double value) {
  std::array<char, 32> buffer{};
  const int precision = std::abs(value) < 9.95 ? 1 : 0;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          std::chars_format::fixed, precision);
  RPOGUARD_CHECK(error == std::errc());
  return {buffer.data(), end};
}

}  // namespace

std::string render_short(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
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

}  // namespace rpoguard::base
