#include "exporter/core/judge/stamp.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

TEST(StampStatement, names_the_region_and_the_highest_epoch) {
  EXPECT_EQ(stamp_statement("phx", Epoch{7}),
            "select rpoguard.cluster_promote('phx', 'YOUR NAME', above => 7)");
  EXPECT_EQ(stamp_statement("phx", std::nullopt),
            "select rpoguard.cluster_promote('phx', 'YOUR NAME')");
  EXPECT_EQ(stamp_statement("l'est", Epoch{1}),
            "select rpoguard.cluster_promote('l''est', 'YOUR NAME', above => 1)");
}

NodeFacts on_timeline(std::uint32_t timeline, std::optional<std::vector<TimelineStep>> steps = {}) {
  NodeFacts facts = make_writer_facts(1, Lsn{0x6000});
  facts.timeline = Timeline{timeline};
  if (steps) facts.history = TimelineHistory{*steps};
  return facts;
}

NodeFacts stamped_at(WallTime time, NodeFacts facts) {
  facts.stamped->promoted_at = time;
  return facts;
}

TEST(EpochPlace, is_the_timeline_the_flushed_position_and_the_stamp) {
  NodeFacts facts = stamped_at(kWallStart, on_timeline(2));
  facts.insert_lsn = Lsn{0x7000};
  EXPECT_EQ(epoch_place(facts), (EpochPlace{Timeline{2}, Lsn{0x6000}, kWallStart}));
  EXPECT_EQ(render_place(epoch_place(facts)), "timeline 2, stamped at 2026-01-01T00:00:00.000Z");
  facts.flushed_lsn.reset();
  facts.stamped.reset();
  EXPECT_EQ(epoch_place(facts), (EpochPlace{Timeline{2}, Lsn{0x7000}, std::nullopt}));
  EXPECT_EQ(render_place(epoch_place(facts)), "timeline 2");
  EXPECT_EQ(render_place({}), "");
}

/// Epoch 4 was confirmed on timeline 1 at 0/5000. What is said of these facts now: of the same
/// node, and of another one.
struct HistoryRow {
  const char* name;
  NodeFacts now;
  const char* same_node;
  const char* another_node;
  EpochPlace before = {.timeline = Timeline{1}, .position = Lsn{0x5000}, .stamped = std::nullopt};
};

void expect_histories(const std::vector<HistoryRow>& rows) {
  for (const HistoryRow& row : rows) {
    EXPECT_EQ(another_history(row.before, row.now, true), row.same_node) << row.name;
    EXPECT_EQ(another_history(row.before, row.now, false), row.another_node) << row.name;
  }
}

TEST(AnotherHistory, is_a_timeline_that_does_not_go_on_from_where_the_epoch_was_confirmed) {
  using Steps = std::vector<TimelineStep>;
  const EpochPlace on_two{Timeline{2}, Lsn{0x5000}, std::nullopt};
  expect_histories({
      {"goes on", on_timeline(1), "", ""},
      {"promoted later", on_timeline(2, Steps{{Timeline{1}, Lsn{0x5000}}}), "", ""},
      {"promoted twice since",
       on_timeline(3, Steps{{Timeline{1}, Lsn{0x5000}}, {Timeline{2}, Lsn{0x5800}}}), "", ""},
      {"restored to before", on_timeline(2, Steps{{Timeline{1}, Lsn{0x4FFF}}}),
       "timeline 2, which left timeline 1 before that, at 0/4FFF",
       "timeline 2, which left timeline 1 before that, at 0/4FFF"},
      {"of another branch", on_timeline(3, Steps{{Timeline{1}, Lsn{0x5800}}}),
       "timeline 3, which does not go on from timeline 2",
       "timeline 3, which does not go on from timeline 2", on_two},
      {"an older one", on_timeline(1), "timeline 1, which does not go on from timeline 2",
       "timeline 1, which does not go on from timeline 2", on_two},
      {"an older one that does not tell", on_timeline(2),
       "timeline 2, which does not go on from timeline 3",
       "timeline 2, which does not go on from timeline 3", EpochPlace{.timeline = Timeline{3}}},
      {"it does not tell", on_timeline(2),
       "timeline 2, and does not tell how it came about (apply `rpoguard sql`)", ""},
      {"position not known", on_timeline(2, Steps{{Timeline{1}, Lsn{0x10}}}),
       "timeline 2, and where it left timeline 1 cannot be judged", "",
       EpochPlace{.timeline = Timeline{1}}},
      {"nothing known", on_timeline(2), "", "", EpochPlace{}},
  });
}

TEST(AnotherHistory, is_another_stamp_of_the_same_number) {
  const EpochPlace before{Timeline{1}, Lsn{0x5000}, kWallStart};
  const WallTime later = kWallStart + seconds(61);
  const char* const another = "timeline 1, stamped at 2026-01-01T00:01:01.000Z";
  const char* const both =
      "timeline 2, stamped at 2026-01-01T00:01:01.000Z, which left timeline 1 before that, at 0/10";
  const std::vector<TimelineStep> restored{{Timeline{1}, Lsn{0x10}}};
  expect_histories({
      {"the same stamp", stamped_at(kWallStart, on_timeline(1)), "", "", before},
      {"another", stamped_at(later, on_timeline(1)), another, another, before},
      {"another, restored", stamped_at(later, on_timeline(2, restored)), both, both, before},
      {"its time is not known", on_timeline(1), "", "", before},
      {"nor was it", stamped_at(later, on_timeline(1)), "", "",
       EpochPlace{.timeline = Timeline{1}, .position = Lsn{0x5000}, .stamped = std::nullopt}},
  });
}

TEST(AnotherTimeline, is_said_of_a_stamp_that_was_made_before_the_promotion_or_elsewhere) {
  const auto said = [](NodeFacts facts, std::optional<Timeline> stamped) {
    facts.stamped->timeline = stamped;
    return another_timeline(facts);
  };
  EXPECT_EQ(said(on_timeline(2), Timeline{2}), "");
  EXPECT_EQ(said(on_timeline(2), std::nullopt), "");
  EXPECT_EQ(said(on_timeline(3), Timeline{1}),
            "which was stamped on timeline 1; now it is on timeline 3: it was promoted since");
  EXPECT_EQ(said(on_timeline(1), Timeline{7}),
            "which was stamped on timeline 7; it is on timeline 1: another server was stamped");
  NodeFacts none = on_timeline(2);
  none.stamped.reset();
  EXPECT_EQ(another_timeline(none), "");
}

TEST(ComesAfter, is_true_of_a_later_timeline_on_the_same_wal_as_far_as_it_tells) {
  using Steps = std::vector<TimelineStep>;
  EXPECT_TRUE(comes_after(on_timeline(2), Timeline{1}));
  EXPECT_FALSE(comes_after(on_timeline(1), Timeline{1}));
  EXPECT_FALSE(comes_after(on_timeline(1), Timeline{2}));
  const Steps steps{{Timeline{1}, Lsn{0x10}}, {Timeline{3}, Lsn{0x20}}};
  EXPECT_TRUE(comes_after(on_timeline(4, steps), Timeline{3}));
  EXPECT_TRUE(comes_after(on_timeline(4, steps), Timeline{1}));
  EXPECT_FALSE(comes_after(on_timeline(4, steps), Timeline{2}));
}

}  // namespace
}  // namespace rpoguard::core
