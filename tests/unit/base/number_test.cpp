#include "exporter/base/number.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace rpoguard::base {
namespace {

TEST(Number, is_the_whole_text) {
  EXPECT_EQ(parse_number<int>("42"), 42);
  EXPECT_EQ(parse_number<int>("-42"), -42);
  EXPECT_EQ(parse_number<int>("007"), 7);
  EXPECT_EQ(parse_number<std::uint32_t>("FFffFFff", 16), 0xFFFFFFFFU);
  for (const char* text : {"", " 1", "1 ", "+1", "1x", "0x1", "-", "1.0", "one"})
    EXPECT_FALSE(parse_number<int>(text)) << text;
}

TEST(Number, fits_its_type) {
  EXPECT_EQ(parse_number<std::uint16_t>("65535"), 65535);
  EXPECT_FALSE(parse_number<std::uint16_t>("65536"));
  EXPECT_FALSE(parse_number<std::uint16_t>("-1"));
  EXPECT_FALSE(parse_number<std::int64_t>("9223372036854775808"));
}

TEST(Number, with_a_fraction_has_no_exponent_and_is_finite) {
  EXPECT_EQ(parse_number<double>("12.5"), 12.5);
  EXPECT_EQ(parse_number<double>("-0.25"), -0.25);
  for (const char* text : {"", "1e3", "1,5", "inf", "-inf", "nan", "infinity", "0x1p3"})
    EXPECT_FALSE(parse_number<double>(text)) << text;
}

TEST(Number, is_taken_off_the_front) {
  std::string_view text = "90m5";
  EXPECT_EQ(take_number<int>(text), 90);
  EXPECT_EQ(text, "m5");
  EXPECT_FALSE(take_number<int>(text));
  EXPECT_EQ(text, "m5");
}

}  // namespace
}  // namespace rpoguard::base
