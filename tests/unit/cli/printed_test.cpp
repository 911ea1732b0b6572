#include "exporter/cli/printed.hpp"

#include <gtest/gtest.h>

namespace rpoguard::cli {
namespace {

TEST(Printed, has_its_lines_and_no_orders_for_the_terminal) {
  EXPECT_EQ(printed(""), "");
  EXPECT_EQ(printed("shard 184: frozen\n"), "shard 184: frozen\n");
  EXPECT_EQ(printed("one\ntwo"), "one\ntwo");
  EXPECT_EQ(printed("\x1b[2Jone\r\n\xC2\x9B"
                    "2J\n\xE2\x80\xAE"),
            "?[2Jone?\n?2J\n?");
}

}  // namespace
}  // namespace rpoguard::cli
