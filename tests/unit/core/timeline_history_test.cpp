#include "exporter/core/model/timeline_history.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace rpoguard::core {
namespace {

constexpr Lsn kA{0x3000000};
constexpr Lsn kB{0x5000000};

TEST(TimelineHistory, reads_the_lines_that_postgresql_writes) {
  const auto history = parse_timeline_history(
      "1\t0/3000000\tno recovery target specified\n\n# a comment\n2\t0/5000000\tbefore LSN X\n");
  ASSERT_TRUE(history);
  EXPECT_EQ(history->steps, (std::vector<TimelineStep>{{Timeline{1}, kA}, {Timeline{2}, kB}}));
}

TEST(TimelineHistory, nothing_written_is_a_timeline_without_ancestors) {
  EXPECT_EQ(parse_timeline_history("")->steps.size(), 0U);
  EXPECT_EQ(parse_timeline_history("\n# only a comment")->steps.size(), 0U);
}

TEST(TimelineHistory, anything_else_is_refused) {
  for (const std::string text :
       {"1", "1\t", "x\t0/3000000", "0\t0/3000000", "1x\t0/3000000", "1\t3000000", "-1\t0/3000000",
        "99999999999\t0/3000000", "2\t0/3000000\n1\t0/5000000", "1\t0/3000000\n1\t0/5000000",
        "1\t0/5000000\n2\t0/3000000"}) {
    EXPECT_FALSE(parse_timeline_history(text)) << text;
  }
}

const TimelineHistory kRoot{};
const TimelineHistory kSecond{{{Timeline{1}, kA}}};
const TimelineHistory kSecondLater{{{Timeline{1}, kB}}};
const TimelineHistory kThird{{{Timeline{1}, kA}, {Timeline{2}, kB}}};
const TimelineHistory kThirdOfFirst{{{Timeline{1}, kB}}};
const TimelineHistory kStranger{{{Timeline{7}, kA}}};

struct ForkCase {
  const char* name;
  TimelinePlace a;
  TimelinePlace b;
  bool share;
  std::optional<Lsn> point;
};

const std::array kForks{
    ForkCase{"same", {Timeline{2}, &kSecond}, {Timeline{2}, &kSecond}, true, std::nullopt},
    ForkCase{"parent and child", {Timeline{1}, &kRoot}, {Timeline{2}, &kSecond}, true, kA},
    ForkCase{"parent without history", {Timeline{1}, nullptr}, {Timeline{2}, &kSecond}, true, kA},
    ForkCase{"child and grandchild", {Timeline{2}, &kSecond}, {Timeline{3}, &kThird}, true, kB},
    ForkCase{"child unknown", {Timeline{2}, nullptr}, {Timeline{3}, &kThird}, true, kB},
    ForkCase{
        "two promotions, one id", {Timeline{2}, &kSecond}, {Timeline{2}, &kSecondLater}, true, kA},
    ForkCase{"two children", {Timeline{2}, &kSecond}, {Timeline{3}, &kThirdOfFirst}, true, kA},
    ForkCase{"one id, histories unknown",
             {Timeline{2}, nullptr},
             {Timeline{2}, nullptr},
             true,
             std::nullopt},
    ForkCase{"one id, one history unknown",
             {Timeline{2}, &kSecond},
             {Timeline{2}, nullptr},
             true,
             std::nullopt},
    ForkCase{"younger one unknown", {Timeline{1}, &kRoot}, {Timeline{2}, nullptr}, false, {}},
    ForkCase{"both unknown", {Timeline{2}, nullptr}, {Timeline{3}, nullptr}, false, {}},
    ForkCase{"not an ancestor", {Timeline{2}, nullptr}, {Timeline{3}, &kThirdOfFirst}, false, {}},
    ForkCase{"no common root", {Timeline{8}, &kStranger}, {Timeline{2}, &kSecond}, false, {}},
};

TEST(ForkOf, tells_where_two_histories_part_whichever_comes_first) {
  for (const ForkCase& each : kForks) {
    for (const bool swapped : {false, true}) {
      const auto fork = swapped ? fork_of(each.b, each.a) : fork_of(each.a, each.b);
      ASSERT_EQ(fork.has_value(), each.share) << each.name;
      if (fork) {
        EXPECT_EQ(fork->point, each.point) << each.name;
      }
    }
  }
}

}  // namespace
}  // namespace rpoguard::core
