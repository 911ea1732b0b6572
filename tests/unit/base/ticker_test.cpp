#include "exporter/base/ticker.hpp"

#include <gtest/gtest.h>

namespace rpoguard::base {
namespace {

using namespace std::chrono_literals;
using TimePoint = std::chrono::sys_time<std::chrono::nanoseconds>;

TEST(Ticker, keeps_its_rhythm_and_catches_nothing_up) {
  constexpr TimePoint kDue(100s);
  constexpr std::chrono::nanoseconds kInterval = 10s;
  const auto after = [&](std::chrono::nanoseconds late) {
    return next_tick(kDue, kDue + late, kInterval) - kDue;
  };
  EXPECT_EQ(after(0s), 10s);
  EXPECT_EQ(after(9s), 10s);
  EXPECT_EQ(after(10s), 20s);
  EXPECT_EQ(after(3600s + 1ns), 3610s);
}

TEST(Ticker, a_moment_still_to_come_stays) {
  EXPECT_EQ(next_tick(TimePoint(100s), TimePoint(99s), std::chrono::nanoseconds(10s)),
            TimePoint(100s));
}

}  // namespace
}  // namespace rpoguard::base
