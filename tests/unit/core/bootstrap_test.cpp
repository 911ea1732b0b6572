#include "exporter/core/judge/bootstrap.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

constexpr WallTime kServer{seconds(1'800'000'000)};
constexpr Instant at(Duration since_start) {
  return kStart + since_start;
}

TEST(ClockWatch, dates_a_time_of_the_server_by_the_last_reading_of_its_clock) {
  ClockWatch watch;
  EXPECT_FALSE(watch.when(kServer));
  watch.watch(kServer, at(seconds(1)), at(milliseconds(1010)));
  EXPECT_EQ(watch.when(kServer - seconds(3)), at(-seconds(2)));
  EXPECT_EQ(watch.when(kServer), at(seconds(1)));
  EXPECT_FALSE(watch.when(kServer + milliseconds(1))) << "it lies ahead";
}

TEST(ClockWatch, a_clock_that_only_drifts_goes_on) {
  ClockWatch watch;
  watch.watch(kServer, at(seconds(1)), at(milliseconds(1010)));
  watch.watch(kServer + milliseconds(10'005), at(seconds(11)), at(milliseconds(11'010)));
  EXPECT_EQ(watch.when(kServer), at(milliseconds(995)));
}

TEST(ClockWatch, a_clock_that_was_set_dates_nothing_from_before) {
  for (const Duration step : {Duration(minutes(10)), Duration(-minutes(10))}) {
    ClockWatch watch;
    watch.watch(kServer, at(seconds(1)), at(milliseconds(1010)));
    const WallTime after =
        kServer + seconds(1) + std::chrono::duration_cast<WallTime::duration>(step);
    watch.watch(after, at(seconds(2)), at(milliseconds(2010)));
    EXPECT_FALSE(watch.when(after - seconds(1)));
    watch.watch(after + seconds(5), at(seconds(7)), at(milliseconds(7010)));
    EXPECT_EQ(watch.when(after + seconds(2)), at(seconds(4)));
  }
}

NodeFacts replayed(WallTime commit, Lsn replay) {
  NodeFacts copy = make_standby_facts(1, replay);
  copy.last_replayed_commit = commit;
  return copy;
}

const TimelineHistory kBranch{{{Timeline{1}, Lsn{1000}}}};

TEST(FollowCommit, only_a_commit_seen_to_come_after_the_writers_own_wal_is_the_writers) {
  BootstrapMemory memory;
  const TimelinePlace writer{Timeline{2}, &kBranch};
  follow_commit(memory, replayed(kServer, Lsn{900}), &writer);
  EXPECT_FALSE(memory.by_writer) << "the first one seen may be anybody's";
  follow_commit(memory, replayed(kServer + seconds(1), Lsn{1100}), &writer);
  EXPECT_FALSE(memory.by_writer) << "it may lie before the branch";
  follow_commit(memory, replayed(kServer + seconds(1), Lsn{1200}), &writer);
  EXPECT_FALSE(memory.by_writer) << "it has been there before";
  follow_commit(memory, replayed(kServer + seconds(2), Lsn{1300}), &writer);
  EXPECT_EQ(memory.by_writer, kServer + seconds(2));
  NodeFacts none = replayed(kServer, Lsn{1400});
  none.last_replayed_commit.reset();
  follow_commit(memory, none, &writer);
  EXPECT_FALSE(memory.by_writer);
}

TEST(FollowCommit, forgets_it_when_the_copy_is_seeded_anew_even_while_the_writer_is_out_of_sight) {
  const TimelinePlace writer{Timeline{1}, nullptr};
  for (const TimelinePlace* known : {&writer, static_cast<const TimelinePlace*>(nullptr)}) {
    BootstrapMemory memory;
    follow_commit(memory, replayed(kServer, Lsn{1100}), &writer);
    follow_commit(memory, replayed(kServer + seconds(1), Lsn{1200}), &writer);
    follow_commit(memory, replayed(kServer + seconds(1), Lsn{1200}), known);
    ASSERT_TRUE(memory.by_writer) << "nothing has changed";
    follow_commit(memory, replayed(kServer + seconds(2), Lsn{1150}), known);
    EXPECT_FALSE(memory.by_writer) << "it has replayed less than it had";
  }
}

TEST(FollowCommit, learns_nothing_while_the_writer_is_not_known) {
  const TimelinePlace writer{Timeline{1}, nullptr};
  BootstrapMemory memory;
  follow_commit(memory, replayed(kServer, Lsn{1100}), &writer);
  follow_commit(memory, replayed(kServer + seconds(1), Lsn{1200}), nullptr);
  EXPECT_FALSE(memory.by_writer);
}

TEST(FollowCommit, needs_no_history_on_timeline_1_and_one_on_any_other) {
  for (const bool first : {true, false}) {
    BootstrapMemory memory;
    const TimelinePlace writer{Timeline{first ? 1U : 2U}, nullptr};
    follow_commit(memory, replayed(kServer, Lsn{1100}), &writer);
    follow_commit(memory, replayed(kServer + seconds(1), Lsn{1200}), &writer);
    EXPECT_EQ(memory.by_writer.has_value(), first);
  }
}

// rpoguard starts while the copy is a minute behind and catching up.
class Bootstrap : public ::testing::Test {
 protected:
  Bootstrap() { step(); }
  void step() {
    NodeFacts& writer = shard.facts[kIadA];
    shard.commit();
    writer.server_now =
        kServer + skew + std::chrono::duration_cast<WallTime::duration>(shard.next_tick - kStart);
    NodeFacts& copy = shard.facts[kPhxA];
    copy.receive_lsn = copy.replay_lsn = Lsn{0x1000000 + 100 * static_cast<std::uint64_t>(++steps)};
    copy.last_replayed_commit = writer.server_now - behind;
    shard.row(kPhxA).flush_lsn = shard.row(kPhxA).replay_lsn = copy.replay_lsn;
    shard.tick();
  }
  Duration exposure() const { return *exposure_at(shard.view, shard.now); }

  TestShard shard;
  WallTime::duration skew{};
  WallTime::duration behind = minutes(1);
  int steps = 0;
};

TEST_F(Bootstrap, makes_the_exposure_known_as_soon_as_the_copy_is_seen_to_replay) {
  EXPECT_FALSE(shard.view.recovery_point);
  EXPECT_EQ(shard.reason(), "unproven");
  step();
  ASSERT_TRUE(shard.view.recovery_point);
  EXPECT_TRUE(shard.view.bootstrapped);
  EXPECT_GE(exposure(), minutes(1));
  EXPECT_LE(exposure(), minutes(1) + seconds(1));
  EXPECT_EQ(shard.reason(), "rpo_exceeded");
}

TEST_F(Bootstrap, opens_the_gate_for_a_copy_that_is_a_little_behind) {
  behind = seconds(2);
  for (int i = 0; i < 10; ++i) step();
  EXPECT_TRUE(shard.view.bootstrapped);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_F(Bootstrap, gives_way_to_the_wal_clock) {
  step();
  shard.run_healthy(2);
  EXPECT_FALSE(shard.view.bootstrapped);
  EXPECT_LT(exposure(), seconds(2));
}

TEST_F(Bootstrap, proves_nothing_after_the_writers_clock_was_set) {
  step();
  ASSERT_TRUE(shard.view.bootstrapped);
  skew = -minutes(10);
  behind = seconds(1);
  step();
  EXPECT_FALSE(shard.view.recovery_point);
  for (int i = 0; i < 3; ++i) step();
  EXPECT_TRUE(shard.view.bootstrapped) << "commits since then count";
}

TEST_F(Bootstrap, a_silent_copy_proves_no_more_as_time_goes_on) {
  step();
  const auto proven = shard.view.recovery_point;
  shard.failures[kPhxA] = ProbeFailure::timeout;
  for (int i = 0; i < 5; ++i) {
    shard.commit();
    shard.facts[kIadA].server_now += seconds(1);
    shard.tick();
  }
  EXPECT_EQ(shard.view.recovery_point, proven);
}

TEST_F(Bootstrap, a_commit_of_a_former_writer_counts_for_nothing) {
  // The copy follows a new timeline whose beginning it has not reached yet.
  TestShard after = shard;
  after.facts[kIadA].timeline = after.facts[kPhxA].timeline = Timeline{2};
  after.facts[kIadA].history = after.facts[kPhxA].history =
      TimelineHistory{{{Timeline{1}, Lsn{0x2000000}}}};
  shard = after;
  step();
  step();
  step();
  EXPECT_FALSE(shard.view.recovery_point);
}

}  // namespace
}  // namespace rpoguard::core
