#include "exporter/observe/postgres/reconnect_pause.hpp"

#include <gtest/gtest.h>

#include "exporter/core/model/limits.hpp"

namespace rpoguard::observe {
namespace {

using namespace std::chrono_literals;
using core::Instant;

// How long a pause that begins now lasts, in steps of a millisecond.
core::Duration length_of(ReconnectPause& pause, Instant now) {
  pause.begin(now);
  core::Duration length{};
  while (!pause.over(now + length)) length += 1ms;
  return length;
}

TEST(ReconnectPause, there_is_none_before_the_first_failure) {
  EXPECT_TRUE(ReconnectPause(1s).over(Instant(1s)));
}

TEST(ReconnectPause, grows_to_the_longest_less_an_interval_and_starts_again_after_a_success) {
  ReconnectPause pause(1s);
  const Instant now(100s);
  for (const core::Duration most : {200ms, 400ms, 800ms, 1600ms, 3200ms, 4000ms, 4000ms}) {
    const core::Duration length = length_of(pause, now);
    EXPECT_GE(length, most / 2);
    EXPECT_LE(length, most + 1ms);
  }
  pause.reset();
  EXPECT_LE(length_of(pause, now), 201ms);
}

TEST(ReconnectPause, of_one_who_asks_seldom_stays_short) {
  ReconnectPause pause(10s);
  for (int i = 0; i < 5; ++i) EXPECT_LE(length_of(pause, Instant(100s)), 201ms);
}

}  // namespace
}  // namespace rpoguard::observe
