#include "exporter/notify/backoff.hpp"

#include <gtest/gtest.h>

namespace rpoguard::notify {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, doubles_its_upper_end_up_to_the_limit) {
  const double nearly_one = 1.0 - 1e-12;
  EXPECT_NEAR(core::to_seconds(backoff(1, nearly_one)), 1, 0.001);
  EXPECT_NEAR(core::to_seconds(backoff(2, nearly_one)), 2, 0.001);
  EXPECT_NEAR(core::to_seconds(backoff(5, nearly_one)), 16, 0.001);
  EXPECT_NEAR(core::to_seconds(backoff(9, nearly_one)), 256, 0.001);
  for (const std::uint32_t many : {10U, 17U, 18U, 64U, 4'000'000'000U})
    EXPECT_NEAR(core::to_seconds(backoff(many, nearly_one)), 300, 0.001) << many;
}

TEST(Backoff, spreads_over_the_whole_of_it) {
  EXPECT_EQ(backoff(1, 0.0), 0s);
  EXPECT_EQ(backoff(4, 0.5), 4s);
  EXPECT_EQ(backoff(20, 0.25), 75s);
}

}  // namespace
}  // namespace rpoguard::notify
