#include "exporter/run/system_clock.hpp"

#include <ctime>

#include <gtest/gtest.h>

namespace rpoguard::run {
namespace {

TEST(SystemClock, is_the_boot_time_clock) {
  const auto read = [] {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return core::Instant(std::chrono::seconds(time.tv_sec) +
                         std::chrono::nanoseconds(time.tv_nsec));
  };
  const core::Instant before = read();
  const core::Instant now = SystemClock().now();
  EXPECT_LE(before, now);
  EXPECT_LE(now, read());
}

TEST(SystemClock, tells_the_wall_time_of_the_machine) {
  // Not std::time(): its second begins up to a tick later.
  const auto read = [] {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  const auto before = std::chrono::floor<std::chrono::microseconds>(read());
  const auto wall = SystemClock().wall().time_since_epoch();
  EXPECT_LE(before, wall);
  EXPECT_LE(wall, read());
}

}  // namespace
}  // namespace rpoguard::run
