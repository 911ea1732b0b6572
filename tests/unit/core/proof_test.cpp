// evaluate() end to end: what the copies prove, and the lease that follows from it.
#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

TEST(Evaluate, a_healthy_shard_is_open_with_an_exposure_near_the_probe_interval) {
  TestShard shard;
  shard.run_healthy(10);
  EXPECT_TRUE(shard.open());
  EXPECT_TRUE(shard.view.writes_usable);
  EXPECT_TRUE(shard.view.epoch_agreement);
  EXPECT_EQ(shard.view.writers, 1);
  EXPECT_EQ(shard.view.writer->node, "iad-a");
  EXPECT_EQ(shard.view.writer->epoch, Epoch{1});
  EXPECT_LE(*exposure_at(shard.view, shard.now), seconds(1));
  EXPECT_EQ(shard.view.gate.open_until, *shard.view.recovery_point + seconds(5));
  EXPECT_EQ(exposure_known_at(shard.view, shard.now), Duration{0});
}

TEST(Evaluate, the_first_view_is_closed_and_unproven) {
  TestShard shard;
  shard.judge();
  EXPECT_EQ(shard.reason(), "no_writer");
  shard.probe_node(kIadA);
  EXPECT_EQ(shard.reason(), "unproven");
  EXPECT_FALSE(exposure_at(shard.view, shard.now));
}

TEST(Evaluate, t_is_when_the_writer_was_asked_not_when_it_answered) {
  TestShard shard;
  shard.tick();
  EXPECT_EQ(shard.view.recovery_point, kStart);
}

TEST(Evaluate, a_cut_link_stops_t_and_the_gate_closes_at_t_plus_rpo) {
  TestShard shard;
  shard.run_healthy(5);
  const Instant t = *shard.view.recovery_point;
  for (int i = 0; i < 4; ++i) {
    shard.commit();
    shard.tick();
    EXPECT_EQ(shard.view.recovery_point, t);
    EXPECT_TRUE(shard.open());
    EXPECT_EQ(shard.view.gate.open_until, t + seconds(5));
  }
  EXPECT_FALSE(check_gate(shard.spec, &shard.view, {}, t + seconds(5)).open)
      << "without another look";
  shard.commit();
  shard.tick();
  EXPECT_EQ(shard.reason(), "rpo_exceeded");
  EXPECT_EQ(shard.view.oldest_known_missing, t + seconds(1) + milliseconds(2)) << "first seen then";
}

TEST(Evaluate, a_healed_link_reopens_after_the_exposure_has_stayed_low) {
  TestShard shard;
  shard.run_healthy(5);
  for (int i = 0; i < 8; ++i) {
    shard.commit();
    shard.tick();
  }
  shard.run_healthy(1);
  EXPECT_EQ(shard.reason(), "reopening");
  shard.run_healthy(4);
  EXPECT_EQ(shard.reason(), "reopening");
  shard.run_healthy(2);
  EXPECT_TRUE(shard.open());
}

TEST(Evaluate, an_idle_shard_stays_open_while_its_log_goes_on) {
  TestShard shard;
  shard.run_healthy(3);
  for (int i = 0; i < 600; ++i) {
    if (i % 15 == 0)
      *shard.facts[kIadA].insert_lsn = Lsn{shard.facts[kIadA].insert_lsn->value + 56};
    shard.tick();
    ASSERT_TRUE(shard.open()) << i;
    ASSERT_LE(*exposure_at(shard.view, shard.now), seconds(1)) << i;
  }
}

// It may be that of commits which were acknowledged before it was flushed.
TEST(Evaluate, wal_that_is_not_flushed_holds_back_t_until_it_is) {
  TestShard shard;
  shard.run_healthy(3);
  shard.commit();
  shard.replicate(kPhxA);
  shard.facts[kIadA].insert_lsn = Lsn{shard.facts[kIadA].flushed_lsn->value + 8000};
  shard.run(7);
  EXPECT_EQ(shard.reason(), "rpo_exceeded");
  EXPECT_EQ(
      shard.view.gate.detail,
      "the writer has flushed its WAL up to 0/3000FA0 only, and may have acknowledged commits "
      "up to 0/3002EE0");
  EXPECT_EQ(exposure_known_at(shard.view, shard.now), Duration{0})
      << "no commit has been acknowledged that waits for it to be flushed";
  TestShard careless = shard;
  careless.facts[kIadA].synchronous_commit = "off";
  careless.tick();
  EXPECT_GT(exposure_known_at(careless.view, careless.now), seconds(5));
  careless.facts[kIadA].synchronous_commit = "on";
  careless.facts[kIadA].weakest_commit = CommitLevel{"role batch", "off"};
  careless.tick();
  EXPECT_GT(exposure_known_at(careless.view, careless.now), seconds(5));
  shard.facts[kIadA].flushed_lsn = Lsn{shard.facts[kIadA].flushed_lsn->value + 1000};
  shard.tick();
  EXPECT_GT(exposure_known_at(shard.view, shard.now), seconds(5))
      << "the writer has flushed more than the copy has";
  shard.facts[kIadA].flushed_lsn = shard.facts[kIadA].insert_lsn;
  shard.replicate(kPhxA);
  shard.run(2);
  EXPECT_LE(*exposure_at(shard.view, shard.now), seconds(1));
}

TEST(Evaluate, a_setting_that_lets_wal_wait_is_named) {
  TestShard shard;
  shard.run_healthy(3);
  shard.commit();
  shard.replicate(kPhxA);
  shard.facts[kIadA].insert_lsn = Lsn{shard.facts[kIadA].flushed_lsn->value + 8000};
  const auto detail_with = [&](Duration delay) {
    TestShard with = shard;
    SlowFacts slow;
    slow.wal_writer_delay = delay;
    with.observations.slow[kIadA] = SlowObservation{with.now, with.now, slow};
    with.run(7);
    EXPECT_EQ(with.reason(), "rpo_exceeded");
    return with.view.gate.detail;
  };
  EXPECT_TRUE(detail_with(milliseconds(200)).ends_with(" up to 0/3002EE0"));
  EXPECT_TRUE(detail_with(seconds(10))
                  .ends_with(" up to 0/3002EE0; it flushes what no commit waits for after "
                             "wal_writer_delay, which is 10s there: set it to 200ms"))
      << detail_with(seconds(10));
}

TEST(Evaluate, an_idle_writer_and_an_unreachable_copy_stop_t) {
  TestShard shard;
  shard.run_healthy(3);
  shard.failures[kPhxA] = ProbeFailure::timeout;
  const Instant last_asked = shard.memory.readings[kPhxA].last_success->asked;
  shard.run(10);
  EXPECT_LE(*shard.view.recovery_point, last_asked)
      << "what a copy said then proves nothing about later";
  EXPECT_EQ(shard.reason(), "rpo_exceeded");
}

TEST(Evaluate, an_unreachable_copy_is_followed_by_the_writers_row_while_that_moves) {
  TestShard shard;
  shard.run_healthy(3);
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.run_healthy(10);
  EXPECT_EQ(shard.state(kPhxA), "unreachable");
  EXPECT_TRUE(shard.open()) << shard.reason();
  // It has moved since the look before: that long ago, perhaps, was the copy's last sign of life.
  EXPECT_GE(*exposure_at(shard.view, shard.now), seconds(1));
  EXPECT_LE(*exposure_at(shard.view, shard.now), seconds(2));
}

TEST(Evaluate, a_row_that_moved_once_proves_nothing_about_the_time_after_the_look_before) {
  TestShard shard;
  shard.run_healthy(3);
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.run(2);
  const Instant look_before = shard.observations.nodes[kIadA]->asked;
  shard.commit();
  shard.replicate(kPhxA);
  shard.tick();
  EXPECT_EQ(*shard.view.recovery_point, look_before);
  shard.run(3);
  EXPECT_EQ(*shard.view.recovery_point, look_before);
}

TEST(Evaluate, a_row_that_stands_still_is_a_dead_connections_last_word) {
  TestShard shard;
  shard.run_healthy(3);
  shard.failures[kPhxA] = ProbeFailure::unreachable;
  const Lsn last = *shard.row(kPhxA).flush_lsn;
  for (int i = 0; i < 8; ++i) {
    shard.commit();
    shard.replicate(kIadB);
    shard.tick();
  }
  EXPECT_EQ(*shard.row(kPhxA).flush_lsn, last);
  EXPECT_EQ(shard.reason(), "rpo_exceeded");
}

TEST(Evaluate, a_row_ahead_of_the_copys_own_report_is_not_trusted_later) {
  TestShard shard;
  shard.run_healthy(3);
  shard.commit();
  shard.replicate(kPhxA);
  shard.facts[kPhxA].receive_lsn = shard.facts[kPhxA].replay_lsn = Lsn{0x3000000};
  shard.run(2);
  EXPECT_GT(*shard.view.nodes[kPhxA].evidence_disagreement_bytes, 0);
  const auto t = shard.view.recovery_point;
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.run_healthy(10);
  EXPECT_EQ(shard.view.recovery_point, t);
  EXPECT_FALSE(shard.open());
}

// A scrape that always falls between the writer's answer and the copy's would never see it.
TEST(Evaluate, what_two_ends_disagree_about_stands_until_both_are_asked_again) {
  TestShard shard;
  shard.run_healthy(3);
  shard.facts[kPhxA].receive_lsn = shard.facts[kPhxA].replay_lsn = Lsn{0x3000000};
  shard.run(2);
  const auto disagreement = shard.view.nodes[kPhxA].evidence_disagreement_bytes;
  ASSERT_GT(disagreement, 0);
  shard.pass(seconds(1));
  shard.probe_node(kIadA);
  shard.judge();
  EXPECT_EQ(shard.view.nodes[kPhxA].evidence_disagreement_bytes, disagreement);
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.tick();
  EXPECT_FALSE(shard.view.nodes[kPhxA].evidence_disagreement_bytes);
}

TEST(Evaluate, a_row_that_was_gone_may_be_a_strangers_when_it_is_back) {
  TestShard shard;
  shard.run_healthy(3);
  const Instant last_asked = shard.memory.readings[kPhxA].last_success->asked;
  shard.failures[kPhxA] = ProbeFailure::refused;
  const ReplicationRow stranger = shard.row(kPhxA);
  std::erase_if(shard.facts[kIadA].replication,
                [](const ReplicationRow& row) { return row.application_name == "phx-a"; });
  shard.tick();
  shard.facts[kIadA].replication.push_back(stranger);
  shard.run_healthy(10);
  EXPECT_LE(*shard.view.recovery_point, last_asked);
}

TEST(Evaluate, rows_that_came_while_the_writer_was_not_seen_are_not_trusted) {
  TestShard shard;
  shard.run_healthy(3);
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.failures[kIadA] = ProbeFailure::timeout;
  shard.run(6);
  const auto t = shard.view.recovery_point;
  shard.failures[kIadA].reset();
  shard.run_healthy(6);
  EXPECT_EQ(shard.view.recovery_point, t);
}

TEST(Evaluate, two_rows_of_one_name_are_no_evidence) {
  TestShard shard;
  shard.run_healthy(3);
  const auto t = shard.view.recovery_point;
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.facts[kIadA].replication.push_back(make_row("phx-a", Lsn{0x9000000}));
  shard.run_healthy(10);
  EXPECT_EQ(shard.view.recovery_point, t);
  EXPECT_EQ(shard.view.nodes[kPhxA].synchronous, std::nullopt);
}

TEST(Evaluate, a_copy_on_another_timeline_proves_nothing) {
  TestShard shard;
  shard.run_healthy(3);
  shard.facts[kPhxA].timeline = Timeline{2};
  for (int i = 0; i < 3; ++i) {
    shard.commit();
    shard.replicate(kPhxA);
    shard.facts[kPhxA].timeline = Timeline{2};
    shard.tick();
  }
  EXPECT_FALSE(shard.view.recovery_point);
  EXPECT_EQ(shard.reason(), "unproven");
  EXPECT_FALSE(shard.view.nodes[kPhxA].recovery_point_flush);
  EXPECT_FALSE(shard.view.nodes[kPhxA].lag_bytes_flush);
}

TEST(Evaluate, a_reseeded_copy_goes_back) {
  TestShard shard;
  shard.run_healthy(10);
  const Instant before = *shard.view.recovery_point;
  shard.facts[kPhxA].receive_lsn.reset();
  shard.facts[kPhxA].replay_lsn = Lsn{0x3000000 + 3000};
  shard.tick();
  ASSERT_TRUE(shard.view.recovery_point);
  EXPECT_EQ(*shard.view.recovery_point, kStart + seconds(2)) << "the third commit's look";
  EXPECT_LT(*shard.view.recovery_point, before);
}

TEST(Evaluate, a_copy_older_than_the_clock_reaches_proves_nothing) {
  TestShard shard;
  shard.run_healthy(10);
  shard.facts[kPhxA].receive_lsn = shard.facts[kPhxA].replay_lsn = Lsn{0x2000000};
  shard.tick();
  EXPECT_FALSE(shard.view.recovery_point);
  EXPECT_EQ(shard.reason(), "unproven");
}

TEST(Evaluate, replay_is_what_counts_where_the_policy_says_so) {
  ShardSpec spec = make_spec();
  spec.durability = Durability::replay;
  TestShard shard(spec);
  shard.run_healthy(3);
  const Lsn replayed = *shard.facts[kPhxA].replay_lsn;
  const auto t = shard.view.recovery_point;
  for (int i = 0; i < 3; ++i) {
    shard.commit();
    shard.replicate(kPhxA);
    shard.facts[kPhxA].replay_lsn = replayed;
    shard.tick();
  }
  EXPECT_EQ(shard.view.recovery_point, t);
  EXPECT_GT(shard.view.nodes[kPhxA].recovery_point_flush,
            shard.view.nodes[kPhxA].recovery_point_replay);
}

TEST(Evaluate, with_two_copies_required_the_slower_one_decides) {
  ShardSpec spec = make_spec();
  spec.nodes.push_back(make_node("phx-b", "phx"));
  spec.copies = 2;
  TestShard shard(spec);
  shard.run_healthy(3);
  const auto t = shard.view.recovery_point;
  for (int i = 0; i < 2; ++i) {
    shard.commit();
    shard.replicate(kPhxA);
    shard.tick();
  }
  EXPECT_EQ(shard.view.recovery_point, t);
  shard.spec.copies = 1;
  shard.tick();
  EXPECT_GT(shard.view.recovery_point, t);
}

TEST(Evaluate, only_targets_outside_the_writers_region_in_allowed_regions_count) {
  struct Row {
    const char* name;
    std::function<void(ShardSpec&)> change;
  };
  const std::vector<Row> rows{
      {"in the writer's region", [](ShardSpec& spec) { spec.nodes[kPhxA].region = "iad"; }},
      {"no target", [](ShardSpec& spec) { spec.nodes[kPhxA].durability_target = false; }},
      {"not allowed",
       [](ShardSpec& spec) {
         spec.allowed_regions = {"iad", "fra"};
       }},
  };
  for (const Row& row : rows) {
    ShardSpec spec = make_spec();
    row.change(spec);
    TestShard shard(spec);
    shard.run_healthy(3);
    EXPECT_FALSE(shard.view.nodes[kPhxA].counted) << row.name;
    EXPECT_EQ(shard.reason(), "unproven") << row.name;
  }
}

TEST(Evaluate, a_standby_beside_the_writer_never_counts) {
  TestShard shard;
  shard.facts[kPhxA].receive_lsn = shard.facts[kPhxA].replay_lsn = Lsn{1};
  shard.commit();
  shard.replicate(kIadB);
  shard.tick();
  EXPECT_FALSE(shard.view.recovery_point);
  EXPECT_TRUE(shard.view.nodes[kIadB].recovery_point_flush) << "it is shown all the same";
  EXPECT_FALSE(shard.view.nodes[kIadB].counted);
}

TEST(Evaluate, a_silent_writer_closes_the_gate_after_the_stale_window) {
  TestShard shard;
  shard.run_healthy(5);
  shard.failures[kIadA] = ProbeFailure::timeout;
  shard.run(2);
  EXPECT_TRUE(shard.open());
  shard.run(2);
  EXPECT_EQ(shard.reason(), "no_writer");
  EXPECT_FALSE(shard.view.writes_usable);
  EXPECT_FALSE(shard.view.last_possible_ack) << "it may be acknowledging writes";
}

TEST(Evaluate, a_writer_whose_way_refuses_is_no_confirmed_one_at_once) {
  for (const auto failure : {ProbeFailure::refused, ProbeFailure::not_accepting}) {
    TestShard shard;
    shard.run_healthy(5);
    shard.failures[kIadA] = failure;
    shard.probe_node(kIadA);
    EXPECT_EQ(shard.reason(), "no_writer");
    EXPECT_FALSE(shard.view.last_possible_ack)
        << "it may be the way that refuses, or a smart shutdown that lets others go on";
  }
}

TEST(Evaluate, a_restarted_writer_goes_on_with_the_same_clock) {
  TestShard shard;
  shard.run_healthy(5);
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.run(3);
  shard.failures[kIadA].reset();
  shard.facts[kIadA].session = 50;
  shard.run_healthy(1);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST(Evaluate, an_answer_judged_twice_counts_once) {
  TestShard shard;
  shard.run_healthy(3);
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.tick();
  shard.judge();
  shard.judge();
  const auto timeout = static_cast<std::size_t>(ProbeFailure::timeout);
  EXPECT_EQ(shard.view.nodes[kPhxA].probe_failures[timeout], 1U);
}

TEST(Evaluate, an_answer_that_overtook_an_older_one_stays) {
  TestShard shard;
  shard.run_healthy(3);
  const auto older = shard.observations.nodes[kIadA];
  shard.run_healthy(3);
  const auto latest = shard.memory.source.clock.latest();
  shard.observations.nodes[kIadA] = older;
  shard.judge();
  EXPECT_EQ(shard.memory.source.clock.latest()->t, latest->t);
}

TEST(Evaluate, same_input_gives_the_same_output) {
  TestShard one;
  one.run_healthy(5);
  TestShard two = one;
  one.run_healthy(5);
  two.run_healthy(5);
  EXPECT_EQ(one.view.recovery_point, two.view.recovery_point);
  EXPECT_EQ(one.view.gate.open_until, two.view.gate.open_until);
  EXPECT_EQ(one.memory.durable, two.memory.durable);
}

TEST(EvaluateDeath, observations_that_do_not_fit_the_configuration_are_a_bug) {
  TestShard shard;
  shard.observations.nodes.pop_back();
  EXPECT_DEATH(shard.judge(), "bug in rpoguard");
}

TEST(Evaluate, the_archive_proves_whole_segments_on_the_writers_timeline) {
  TestShard shard;
  shard.run_healthy(2);
  EXPECT_TRUE(shard.view.archive.enabled);
  EXPECT_EQ(shard.view.archive.recovery_point, std::nullopt) << "its end is before the first look";
  EXPECT_EQ(shard.view.archive.lag_bytes, 2000);
  shard.facts[kIadA].archiver->last_archived_wal = "000000010000000000000003";
  shard.tick();
  EXPECT_EQ(shard.view.archive.recovery_point, shard.view.evaluated - milliseconds(6));
  EXPECT_EQ(shard.view.archive.lag_bytes, 0);
  for (const char* name : {"000000020000000000000003", "00000002.history", ""}) {
    shard.facts[kIadA].archiver->last_archived_wal = name;
    shard.tick();
    EXPECT_FALSE(shard.view.archive.recovery_point) << name;
    EXPECT_FALSE(shard.view.archive.lag_bytes) << name;
  }
  shard.facts[kIadA].archiver.reset();
  shard.tick();
  EXPECT_FALSE(shard.view.archive.enabled);
}

TEST(Evaluate, an_archive_limit_closes_the_gate_when_the_archive_stands_still) {
  ShardSpec spec = make_spec();
  spec.archive.max_age = seconds(20);
  TestShard shard(spec);
  shard.facts[kIadA].archiver->last_archived_wal = "000000010000000000000003";
  shard.run_healthy(3);
  EXPECT_TRUE(shard.open()) << shard.reason();
  shard.commit(16 * 1024 * 1024);
  shard.run_healthy(19);
  EXPECT_TRUE(shard.open());
  shard.run_healthy(2);
  EXPECT_EQ(shard.reason(), "archive_too_old");
}

}  // namespace
}  // namespace rpoguard::core
