// evaluate() end to end: the account of good and bad seconds, outages, what is shown.
#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

TEST(Account, seconds_sum_up) {
  TestShard shard;
  shard.judge();
  shard.run_healthy(1);
  const Duration unknown = shard.view.slo.unknown;
  shard.run_healthy(29);
  for (int i = 0; i < 20; ++i) {
    shard.commit();
    shard.tick();
  }
  shard.run_healthy(10);
  const SloView& slo = shard.view.slo;
  EXPECT_EQ(slo.total, shard.now - kStart);
  EXPECT_EQ(slo.unknown, unknown);
  // T stands still for 21 s between two proofs; the first RPO of that is kept.
  EXPECT_GT(slo.exceeded, milliseconds(15'900));
  EXPECT_LT(slo.exceeded, milliseconds(16'100));
}

TEST(Account, a_stall_counts_as_exceeded_from_where_the_promise_ran_out) {
  TestShard shard;
  shard.run_healthy(5);
  const Duration total = shard.view.slo.total;
  const Instant kept_until = *shard.memory.promise.kept_until;
  shard.pass(seconds(100));
  shard.run_healthy(1);
  EXPECT_EQ(shard.view.slo.total, total + seconds(101));
  EXPECT_GE(shard.view.slo.exceeded, seconds(96) - milliseconds(10));
  EXPECT_LE(shard.view.slo.exceeded, shard.now - kept_until);
}

TEST(Account, a_prober_stall_closes_the_gate_by_itself_and_has_to_settle_afterwards) {
  TestShard shard;
  shard.run_healthy(10);
  shard.pass(seconds(20));
  EXPECT_FALSE(shard.open());
  shard.run_healthy(2);
  EXPECT_EQ(shard.reason(), "reopening");
  shard.run_healthy(5);
  EXPECT_TRUE(shard.open());
}

TEST(Account, time_without_any_proof_is_unknown) {
  TestShard shard;
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.run(10);
  EXPECT_EQ(shard.view.slo.unknown, shard.view.slo.total);
  EXPECT_EQ(shard.view.slo.exceeded, Duration{0});
}

TEST(Account, the_seconds_before_a_failover_are_judged_by_the_old_promise) {
  TestShard shard;
  shard.run_healthy(5);
  const Duration unknown = shard.view.slo.unknown;
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.promote(kPhxA, 2);
  shard.facts[kPhxA].stamped = make_stamp(2, "phx");
  shard.writer_node = kPhxA;
  shard.tick();
  EXPECT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_LE(shard.view.slo.unknown - unknown, milliseconds(10));
  shard.run(5);
  EXPECT_GT(shard.view.slo.unknown - unknown, seconds(4)) << "a waiver excuses nothing";
}

TEST(Account, each_second_is_in_one_bucket_of_the_exposure) {
  TestShard shard;
  shard.judge();
  shard.run_healthy(30);
  const ExposureHistogram healthy = shard.view.slo.exposure;
  shard.pass(seconds(100));
  shard.run_healthy(5);
  const SloView& slo = shard.view.slo;
  Duration sum{};
  for (const Duration time : slo.exposure.time) sum += time;
  EXPECT_EQ(sum, slo.total);
  EXPECT_EQ(slo.exposure.known + slo.unknown, slo.total);
  // The stall went through every bucket up to 100 s of exposure.
  for (std::size_t i = 4; kExposureBuckets.at(i) <= minutes(1); ++i) {
    EXPECT_EQ(slo.exposure.time.at(i) - healthy.time.at(i),
              kExposureBuckets.at(i) - kExposureBuckets.at(i - 1));
  }
}

TEST(Account, the_exposure_of_an_rpo_of_zero_is_measured_too) {
  TestShard shard(make_spec(seconds(0)));
  shard.run_healthy(20);
  EXPECT_GT(shard.view.slo.exposure.known, seconds(15));
  EXPECT_GT(shard.view.slo.exceeded + shard.view.slo.unknown, seconds(15)) << "nothing waits";
}

TEST(Account, goes_on_across_a_reload) {
  TestShard shard;
  shard.run_healthy(10);
  const SloView before = shard.view.slo;
  ShardSpec after = shard.spec;
  after.rpo = seconds(30);
  after.nodes.pop_back();
  after.nodes.push_back(make_node("phx-z", "phx"));
  shard.memory = adopt(std::move(shard.memory), shard.spec, after);
  shard.spec = after;
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.run(5);
  EXPECT_GT(shard.view.slo.total, before.total);
  EXPECT_GE(shard.view.slo.exceeded, before.exceeded);
  EXPECT_GE(kept(shard.view.slo), kept(before));
  for (std::size_t i = 0; i < before.exposure.time.size(); ++i) {
    EXPECT_GE(shard.view.slo.exposure.time.at(i), before.exposure.time.at(i));
  }
}

TEST(Account, the_exposure_grows_by_a_second_a_second_when_nothing_arrives) {
  TestShard shard(make_spec(seconds(60)));
  shard.run_healthy(20);
  EXPECT_EQ(shard.view.exposure_growth, 0.0);
  EXPECT_FALSE(time_to_exhaustion_at(shard.view, shard.now));
  for (int i = 0; i < 5; ++i) {
    shard.commit();
    shard.tick();
  }
  EXPECT_EQ(shard.view.exposure_growth, 1.0);
  EXPECT_EQ(time_to_exhaustion_at(shard.view, shard.now),
            shard.spec.rpo - *exposure_at(shard.view, shard.now));
}

TEST(Account, the_growth_under_another_writer_starts_anew) {
  TestShard shard;
  shard.run_healthy(20);
  ASSERT_TRUE(shard.view.exposure_growth);
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.promote(kPhxA, 2);
  shard.facts[kPhxA].stamped = make_stamp(2, "phx");
  shard.writer_node = kPhxA;
  shard.tick();
  EXPECT_FALSE(shard.view.exposure_growth);
}

TEST(Outage, is_timed_from_losing_writes_to_having_them_back) {
  TestShard shard;
  shard.run_healthy(5);
  EXPECT_FALSE(shard.view.write_outage_since);
  EXPECT_FALSE(shard.view.last_write_outage) << "starting up is no outage";
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.tick();
  const auto since = shard.view.write_outage_since;
  ASSERT_TRUE(since);
  shard.run(9);
  EXPECT_EQ(shard.view.write_outage_since, since);
  shard.failures[kIadA].reset();
  shard.run_healthy(8);
  EXPECT_FALSE(shard.view.write_outage_since);
  EXPECT_GE(*shard.view.last_write_outage, seconds(10));
  EXPECT_LE(*shard.view.last_write_outage, seconds(17));
}

TEST(Describe, shows_each_node_as_it_was_seen_last) {
  TestShard shard;
  shard.facts[kPhxA].replay_paused = true;
  SlowFacts slow;
  slow.connections["active"] = 3;
  shard.observations.slow[kIadA] = SlowObservation{kStart, kStart, slow};
  shard.observations.slow[kIadB] = SlowObservation{kStart, kStart, ProbeError{}};
  shard.run_healthy(3);
  const NodeView& writer = shard.view.nodes[kIadA];
  EXPECT_TRUE(writer.up);
  EXPECT_EQ(writer.server_version, 150'018);
  EXPECT_EQ(writer.in_recovery, false);
  EXPECT_EQ(writer.epoch, Epoch{1});
  EXPECT_EQ(writer.wal_position, shard.facts[kIadA].insert_lsn);
  EXPECT_EQ(writer.probe_duration, milliseconds(2));
  EXPECT_FALSE(writer.recovery_point_flush);
  EXPECT_FALSE(writer.streaming);
  EXPECT_EQ(writer.slow->connections.at("active"), 3);
  EXPECT_FALSE(shard.view.nodes[kIadB].slow);
  const NodeView& copy = shard.view.nodes[kPhxA];
  EXPECT_TRUE(copy.counted);
  EXPECT_EQ(copy.wal_position, shard.facts[kPhxA].receive_lsn);
  EXPECT_EQ(copy.replay_paused, true);
  EXPECT_EQ(copy.streaming, true);
  EXPECT_EQ(copy.synchronous, false);
  EXPECT_EQ(copy.lag_bytes_flush, 0);
  EXPECT_EQ(copy.lag_bytes_replay, 0);
  EXPECT_EQ(copy.evidence_disagreement_bytes, 0);
}

TEST(Describe, a_node_that_does_not_answer_shows_why_and_no_old_values) {
  TestShard shard;
  shard.run_healthy(3);
  shard.failures[kPhxA] = ProbeFailure::auth_failed;
  shard.run(1);
  const NodeView& copy = shard.view.nodes[kPhxA];
  EXPECT_FALSE(copy.up);
  EXPECT_EQ(copy.failure->reason, ProbeFailure::auth_failed);
  EXPECT_FALSE(copy.wal_position);
  EXPECT_FALSE(copy.in_recovery);
  EXPECT_FALSE(copy.timeline);
  EXPECT_TRUE(copy.last_answer);
  EXPECT_FALSE(copy.streaming) << "the writer's row outlives a dead connection";
}

TEST(Describe, an_answer_from_before_a_stall_is_not_up) {
  TestShard shard;
  shard.run_healthy(3);
  shard.pass(seconds(60));
  shard.judge();
  for (const NodeView& node : shard.view.nodes) {
    EXPECT_FALSE(node.up) << node.name;
    EXPECT_STREQ(name_of(node.state), "unreachable");
  }
}

TEST(Describe, slow_facts_may_be_absent_altogether) {
  TestShard shard;
  shard.observations.slow.clear();
  shard.run_healthy(3);
  EXPECT_TRUE(shard.open());
}

TEST(Describe, lag_is_unknown_while_the_writers_position_is) {
  TestShard shard;
  shard.run_healthy(3);
  shard.facts[kIadA].insert_lsn.reset();
  shard.tick();
  EXPECT_FALSE(shard.view.nodes[kPhxA].lag_bytes_flush);
  EXPECT_FALSE(shard.view.archive.lag_bytes);
}

}  // namespace
}  // namespace rpoguard::core
