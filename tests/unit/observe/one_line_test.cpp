#include "exporter/observe/system/one_line.hpp"

#include <string>

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

TEST(OneLine, a_message_is_one_printable_bounded_line) {
  EXPECT_EQ(one_line("first\nsecond"), "first");
  EXPECT_EQ(one_line("a\tb\x7f"
                     "c"),
            "a?b?c");
  EXPECT_EQ(one_line("\x1b[2J\xc2\x9b"
                     "31m\xe2\x80\xae"),
            "?[2J?31m?");
  EXPECT_EQ(one_line("\xff\xc3\xa9\xc3"), "?\xc3\xa9?");
  EXPECT_EQ(one_line("\xed\xa0\x80"), "???");  // a surrogate is not UTF-8
  EXPECT_LE(one_line(std::string(10'000, 'x')).size(), 240U);
  EXPECT_LE(one_line(std::string(10'000, '\xff')).size(), 240U);
}

}  // namespace
}  // namespace rpoguard::observe
