#include "exporter/core/model/units.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>

#include "exporter/base/number.hpp"
#include "exporter/base/text.hpp"

namespace rpoguard::core {
namespace {

std::optional<std::uint64_t> parse_hex32(std::string_view text) {
  if (text.empty() || text.size() > 8) return std::nullopt;
  return base::parse_number<std::uint64_t>(text, 16);
}

template <typename Number>
std::string padded(Number value, std::size_t width) {
  std::string digits = std::to_string(value);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

struct Unit {
  std::string_view name;
  Duration length;
};

// Biggest first: a sum must be written in this order.
constexpr std::array<Unit, 7> kUnits{{
    {"d", std::chrono::hours(24)},
    {"h", std::chrono::hours(1)},
    {"m", std::chrono::minutes(1)},
    {"s", std::chrono::seconds(1)},
    {"ms", std::chrono::milliseconds(1)},
    {"us", std::chrono::microseconds(1)},
    {"ns", std::chrono::nanoseconds(1)},
}};

std::size_t unit_index(std::string_view name) {
  std::size_t index = 0;
  while (index < kUnits.size() && kUnits.at(index).name != name) ++index;
  return index;
}

// Adds count * unit, or fails on overflow.
std::optional<Duration> add_checked(Duration sum, std::int64_t count, Duration unit) {
  std::int64_t product = 0;
  std::int64_t total = 0;
  if (__builtin_mul_overflow(count, unit.count(), &product)) return std::nullopt;
  if (__builtin_add_overflow(sum.count(), product, &total)) return std::nullopt;
  return Duration(total);
}

}  // namespace

std::optional<Lsn> parse_lsn(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto high = parse_hex32(text.substr(0, slash));
  const auto low = parse_hex32(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return Lsn{(*high << 32U) | *low};
}

std::string render_lsn(Lsn lsn) {
  std::array<char, 20> buffer{};
  char* at = std::to_chars(buffer.data(), buffer.data() + 8, lsn.value >> 32U, 16).ptr;
  *at++ = '/';
  at = std::to_chars(at, at + 8, lsn.value & 0xFFFFFFFFU, 16).ptr;
  return base::upper(std::string_view(buffer.data(), static_cast<std::size_t>(at - buffer.data())));
}

bool is_segment_size(std::uint64_t bytes) {
  constexpr std::uint64_t kMebibyte = 1024 * 1024;
  return std::has_single_bit(bytes) && bytes >= kMebibyte && bytes <= 1024 * kMebibyte;
}

std::optional<WalSegment> parse_wal_segment(std::string_view file_name,
                                            std::uint64_t segment_bytes) {
  if (!is_segment_size(segment_bytes) || file_name.size() != 24) return std::nullopt;
  const auto timeline = parse_hex32(file_name.substr(0, 8));
  const auto log = parse_hex32(file_name.substr(8, 8));
  const auto segment = parse_hex32(file_name.substr(16, 8));
  if (!timeline || !log || !segment || *timeline == 0) return std::nullopt;
  // A "log" is 4 GiB of WAL; the last field counts the segments within it.
  if (*segment >= (std::uint64_t{1} << 32U) / segment_bytes) return std::nullopt;
  const std::uint64_t start = (*log << 32U) + *segment * segment_bytes;
  return WalSegment{Timeline{static_cast<std::uint32_t>(*timeline)}, Lsn{start},
                    Lsn{start + segment_bytes}};
}

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration{0};
  Duration sum{0};
  std::size_t next_allowed_unit = 0;
  while (!text.empty()) {
    const bool negative = text.front() == '-';
    const auto count = base::take_number<std::int64_t>(text);
    if (!count || negative) return std::nullopt;
    const std::string_view name = text.substr(0, text.find_first_of("0123456789"));
    const std::size_t unit = unit_index(name);
    if (unit < next_allowed_unit || unit == kUnits.size()) return std::nullopt;
    next_allowed_unit = unit + 1;
    text.remove_prefix(name.size());
    const auto total = add_checked(sum, *count, kUnits.at(unit).length);
    if (!total) return std::nullopt;
    sum = *total;
  }
  return next_allowed_unit == 0 ? std::nullopt : std::optional(sum);
}

std::string render_duration(Duration duration) {
  if (duration == Duration{0}) return "0s";
  std::string text = duration < Duration{0} ? "-" : "";
  // Unsigned, so that the smallest duration has an absolute value too.
  std::uint64_t rest = duration < Duration{0} ? 0 - static_cast<std::uint64_t>(duration.count())
                                              : static_cast<std::uint64_t>(duration.count());
  for (const Unit& unit : kUnits) {
    const auto length = static_cast<std::uint64_t>(unit.length.count());
    if (rest < length) continue;
    text += std::to_string(rest / length);
    text += unit.name;
    rest %= length;
  }
  return text;
}

std::string render_time(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
  return std::to_string(static_cast<int>(date.year())) + "-" +
         padded(static_cast<unsigned>(date.month()), 2) + "-" +
         padded(static_cast<unsigned>(date.day()), 2) + "T" + padded(clock.hours().count(), 2) +
         ":" + padded(clock.minutes().count(), 2) + ":" + padded(clock.seconds().count(), 2) + "." +
         padded(clock.subseconds().count(), 3) + "Z";
}

std::optional<WallTime> parse_time(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";
  std::string whole(text);
  if (whole.size() == kShape.size() - 3 && whole.ends_with('Z')) whole.insert(16, ":00");
  if (whole.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == 'd' ? !base::is_digit(whole[i]) : whole[i] != kShape[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t width) {
    return *base::parse_number<unsigned>(std::string_view(whole).substr(at, width));
  };
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(number(0, 4))),
                                         std::chrono::month(number(5, 2)),
                                         std::chrono::day(number(8, 2)));
  const unsigned hour = number(11, 2);
  const unsigned minute = number(14, 2);
  const unsigned second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second);
}

}  // namespace rpoguard::core
