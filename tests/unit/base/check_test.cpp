#include "exporter/base/check.hpp"

#include <gtest/gtest.h>

namespace rpoguard::base {
namespace {

TEST(Check, what_holds_goes_on) {
  RPOGUARD_CHECK(1 + 1 == 2);
}

TEST(CheckDeathTest, what_does_not_hold_ends_the_process_and_says_where) {
  EXPECT_DEATH(RPOGUARD_CHECK(1 + 1 == 3),
               "level=fatal msg=\"bug in rpoguard\" check=\"1 \\+ 1 == 3\" at=.*check_test.cpp:");
}

}  // namespace
}  // namespace rpoguard::base
