// A promotion that rpoguard has not seen begin: what its run proves of the copies that follow it.
#include "exporter/core/judge/run_begin.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/lineage_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

/// iad-a is gone, phx-a is promoted to timeline 2, and iad-b follows it there.
class Promotions : public LineageTest {
 protected:
  explicit Promotions(const ShardSpec& spec = make_spec()) : LineageTest(spec) {
    look(3);
    fork_ = *facts(kPhxA).replay_lsn;
    shard.failures[kIadA] = ProbeFailure::refused;
  }
  /// Neither rpoguard nor anybody else sees phx-a for so long.
  void lose_sight(int ticks) {
    shard.failures[kPhxA] = ProbeFailure::refused;
    idle(ticks);
    shard.failures[kPhxA].reset();
  }
  /// phx-a was started at that time, and promoted since.
  void promote(WallTime started) {
    const TimelineHistory history{{{Timeline{1}, fork_}}};
    shard.promote(kPhxA, 2);
    shard.writer_node = kPhxA;
    writer().session += 10;
    writer().started = writer().backends_started = started;
    writer().history = facts(kIadB).history = history;
    writer().replication = {make_row("iad-b", fork_)};
    facts(kIadB).timeline = Timeline{2};
  }
  /// Its control file names a checkpoint that was made while it wrote timeline 2.
  void make_checkpoint() {
    writer().checkpoint = {Lsn{fork_.value + 900}, Lsn{fork_.value + 800}, shard.wall()};
  }
  /// The stamp is in its WAL, where the copy has not come to.
  void stamp(WallTime at) {
    shard.commit(200);
    writer().stamped = make_stamp(2, "phx");
    writer().stamped->promoted_at = at;
  }
  /// rpoguard is started again after a while.
  void be_away() {
    shard.restart();
    shard.pass(minutes(5));
  }

  Lsn fork_;  ///< of timeline 2 from timeline 1
};

TEST_F(Promotions, of_a_copy_that_was_started_right_before_are_told_by_its_control_file) {
  for (const bool checkpointed : {false, true}) {
    TestShard before = shard;
    lose_sight(5);
    promote(shard.wall() - seconds(1));
    if (checkpointed) make_checkpoint();
    stamp(shard.wall());
    idle(2);
    ASSERT_EQ(shard.view.writer->node, "phx-a");
    EXPECT_EQ(sound(kIadB), !checkpointed) << lineage(kIadB);
    shard = std::move(before);
  }
}

TEST_F(Promotions, are_remembered_until_somebody_has_stamped_them) {
  lose_sight(5);
  promote(shard.wall() - seconds(1));
  idle(2);
  make_checkpoint();
  idle(5);
  ASSERT_FALSE(shard.view.writer);
  stamp(shard.wall());
  idle(1);
  ASSERT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_TRUE(sound(kIadB)) << note(kIadB);
}

// Whatever it did between two looks at it in this way is no more than a look may miss.
TEST_F(Promotions, are_believed_where_the_copy_was_seen_within_a_look_before_its_start) {
  promote(shard.wall() + milliseconds(300));
  make_checkpoint();
  stamp(shard.wall());
  idle(1);
  ASSERT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_TRUE(sound(kIadB)) << note(kIadB);
}

// It was started with the old configuration, seen so, and started again at once.
TEST_F(Promotions, are_not_believed_where_another_life_of_it_has_written_since) {
  promote(shard.wall() - milliseconds(300));
  make_checkpoint();
  idle(1);
  writer().session += 10;
  writer().started = writer().backends_started = shard.wall();
  stamp(shard.wall());
  idle(1);
  ASSERT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_FALSE(sound(kIadB)) << lineage(kIadB);
}

TEST_F(Promotions, while_rpoguard_was_away_are_told_by_a_stamp_that_is_younger_than_the_run) {
  be_away();
  for (const bool younger : {true, false}) {
    TestShard before = shard;
    promote(shard.wall() - minutes(3));
    make_checkpoint();
    stamp(shard.wall() - minutes(younger ? 2 : 4));
    idle(2);
    ASSERT_EQ(shard.view.writer->node, "phx-a");
    EXPECT_EQ(sound(kIadB), younger) << lineage(kIadB);
    shard = std::move(before);
  }
}

// It was promoted, took writes, lost them in a crash, and only then was stamped.
TEST_F(Promotions, while_rpoguard_was_away_are_not_told_by_a_stamp_of_a_later_run) {
  be_away();
  promote(shard.wall() - minutes(4));
  start_at(kPhxA, Lsn{fork_.value + 5000});
  facts(kIadB).receive_lsn = facts(kIadB).replay_lsn = Lsn{fork_.value + 9000};
  stamp(shard.wall() + seconds(2));
  facts(kIadB).stamped = writer().stamped;
  shard.pass(seconds(30));
  shard.commit(20'000);
  idle(2);
  ASSERT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_FALSE(sound(kIadB)) << lineage(kIadB);
}

// Recovery ended at a target: the checkpoint there is the first record of the new timeline.
TEST_F(Promotions, that_end_a_recovery_at_a_target_begin_with_a_checkpoint) {
  be_away();
  promote(shard.wall() - minutes(4));
  start_at(kPhxA, Lsn{fork_.value + 40});
  stamp(shard.wall() + seconds(2));
  shard.pass(seconds(30));
  idle(2);
  ASSERT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_TRUE(sound(kIadB)) << note(kIadB);
}

ShardSpec by_timeline() {
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::timeline;
  return spec;
}

class UnstampedPromotions : public Promotions {
 protected:
  UnstampedPromotions() : Promotions(by_timeline()) {}
};

TEST_F(UnstampedPromotions,
       while_rpoguard_was_away_are_told_by_the_control_file_or_by_an_operator) {
  be_away();
  for (const bool checkpointed : {false, true}) {
    TestShard before = shard;
    promote(shard.wall() - minutes(3));
    if (checkpointed) make_checkpoint();
    idle(2);
    ASSERT_EQ(shard.view.writer->node, "phx-a");
    EXPECT_EQ(lineage(kIadB), checkpointed ? "unknown" : "assumed");
    EXPECT_EQ(note(kIadB).find("rpoguard readmit 184/iad-b") != std::string::npos, checkpointed)
        << note(kIadB);
    shard = std::move(before);
  }
}

TEST_F(UnstampedPromotions, of_a_server_that_was_seen_in_recovery_before_a_restart_of_rpoguard) {
  be_away();
  promote(*facts(kPhxA).backends_started);
  make_checkpoint();
  idle(2);
  ASSERT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_TRUE(sound(kIadB)) << note(kIadB);
}

}  // namespace
}  // namespace rpoguard::core
