// evaluate() end to end: promotions, stamps, waivers, restarts.
#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

/// iad is lost, phx-a is promoted and not stamped yet.
TestShard after_promotion(ShardSpec spec = make_spec()) {
  TestShard shard(std::move(spec));
  shard.run_healthy(5);
  shard.failures[kIadA] = shard.failures[kIadB] = ProbeFailure::timeout;
  shard.promote(kPhxA, 2);
  shard.run(4);
  return shard;
}

void stamp(TestShard& shard) {
  shard.facts[kPhxA].stamped = make_stamp(2, "phx");
  shard.writer_node = kPhxA;
}

/// The old region comes back as copies of the new writer.
void rebuild(TestShard& shard) {
  shard.failures[kIadA].reset();
  shard.failures[kIadB].reset();
  for (const std::size_t node : {kIadA, kIadB}) {
    shard.facts[node] = make_standby_facts(90 + node);
    shard.facts[node].stamped = shard.facts[kPhxA].stamped;
    shard.replicate(node);
  }
}

TEST(Failover, an_unstamped_promotion_is_not_believed) {
  TestShard shard = after_promotion();
  EXPECT_EQ(shard.reason(), "stale_epoch");
  EXPECT_EQ(shard.state(kPhxA), "unconfirmed");
  EXPECT_FALSE(shard.view.writer);
}

TEST(Failover, a_stamped_promotion_opens_under_a_waiver_at_the_next_look) {
  TestShard shard = after_promotion();
  stamp(shard);
  shard.tick();
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_TRUE(shard.view.writes_usable);
  EXPECT_TRUE(shard.view.gate.waived);
  ASSERT_TRUE(shard.view.waiver);
  EXPECT_EQ(shard.view.waiver->why, "epoch 2 was stamped for region phx by jo");
  EXPECT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_EQ(shard.view.highest_epoch, Epoch{2});
  EXPECT_FALSE(shard.view.recovery_point);
}

TEST(Failover, a_gate_open_by_a_waiver_lasts_as_long_as_the_writer_is_seen) {
  TestShard shard = after_promotion();
  stamp(shard);
  shard.tick();
  const Instant asked = shard.memory.readings[kPhxA].last_success->asked;
  EXPECT_EQ(shard.view.gate.open_until, asked + seconds(5));
  shard.failures[kPhxA] = ProbeFailure::refused;
  shard.tick();
  EXPECT_EQ(shard.reason(), "no_writer");
}

TEST(Failover, the_waiver_ends_by_itself_with_the_first_proof) {
  TestShard shard = after_promotion();
  stamp(shard);
  shard.run_healthy(3);
  EXPECT_TRUE(shard.view.gate.waived);
  rebuild(shard);
  shard.run_healthy(2);
  EXPECT_FALSE(shard.view.waiver);
  EXPECT_FALSE(shard.memory.durable.waiver);
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_FALSE(shard.view.gate.waived);
  EXPECT_TRUE(shard.view.nodes[kIadA].counted) << "the other region's copies count now";
  EXPECT_FALSE(shard.view.nodes[kPhxA].counted);
}

// iad-b stays with the old writer, which is cut off from phx: where the two part, it has all that
// both have.
TEST(Failover, the_waiver_does_not_end_with_what_a_copy_has_of_the_old_writer) {
  TestShard shard;
  shard.run_healthy(5);
  const Lsn fork = *shard.facts[kPhxA].receive_lsn;
  shard.promote(kPhxA, 2);
  shard.facts[kPhxA].history = TimelineHistory{{TimelineStep{Timeline{1}, fork}}};
  shard.facts[kPhxA].replication.clear();
  stamp(shard);
  shard.commit();
  shard.run(2);
  ASSERT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_TRUE(shard.view.recovery_point) << "of the old writer: or this shows nothing";
  EXPECT_TRUE(shard.view.gate.waived);
  shard.facts[kIadB].receive_lsn = shard.facts[kIadB].replay_lsn = Lsn{fork.value + 5000};
  shard.commit();
  shard.run(4);
  EXPECT_FALSE(shard.view.recovery_point);
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_TRUE(shard.view.gate.waived);
}

TEST(Failover, the_waiver_survives_a_restart_and_so_does_its_end) {
  TestShard shard = after_promotion();
  stamp(shard);
  shard.tick();
  const DurableMemory before = shard.memory.durable;
  shard.restart();
  shard.run(2);
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_TRUE(shard.view.gate.waived);
  EXPECT_EQ(shard.memory.durable, before);
  shard.pass(hours(24));
  shard.run(1);
  EXPECT_EQ(shard.reason(), "unproven");
  EXPECT_FALSE(shard.memory.durable.waiver);
}

TEST(Failover, a_waiver_may_outlast_no_time_of_the_wall_clock_while_no_writer_is_seen) {
  TestShard shard = after_promotion();
  stamp(shard);
  shard.tick();
  shard.failures[kPhxA] = ProbeFailure::refused;
  shard.pass(hours(25));
  shard.run(3);
  EXPECT_FALSE(shard.open());
  shard.failures[kPhxA].reset();
  shard.run(1);
  EXPECT_EQ(shard.reason(), "unproven");
}

TEST(Failover, is_enforced_where_the_policy_says_so) {
  ShardSpec spec = make_spec();
  spec.after_failover = AfterFailover::enforce;
  TestShard shard = after_promotion(spec);
  stamp(shard);
  shard.run(2);
  EXPECT_EQ(shard.reason(), "unproven");
  EXPECT_FALSE(shard.view.waiver);
}

TEST(Failover, a_timeline_is_no_stamp_and_opens_no_waiver) {
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::timeline;
  TestShard shard = after_promotion(spec);
  shard.writer_node = kPhxA;
  shard.run(2);
  EXPECT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_EQ(shard.reason(), "unproven");
}

TEST(Failover, the_first_epoch_ever_seen_is_no_promotion) {
  TestShard shard;
  shard.facts[kIadA].stamped = make_stamp(9, "iad");
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.run(3);
  EXPECT_FALSE(shard.view.waiver);
  EXPECT_EQ(shard.reason(), "unproven");
}

TEST(Failover, a_returned_old_writer_is_stale_and_closes_nothing) {
  TestShard shard = after_promotion();
  stamp(shard);
  shard.run(2);
  shard.failures[kIadA].reset();
  shard.run(2);
  EXPECT_EQ(shard.state(kIadA), "stale_writer");
  EXPECT_EQ(shard.state(kPhxA), "writer");
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_EQ(shard.view.writers, 2);
  EXPECT_FALSE(shard.view.epoch_agreement);
  EXPECT_NE(shard.view.nodes[kIadA].note.find("fence"), std::string::npos);
}

TEST(Failover, a_restart_that_reaches_only_the_old_writer_refuses_it) {
  TestShard shard = after_promotion();
  stamp(shard);
  shard.run(2);
  shard.restart();
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.failures[kIadA].reset();
  shard.failures[kIadB].reset();
  shard.writer_node = kIadA;
  shard.run_healthy(5);
  EXPECT_EQ(shard.reason(), "stale_epoch");
  EXPECT_EQ(shard.state(kIadA), "stale_writer");
  EXPECT_EQ(shard.view.highest_epoch, Epoch{2});
}

TEST(Failover, a_restart_remembers_whose_data_this_shard_holds) {
  TestShard shard;
  shard.run_healthy(3);
  shard.restart();
  for (NodeFacts& facts : shard.facts) facts.system_identifier = 78;
  shard.run(3);
  EXPECT_EQ(shard.reason(), "no_writer");
  EXPECT_EQ(shard.state(kIadA), "foreign");
}

TEST(Failover, an_unstamped_promotion_beside_the_writer_is_a_split_brain) {
  TestShard shard;
  shard.run_healthy(5);
  shard.promote(kPhxA, 2);
  shard.run(1);
  EXPECT_EQ(shard.reason(), "split_brain");
  EXPECT_EQ(shard.view.writers, 2);
  EXPECT_EQ(shard.state(kIadA), "split_brain");
  EXPECT_EQ(shard.state(kPhxA), "split_brain");
}

TEST(Failover, a_split_brain_does_not_heal_by_losing_sight_of_a_rival) {
  ShardSpec spec = make_spec();
  spec.nodes.push_back(make_node("phx-b", "phx"));
  for (const auto source : {EpochSource::table, EpochSource::timeline}) {
    spec.epoch_source = source;
    TestShard shard(spec);
    shard.run_healthy(5);
    shard.promote(kPhxA, 2);
    shard.run_healthy(2);
    ASSERT_EQ(shard.reason(), "split_brain") << name_of(source);
    for (const auto failure : {ProbeFailure::timeout, ProbeFailure::refused}) {
      shard.failures[kPhxA] = failure;
      shard.run_healthy(20);
      EXPECT_EQ(shard.reason(), "split_brain") << name_of(source) << ": it may still accept writes";
      EXPECT_EQ(shard.state(kPhxA), "unreachable") << name_of(source);
    }
  }
}

TEST(Failover, a_split_brain_ends_when_a_rival_is_outranked_or_a_standby_again) {
  ShardSpec spec = make_spec();
  spec.nodes.push_back(make_node("phx-b", "phx"));
  TestShard shard(spec);
  shard.run_healthy(5);
  const NodeFacts as_standby = shard.facts[kPhxA];
  shard.promote(kPhxA, 2);
  shard.run_healthy(2);
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.run_healthy(5);
  TestShard outranked = shard;
  for (NodeFacts& facts : outranked.facts) facts.stamped = make_stamp(2, "iad");
  outranked.run_healthy(7);
  EXPECT_TRUE(outranked.open()) << outranked.reason();
  shard.failures[kPhxA].reset();
  shard.facts[kPhxA] = as_standby;
  shard.run_healthy(7);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST(Failover, a_new_writers_clock_starts_anew) {
  TestShard shard = after_promotion();
  stamp(shard);
  shard.run_healthy(2);
  rebuild(shard);
  shard.facts[kIadA].timeline = shard.facts[kIadB].timeline = Timeline{1};
  shard.run(3);
  EXPECT_FALSE(shard.view.recovery_point) << "positions on the old timeline prove nothing here";
}

TEST(Failover, looks_at_the_old_writer_prove_nothing_about_the_new_one) {
  TestShard shard = after_promotion();
  stamp(shard);
  shard.run_healthy(2);
  rebuild(shard);
  for (const std::size_t node : {kIadA, kIadB})
    shard.facts[node].receive_lsn = shard.facts[node].replay_lsn = Lsn{0x3000000 + 5000};
  shard.run(3);
  EXPECT_FALSE(shard.view.recovery_point) << "it holds what iad-a wrote, and nothing of phx-a's";
}

}  // namespace
}  // namespace rpoguard::core
