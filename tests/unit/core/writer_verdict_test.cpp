// evaluate() end to end: two that accept writes, who of them is in use, and what a restart of
// rpoguard must not forget.
#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

/// phx-a accepts writes beside iad-a. phx-b replicates from iad-a, so nothing else keeps the gate
/// closed.
TestShard split(EpochSource source) {
  ShardSpec spec = make_spec();
  spec.nodes.push_back(make_node("phx-b", "phx"));
  spec.epoch_source = source;
  TestShard shard(spec);
  shard.run_healthy(5);
  shard.promote(kPhxA, 2);
  shard.run_healthy(2);
  EXPECT_EQ(shard.reason(), "split_brain") << name_of(source);
  return shard;
}

std::string forget(TestShard& shard, const std::string& node) {
  return forget_rival(shard.memory.durable.epochs, shard.spec, shard.memory.readings, node);
}

class Rivals : public ::testing::TestWithParam<EpochSource> {};

TEST_P(Rivals, stay_rivals_across_a_restart_that_reaches_only_one_of_them) {
  for (const auto unseen : {kPhxA, kIadA}) {
    TestShard shard = split(GetParam());
    shard.restart();
    shard.failures[unseen] = ProbeFailure::timeout;
    shard.writer_node = unseen == kPhxA ? kIadA : kPhxA;
    shard.run_healthy(20);
    EXPECT_FALSE(shard.open()) << unseen;
    EXPECT_EQ(shard.reason(), "split_brain") << unseen;
    EXPECT_EQ(shard.memory.durable.epochs.rivals.size(), 2U) << unseen;
  }
}

TEST_P(Rivals, stay_rivals_while_the_way_to_one_of_them_refuses) {
  for (const auto failure : {ProbeFailure::refused, ProbeFailure::not_accepting,
                             ProbeFailure::connection_lost, ProbeFailure::unreachable}) {
    for (const bool restarted : {false, true}) {
      TestShard shard = split(GetParam());
      if (restarted) shard.restart();
      shard.failures[kPhxA] = failure;
      shard.run_healthy(60);
      EXPECT_EQ(shard.reason(), "split_brain") << name_of(failure);
      EXPECT_EQ(shard.state(kPhxA), "unreachable");
      EXPECT_EQ(shard.memory.durable.epochs.rivals.size(), 2U) << name_of(failure);
    }
  }
}

void take_out(TestShard& shard, std::size_t node) {
  ShardSpec after = shard.spec;
  const auto at = static_cast<std::ptrdiff_t>(node);
  after.nodes.erase(after.nodes.begin() + at);
  shard.memory = adopt(std::move(shard.memory), shard.spec, after);
  shard.spec = after;
  shard.facts.erase(shard.facts.begin() + at);
  shard.failures.erase(shard.failures.begin() + at);
  shard.observations.nodes.erase(shard.observations.nodes.begin() + at);
  shard.observations.slow.erase(shard.observations.slow.begin() + at);
}

TEST_P(Rivals, stay_rivals_when_one_is_taken_out_of_the_configuration) {
  TestShard shard = split(GetParam());
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.run_healthy(5);
  take_out(shard, kPhxA);
  shard.run_healthy(20);
  EXPECT_EQ(shard.reason(), "split_brain");
  EXPECT_EQ(shard.state(kIadA), "split_brain");
  shard.restart();
  shard.run_healthy(20);
  EXPECT_EQ(shard.reason(), "split_brain") << "after a restart";
  const std::string& detail = shard.view.gate.detail;
  EXPECT_TRUE(detail.starts_with("iad-a and phx-a accepted writes at the same time when last seen"))
      << detail;
  EXPECT_TRUE(detail.ends_with("--reason TEXT` (it is not in the configuration any more)"))
      << detail;
  EXPECT_EQ(forget(shard, "phx-a"), "");
  shard.run_healthy(20);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_P(Rivals, stay_rivals_while_the_address_of_one_of_them_is_another_clusters) {
  TestShard shard = split(GetParam());
  shard.facts[kPhxA].system_identifier = 99;
  shard.run_healthy(8);
  EXPECT_EQ(shard.state(kPhxA), "foreign");
  EXPECT_EQ(shard.reason(), "split_brain");
  EXPECT_EQ(shard.memory.durable.epochs.rivals.size(), 2U);
}

TEST_P(Rivals, are_none_any_more_once_the_other_is_seen_in_recovery) {
  TestShard shard = split(GetParam());
  shard.restart();
  shard.facts[kPhxA] = make_standby_facts(90);
  shard.run_healthy(8);
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_TRUE(shard.memory.durable.epochs.rivals.empty());
}

TEST_P(Rivals, are_none_any_more_once_an_operator_forgets_one_that_cannot_be_reached) {
  for (const bool restarted : {false, true}) {
    TestShard shard = split(GetParam());
    shard.failures[kPhxA] = ProbeFailure::refused;
    if (restarted) shard.restart();
    shard.run_healthy(8);
    ASSERT_EQ(shard.reason(), "split_brain");
    EXPECT_EQ(forget(shard, "phx-a"), "");
    shard.run_healthy(8);
    EXPECT_TRUE(shard.open()) << shard.reason();
    EXPECT_TRUE(shard.memory.durable.epochs.rivals.empty());
    // It was not fenced after all.
    shard.failures[kPhxA].reset();
    shard.run_healthy(3);
    EXPECT_EQ(shard.reason(), "split_brain");
    EXPECT_EQ(shard.memory.durable.epochs.rivals.size(), 2U);
  }
}

INSTANTIATE_TEST_SUITE_P(Source, Rivals,
                         ::testing::Values(EpochSource::table, EpochSource::timeline),
                         [](const auto& source) { return std::string(name_of(source.param)); });

TEST(UnseenRivals, a_raised_epoch_outranks_one_that_is_not_seen) {
  TestShard shard = split(EpochSource::table);
  shard.restart();
  shard.failures[kPhxA] = ProbeFailure::timeout;
  for (NodeFacts& facts : shard.facts) facts.stamped = make_stamp(2, "iad");
  shard.run_healthy(8);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST(UnseenRivals, are_struck_off_by_a_writer_that_is_confirmed_on_a_higher_stamp) {
  TestShard shard = split(EpochSource::table);
  shard.failures[kPhxA] = ProbeFailure::refused;
  shard.run_healthy(2);
  for (const auto node : {kIadA, kIadB}) shard.facts[node].stamped = make_stamp(2, "phx");
  shard.run_healthy(2);
  EXPECT_EQ(shard.state(kIadA), "unconfirmed");
  EXPECT_TRUE(shard.memory.durable.epochs.rivals.contains("phx-a")) << "nobody is confirmed";
  for (const auto node : {kIadA, kIadB}) shard.facts[node].stamped = make_stamp(3, "iad");
  shard.run_healthy(8);
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_TRUE(shard.memory.durable.epochs.rivals.empty());
}

TEST(UnseenRivals, whose_epoch_is_unknown_are_outranked_by_none) {
  TestShard shard = split(EpochSource::table);
  shard.facts[kPhxA].stamped.reset();
  shard.run_healthy(2);
  shard.failures[kPhxA] = ProbeFailure::refused;
  for (const auto node : {kIadA, kIadB}) shard.facts[node].stamped = make_stamp(2, "iad");
  shard.run_healthy(8);
  EXPECT_EQ(shard.reason(), "split_brain");
}

// The authority names a region, and two of its nodes accept writes.
TEST(UnseenRivals, are_not_forgotten_while_the_authority_is_silent) {
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::http;
  spec.epoch_witness = WitnessSpec{};
  TestShard shard(spec);
  const auto run_while_it_names = [&](const std::string& writer, int ticks) {
    for (int i = 0; i < ticks; ++i) {
      shard.observations.epoch_witness =
          WitnessObservation{shard.next_tick, shard.next_tick, WitnessFacts{7, writer}};
      shard.run_healthy(1);
    }
  };
  run_while_it_names("iad", 5);
  shard.promote(kIadB, 2);
  run_while_it_names("iad", 2);
  ASSERT_EQ(shard.reason(), "split_brain");
  shard.run_healthy(30);
  ASSERT_EQ(shard.state(kIadB), "unconfirmed");
  shard.failures[kIadB] = ProbeFailure::refused;
  shard.run_healthy(1);
  run_while_it_names("iad", 8);
  EXPECT_EQ(shard.reason(), "split_brain");
  // Nor while it names the other one by name.
  run_while_it_names("iad-a", 8);
  EXPECT_TRUE(shard.open()) << shard.reason();
  run_while_it_names("iad", 2);
  EXPECT_EQ(shard.reason(), "split_brain");
}

TEST(UnseenRivals, a_writer_that_only_seems_to_overlap_is_not_remembered_as_one) {
  // iad-a is lost and phx-a promoted at once: for two intervals iad-a's last answer still counts.
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::timeline;
  TestShard shard(spec);
  shard.run_healthy(5);
  shard.failures[kIadA] = ProbeFailure::timeout;
  shard.promote(kPhxA, 2);
  shard.run(1);
  EXPECT_FALSE(shard.memory.durable.epochs.rivals.contains("iad-a"));
  shard.run(4);
  EXPECT_EQ(shard.state(kPhxA), "writer");
  EXPECT_TRUE(shard.memory.durable.epochs.rivals.empty());
}

TEST(WritersInUse, are_told_apart_by_whether_they_commit) {
  TestShard shard = split(EpochSource::table);
  shard.run_healthy(3);
  ASSERT_EQ(shard.reason(), "split_brain");
  EXPECT_TRUE(shard.view.nodes[kIadA].last_transaction_seen);
  EXPECT_FALSE(shard.view.nodes[kPhxA].last_transaction_seen);
  EXPECT_EQ(
      shard.view.gate.detail,
      "iad-a and phx-a accept writes at the same time: iad-a was last seen to commit 0.0 s ago, "
      "phx-a has not been seen to commit since it was found to accept writes 4.0 s ago");
  EXPECT_NE(shard.view.nodes[kPhxA].note.find("has not been seen to commit"), std::string::npos);
  EXPECT_FALSE(shard.open()) << "a dormant rival may wake up at any moment";
}

TEST(WritersInUse, a_stale_writer_that_still_commits_is_called_so) {
  TestShard shard = split(EpochSource::table);
  shard.facts[kPhxA].stamped = make_stamp(2, "phx");
  shard.run_healthy(2);
  ASSERT_EQ(shard.state(kIadA), "stale_writer");
  EXPECT_NE(shard.view.nodes[kIadA].note.find("it was last seen to commit 0.0 s ago"),
            std::string::npos)
      << shard.view.nodes[kIadA].note;
}

TEST(WritersInUse, one_that_cannot_be_reached_is_named_with_the_command_that_forgets_it) {
  TestShard shard = split(EpochSource::table);
  shard.failures[kPhxA] = ProbeFailure::refused;
  shard.run(2);
  const std::string& detail = shard.view.gate.detail;
  EXPECT_TRUE(detail.starts_with("iad-a and phx-a accepted writes at the same time when last seen"))
      << detail;
  EXPECT_TRUE(
      detail.ends_with("; phx-a cannot be reached and may still accept writes: fence it "
                       "first, then run `rpoguard forget-rival 184/phx-a --reason TEXT`"))
      << detail;
}

TEST(RemovedRival, is_outranked_by_a_stamp) {
  TestShard shard = split(EpochSource::table);
  take_out(shard, kPhxA);
  shard.run_healthy(5);
  ASSERT_EQ(shard.reason(), "split_brain");
  shard.facts[kIadA].stamped = make_stamp(2, "iad");
  shard.run_healthy(20);
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_TRUE(shard.memory.durable.epochs.rivals.empty());
}

TEST(ForgetRival, is_refused_for_whom_it_makes_no_sense) {
  TestShard shard = split(EpochSource::table);
  EXPECT_EQ(forget(shard, "nope"), "shard 184 has no node nope");
  EXPECT_EQ(forget(shard, "iad-b"),
            "iad-b is no rival of a split brain: there is nothing to forget");
  EXPECT_NE(forget(shard, "phx-a").find("phx-a answers and accepts writes"), std::string::npos);
  EXPECT_EQ(shard.memory.durable.epochs.rivals.size(), 2U);
  // A foreign server at its address is not the rival: that one does not answer.
  shard.facts[kPhxA].system_identifier = 99;
  shard.run_healthy(2);
  EXPECT_EQ(forget(shard, "phx-a"), "");
}

std::optional<Instant> seen(const NodeFacts& before, const NodeFacts& after) {
  TestShard shard;
  shard.facts[kIadA] = before;
  shard.run(1);
  shard.facts[kIadA] = after;
  shard.run(1);
  return shard.view.nodes[kIadA].last_transaction_seen;
}

TEST(LastTransaction, is_seen_where_the_snapshot_changed_within_one_run_of_the_server) {
  NodeFacts before = make_writer_facts(1);
  NodeFacts after = before;
  EXPECT_FALSE(seen(before, after));
  after.snapshot = "701:701:";
  EXPECT_TRUE(seen(before, after)) << "same session";
  after.session = 2;
  EXPECT_TRUE(seen(before, after)) << "another session, same run";
  after.started = kWallStart + seconds(1);
  EXPECT_FALSE(seen(before, after)) << "another start";
  after.started = before.started;
  after.backends_started = kWallStart + seconds(1);
  EXPECT_FALSE(seen(before, after)) << "its backends crashed";
  after.backends_started.reset();
  EXPECT_FALSE(seen(before, after)) << "not known";
  after = before;
  after.snapshot.reset();
  EXPECT_FALSE(seen(before, after));
}

TEST(LastTransaction, of_a_node_in_recovery_is_none) {
  TestShard shard;
  shard.run_healthy(3);
  EXPECT_TRUE(shard.view.nodes[kIadA].last_transaction_seen);
  shard.facts[kIadA] = make_standby_facts(50);
  shard.run(1);
  EXPECT_FALSE(shard.view.nodes[kIadA].last_transaction_seen);
}

TEST(Stamp, without_a_promotion_takes_the_writer_its_epoch) {
  TestShard shard;
  shard.run_healthy(5);
  for (NodeFacts& facts : shard.facts) facts.stamped = make_stamp(2, "phx");
  shard.run_healthy(2);
  EXPECT_EQ(shard.state(kIadA), "unconfirmed");
  EXPECT_EQ(shard.reason(), "stale_epoch");
  EXPECT_NE(shard.view.gate.detail.find("epoch 2 is stamped for region phx"), std::string::npos);
  EXPECT_FALSE(shard.view.waiver);
}

// The link is cut and the RPO exceeded: no stamp makes up for the copy.
TestShard exceeded() {
  TestShard shard;
  shard.run_healthy(5);
  shard.failures[kPhxA] = ProbeFailure::timeout;
  for (int second = 0; second < 10; ++second) {
    shard.commit();
    shard.tick();
  }
  EXPECT_EQ(shard.reason(), "rpo_exceeded");
  return shard;
}

TEST(Stamp, of_the_same_writer_once_more_opens_no_waiver) {
  const TestShard shard = exceeded();
  for (const bool restarted : {false, true}) {
    TestShard stamped = shard;
    if (restarted) stamped.restart();
    for (NodeFacts& facts : stamped.facts) facts.stamped = make_stamp(2, "iad");
    stamped.run(3);
    EXPECT_EQ(stamped.view.highest_epoch, Epoch{2});
    EXPECT_EQ(stamped.state(kIadA), "writer");
    EXPECT_FALSE(stamped.view.waiver);
    EXPECT_FALSE(stamped.open());
  }
}

TEST(Stamp, of_a_node_that_was_restored_opens_one) {
  TestShard shard;
  shard.run_healthy(5);
  shard.facts[kIadA].timeline = Timeline{2};
  shard.facts[kIadA].stamped = make_stamp(2, "iad");
  shard.run(2);
  EXPECT_TRUE(shard.view.waiver);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

// State files from before timelines were kept do not say whether the node has moved.
TEST(Stamp, of_a_node_whose_timeline_was_not_kept_opens_none) {
  TestShard shard = exceeded();
  shard.restart();
  shard.memory.durable.epochs.confirmed_place = {};
  shard.facts[kIadA].stamped = make_stamp(2, "iad");
  shard.run(2);
  EXPECT_EQ(shard.state(kIadA), "writer");
  EXPECT_FALSE(shard.view.waiver);
  EXPECT_FALSE(shard.open());
  EXPECT_EQ(shard.memory.durable.epochs.confirmed_place.timeline, Timeline{1});
}

TEST(Stamp, that_repeats_a_number_is_refused_until_it_is_above_it_also_after_a_restart) {
  TestShard shard;
  shard.facts[kIadA].stamped = make_stamp(4, "iad");
  shard.run_healthy(5);
  ASSERT_TRUE(shard.open()) << shard.reason();
  EXPECT_EQ(shard.view.stamp_statements, std::vector<std::string>{});
  shard.facts[kIadA].timeline = Timeline{2};
  shard.facts[kIadA].history = TimelineHistory{{{Timeline{1}, Lsn{0x2000000}}}};
  for (const bool restarted : {false, true}) {
    if (restarted) shard.restart();
    shard.run(3);
    EXPECT_EQ(shard.state(kIadA), "unconfirmed");
    EXPECT_EQ(shard.reason(), "stale_epoch");
    EXPECT_EQ(shard.view.stamp_statements,
              (std::vector<std::string>{
                  "select rpoguard.cluster_promote('iad', 'YOUR NAME', above => 4)",
                  "select rpoguard.cluster_promote('phx', 'YOUR NAME', above => 4)"}));
  }
  shard.facts[kIadA].stamped = make_stamp(5, "iad");
  shard.run(2);
  EXPECT_EQ(shard.state(kIadA), "writer");
}

TEST(ConfirmedPlace, has_the_first_position_that_is_shown) {
  TestShard shard;
  shard.facts[kIadA].flushed_lsn.reset();
  shard.facts[kIadA].insert_lsn.reset();
  shard.run(2);
  EXPECT_EQ(shard.memory.durable.epochs.confirmed_place.timeline, Timeline{1});
  EXPECT_FALSE(shard.memory.durable.epochs.confirmed_place.position);
  shard.facts[kIadA].flushed_lsn = Lsn{0x3000000};
  shard.run(1);
  EXPECT_EQ(shard.memory.durable.epochs.confirmed_place.position, Lsn{0x3000000});
}

TEST(ConfirmedPlace, is_that_of_the_first_look_at_a_node_and_timeline_on_an_epoch) {
  TestShard shard;
  shard.run_healthy(1);
  const EpochPlace first = shard.memory.durable.epochs.confirmed_place;
  EXPECT_EQ(first.timeline, Timeline{1});
  EXPECT_TRUE(first.position);
  shard.run_healthy(5);
  EXPECT_EQ(shard.memory.durable.epochs.confirmed_place, first);
  shard.facts[kIadA].stamped->epoch = Epoch{2};
  shard.facts[kIadA].stamped->promoted_at = kWallStart;
  shard.run_healthy(1);
  const EpochPlace second = shard.memory.durable.epochs.confirmed_place;
  EXPECT_GT(second.position, first.position);
  EXPECT_EQ(second.stamped, kWallStart);
}

TEST(ConfirmedNode, is_kept_with_its_epoch) {
  TestShard shard;
  shard.run_healthy(2);
  EXPECT_EQ(shard.memory.durable.epochs.confirmed_node, "iad-a");
  EXPECT_EQ(shard.memory.durable.epochs.confirmed, Epoch{1});
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.run(1);
  EXPECT_EQ(shard.memory.durable.epochs.confirmed_node, "iad-a") << "it was the last one";
}

}  // namespace
}  // namespace rpoguard::core
