#include "exporter/base/constant_time.hpp"

#include <string_view>

#include <gtest/gtest.h>

namespace rpoguard::base {
namespace {

TEST(ConstantTime, only_the_same_bytes_are_equal) {
  using namespace std::string_view_literals;
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("a\0\xFF"sv, "a\0\xFF"sv));
  EXPECT_FALSE(equal_in_constant_time("", "a"));
  EXPECT_FALSE(equal_in_constant_time("ab", "a"));
  EXPECT_FALSE(equal_in_constant_time("ab", "bb"));
  EXPECT_FALSE(equal_in_constant_time("ab", "aB"));
  EXPECT_FALSE(equal_in_constant_time("a\0b"sv, "a\0c"sv));
}

}  // namespace
}  // namespace rpoguard::base
