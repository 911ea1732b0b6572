#include "exporter/run/log.hpp"

#include <gtest/gtest.h>

namespace rpoguard::run {
namespace {

TEST(Log, renders_plain_values_bare_and_others_quoted) {
  const LogLine line{Level::info,
                     "gate closed",
                     {{"shard", "184"}, {"detail", "say \"no\" \\ 1=1"}, {"empty", ""}}};
  EXPECT_EQ(render_logfmt(line),
            R"(msg="gate closed" shard=184 detail="say \"no\" \\ 1=1" empty="")");
}

TEST(Log, keeps_an_event_on_one_line) {
  EXPECT_EQ(render_logfmt({Level::info, "x", {{"error", "two\nlines\r\tand a tab"}}}),
            R"(msg=x error="two lines  and a tab")");
}

}  // namespace
}  // namespace rpoguard::run
