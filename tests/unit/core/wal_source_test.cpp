#include "exporter/core/judge/wal_source.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

Instant at_second(int second) {
  return kStart + seconds(second);
}

/// The writer of timeline 1, and iad-b, which takes over on timeline 2.
class Source : public ::testing::Test {
 protected:
  /// `node` is the confirmed writer and answered at_second once.
  void follow(std::size_t node, NodeFacts facts, Instant asked) {
    Reading& reading = readings.at(node);
    reading.last_success = NodeObservation{asked, asked, std::move(facts)};
    source = follow_writer(
        std::move(source),
        ConfirmedWriter{
            .node = node, .spec = spec.nodes[node], .reading = reading, .epoch = Epoch{1}},
        lost_wal);
  }
  void write(int second, std::uint64_t end) {
    NodeFacts facts = make_writer_facts(1, Lsn{end});
    facts.snapshot = std::to_string(second);
    facts.history = TimelineHistory{};
    follow(kIadA, facts, at_second(second));
  }
  /// iad-b, in recovery until `recovering`, took over at_second `branch` and has written up to
  /// 0x600.
  void take_over(std::optional<Instant> recovering, std::optional<std::uint64_t> branch) {
    readings[kIadB].in_recovery_at = recovering;
    NodeFacts facts = make_writer_facts(2, Lsn{0x600});
    facts.timeline = Timeline{2};
    if (branch) facts.history = TimelineHistory{{{Timeline{1}, Lsn{*branch}}}};
    follow(kIadB, facts, at_second(6));
  }
  const ShardSpec spec = make_spec();
  Readings readings{3};
  WalSource source;
  bool lost_wal = false;
};

TEST_F(Source, without_a_writer_ever_is_nobodys) {
  source = follow_writer(std::move(source), std::nullopt, false);
  EXPECT_FALSE(source.origin || source.changed);
  EXPECT_EQ(writer_region(spec, source), "iad");
  EXPECT_DEATH(source.place(), "origin");
}

TEST_F(Source, begins_with_the_first_writer_and_goes_on_with_it) {
  write(1, 0x300);
  EXPECT_TRUE(source.changed);
  EXPECT_EQ(source.writer_since, at_second(1));
  write(4, 0x500);
  EXPECT_FALSE(source.changed);
  EXPECT_EQ(source.writer_since, at_second(1));
  EXPECT_EQ(source.clock.proven_until(Lsn{0x400}), at_second(1));
  EXPECT_EQ(source.clock.proven_until(Lsn{0x500}), at_second(4));
}

// It goes on under the same timeline, and what it acknowledged beyond is gone.
TEST_F(Source, of_a_writer_that_lost_wal_begins_anew) {
  write(1, 0x300);
  write(4, 0x500);
  lost_wal = true;
  write(5, 0x400);
  EXPECT_TRUE(source.changed);
  EXPECT_FALSE(source.clock.proven_until(Lsn{0x3FF}));
  EXPECT_EQ(source.clock.proven_until(Lsn{0x400}), at_second(5));
}

TEST_F(Source, takes_an_answer_into_account_once) {
  write(1, 0x300);
  write(1, 0x900);
  EXPECT_EQ(source.clock.proven_until(Lsn{0x300}), at_second(1));
}

TEST_F(Source, stays_while_no_writer_is_confirmed) {
  write(1, 0x300);
  source = follow_writer(std::move(source), std::nullopt, false);
  EXPECT_FALSE(source.changed);
  EXPECT_EQ(source.writer->node, "iad-a");
  EXPECT_EQ(source.clock.proven_until(Lsn{0x300}), at_second(1));
}

TEST_F(Source, keeps_of_the_last_writers_clock_what_the_next_one_goes_on_from) {
  write(1, 0x300);
  write(4, 0x500);
  take_over(at_second(3), 0x400);
  EXPECT_TRUE(source.changed);
  EXPECT_EQ(source.writer->node, "iad-b");
  EXPECT_EQ(source.place().timeline, Timeline{2});
  EXPECT_EQ(source.clock.proven_until(Lsn{0x3FF}), at_second(1));
  EXPECT_EQ(source.clock.proven_until(Lsn{0x500}), at_second(1));
  EXPECT_EQ(source.clock.proven_until(Lsn{0x600}), at_second(6));
}

TEST_F(Source, begins_anew_where_it_is_not_known_how_the_next_writer_began) {
  const std::pair<std::optional<Instant>, std::optional<std::uint64_t>> unknown[] = {
      {std::nullopt, 0x400}, {at_second(3), std::nullopt}};
  for (const auto& [recovering, branch] : unknown) {
    source = {};
    write(1, 0x300);
    take_over(recovering, branch);
    EXPECT_TRUE(source.changed);
    EXPECT_FALSE(source.clock.proven_until(Lsn{0x500}));
    EXPECT_EQ(source.clock.proven_until(Lsn{0x600}), at_second(6));
  }
}

}  // namespace
}  // namespace rpoguard::core
