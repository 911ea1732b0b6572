// Copies of another history that look like the writer's own in every number they show.
#include <gtest/gtest.h>

#include "exporter/core/judge/other_wal.hpp"

#include "tests/unit/core/lineage_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

constexpr std::size_t kPhxB = 3;

ShardSpec four_nodes() {
  ShardSpec spec = make_spec();
  spec.nodes.push_back(make_node("phx-b", "phx"));
  return spec;
}

/// With one more copy, phx-b.
class OtherHistories : public LineageTest {
 protected:
  OtherHistories() : LineageTest(four_nodes()) { look(3); }
  void place(std::size_t node, Lsn at) { facts(node).receive_lsn = facts(node).replay_lsn = at; }
  void cut_row(std::size_t of, std::size_t node) {
    std::erase_if(facts(of).replication, [&](const ReplicationRow& row) {
      return row.application_name == shard.spec.nodes[node].name;
    });
  }
  /// A look at one node between two ticks.
  void probe_soon(std::size_t node) {
    shard.pass(milliseconds(10));
    shard.probe_node(node);
  }
};

// phx-b cascades from phx-a, which holds WAL that the writer has lost, and passes it on.
TEST_F(OtherHistories, of_a_copy_behind_another_that_is_ahead_of_the_writer) {
  cut_row(kIadA, kPhxB);
  const Lsn behind = *facts(kPhxB).replay_lsn;
  shard.commit(5000);
  shard.replicate(kPhxA);
  idle(1);
  const Lsn ahead = *facts(kPhxA).replay_lsn;
  start_at(kIadA, Lsn{behind.value + 1000});
  probe_soon(kPhxB);
  probe_soon(kPhxA);
  idle(1);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  shard.commit(9000);
  idle(1);
  place(kPhxB, ahead);
  idle(3);
  EXPECT_FALSE(sound(kPhxB)) << lineage(kPhxB);
}

// The archive holds the WAL that the writer has lost, and the copy restores it from there.
TEST_F(OtherHistories, of_a_copy_that_is_fed_by_an_archive_of_lost_wal) {
  cut_row(kIadA, kPhxA);
  const Lsn behind = *facts(kPhxA).replay_lsn;
  facts(kPhxA).receive_lsn.reset();
  facts(kPhxA).streaming = false;
  shard.commit(5000);
  const Lsn lost = *writer().flushed_lsn;
  idle(1);
  start_at(kIadA, Lsn{behind.value + 1000});
  probe_soon(kPhxA);
  idle(1);
  shard.commit(9000);
  idle(1);
  facts(kPhxA).replay_lsn = lost;
  idle(3);
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

// The copy that is ahead is promoted: it has the commits that the writer has lost. The copies of
// the writer that lost them do not.
TEST_F(OtherHistories, of_the_copies_of_a_writer_when_the_one_that_was_ahead_of_it_takes_over) {
  const Lsn behind = *facts(kIadB).replay_lsn;
  shard.commit(5000);
  shard.replicate(kPhxA);
  idle(1);
  start_at(kIadA, Lsn{behind.value + 1000});
  probe_soon(kIadB);
  probe_soon(kPhxA);
  idle(1);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  ASSERT_EQ(lineage(kIadB), "follows");
  shard.commit(500);
  shard.replicate(kIadB);
  idle(1);
  shard.failures[kIadA] = ProbeFailure::refused;
  const TimelineHistory history{{{Timeline{1}, *facts(kPhxA).replay_lsn}}};
  shard.promote(kPhxA, 2);
  facts(kPhxA).stamped = make_stamp(2, "phx");
  facts(kPhxA).history = facts(kIadB).history = history;
  shard.writer_node = kPhxA;
  look(3);
  ASSERT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_FALSE(sound(kIadB)) << lineage(kIadB);
}

// Two were promoted to timeline 2 at one position. iad-b followed the one that was given up, and
// was connected to the other one before anybody stamped it.
TEST_F(OtherHistories, of_a_copy_that_followed_the_other_of_two_before_one_was_stamped) {
  idle(1);
  shard.failures[kIadA] = ProbeFailure::refused;
  for (const std::size_t node : {kPhxA, kPhxB}) {
    shard.promote(node, 2);
    facts(node).snapshot = "1000:1000:";
  }
  facts(kPhxB).replication = {make_row("iad-b", *facts(kPhxB).flushed_lsn)};
  facts(kIadB).timeline = Timeline{2};
  shard.writer_node = kPhxB;
  for (int i = 0; i < 3; ++i) {
    shard.commit();
    shard.replicate(kIadB);
    idle(1);
  }
  ASSERT_FALSE(shard.view.writer);
  shard.failures[kPhxB] = ProbeFailure::refused;
  shard.writer_node = kPhxA;
  shard.commit(9000);
  facts(kPhxA).replication = {make_row("iad-b", *facts(kIadB).receive_lsn)};
  facts(kPhxA).stamped = make_stamp(2, "phx");
  idle(2);
  ASSERT_EQ(shard.view.writer->node, "phx-a") << shard.view.gate.detail;
  EXPECT_FALSE(sound(kIadB)) << lineage(kIadB);
}

// Whoever was promoted had been started before the last look at the old writer.
TEST_F(OtherHistories, are_none_of_a_promotion_that_is_stamped_after_a_while) {
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.promote(kPhxA, 2);
  facts(kPhxA).replication = {make_row("iad-b", *facts(kIadB).receive_lsn)};
  facts(kIadB).timeline = Timeline{2};
  idle(8);
  facts(kPhxA).stamped = make_stamp(2, "phx");
  shard.writer_node = kPhxA;
  idle(2);
  ASSERT_EQ(shard.view.writer->node, "phx-a") << shard.view.gate.detail;
  EXPECT_TRUE(sound(kIadB)) << shard.view.nodes[kIadB].note;
}

// Its standby.signal was lost: it took writes for a while, and is a standby again.
TEST_F(OtherHistories, of_a_copy_that_took_writes_itself_for_a_while) {
  const NodeFacts standby = facts(kPhxA);
  facts(kPhxA) = make_writer_facts(50, *standby.replay_lsn);
  start_at(kPhxA, *standby.replay_lsn);
  look(2);
  ASSERT_EQ(shard.reason(), "split_brain");
  const Lsn end = *facts(kPhxA).flushed_lsn;
  facts(kPhxA) = standby;
  facts(kPhxA).session = 60;
  facts(kPhxA).started = facts(kPhxA).backends_started = shard.wall();
  place(kPhxA, end);
  look(3);
  ASSERT_EQ(shard.view.writer->node, "iad-a");
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
  shard.restart();
  look(3);
  EXPECT_FALSE(sound(kPhxA)) << "kept on disk";
}

// phx-b is another name of phx-a, and did not answer when phx-a was seen ahead.
TEST_F(OtherHistories, of_a_server_are_those_of_all_its_names) {
  shard = TestShard(four_nodes());
  facts(kPhxB).started = facts(kPhxA).started;
  facts(kPhxB).backends_started = facts(kPhxA).backends_started;
  look(3);
  ASSERT_EQ(shard.view.nodes[kPhxB].same_server_as, "phx-a");
  const Lsn seen = *writer().flushed_lsn;
  shard.failures[kPhxB] = ProbeFailure::timeout;
  place(kPhxA, Lsn{seen.value + 5000});
  idle(2);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  EXPECT_FALSE(sound(kPhxB)) << lineage(kPhxB);
  // An operator readmits only one of them.
  ASSERT_EQ(readmit(shard.memory, shard.spec, "phx-b", shard.now), "");
  shard.failures[kPhxB].reset();
  shard.commit(9000);
  look(2);
  ASSERT_TRUE(sound(kPhxB)) << note(kPhxB);
  EXPECT_FALSE(shard.view.nodes[kPhxA].counted);
  EXPECT_FALSE(shard.view.nodes[kPhxB].counted);
}

// A standby that is not connected tells the timeline of its control file, which lags behind.
TEST_F(OtherHistories, of_a_copy_that_was_ahead_when_its_connection_ended) {
  const TimelineHistory history{{{Timeline{1}, *facts(kIadB).replay_lsn}}};
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.promote(kIadB, 2);
  facts(kIadB).stamped = make_stamp(2, "iad");
  shard.writer_node = kIadB;
  for (const std::size_t node : {kIadB, kPhxA, kPhxB}) facts(node).history = history;
  for (const std::size_t node : {kPhxA, kPhxB}) shard.row(node);
  look(3);
  ASSERT_EQ(shard.view.writer->node, "iad-b");
  ASSERT_TRUE(sound(kPhxA));
  const Lsn seen = *writer().flushed_lsn;
  place(kPhxA, Lsn{seen.value + 5000});
  probe_soon(kPhxA);
  facts(kPhxA).timeline = Timeline{1};
  facts(kPhxA).history = TimelineHistory{};
  facts(kPhxA).streaming = false;
  probe_soon(kPhxA);
  start_at(kIadB, Lsn{seen.value + 1000});
  shard.commit(9000);
  idle(1);
  facts(kPhxA).timeline = Timeline{2};
  facts(kPhxA).history = history;
  idle(2);
  EXPECT_EQ(lineage(kPhxA), "diverged");
}

// The same, and nothing was lost: it goes on proving what it has.
TEST_F(OtherHistories, of_a_copy_do_not_end_with_its_connection) {
  const TimelineHistory history{{{Timeline{1}, *facts(kIadB).replay_lsn}}};
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.promote(kIadB, 2);
  facts(kIadB).stamped = make_stamp(2, "iad");
  shard.writer_node = kIadB;
  for (const std::size_t node : {kIadB, kPhxA, kPhxB}) facts(node).history = history;
  for (const std::size_t node : {kPhxA, kPhxB}) shard.row(node);
  look(12);
  ASSERT_TRUE(shard.view.nodes[kPhxA].recovery_point_flush);
  facts(kPhxA).timeline = Timeline{1};
  facts(kPhxA).history = TimelineHistory{};
  facts(kPhxA).streaming = false;
  idle(1);
  EXPECT_TRUE(shard.view.nodes[kPhxA].recovery_point_flush);
  EXPECT_EQ(shard.view.nodes[kPhxA].diverged_bytes, 0) << shard.view.nodes[kPhxA].note;
}

// The restored machine's clock was behind when it was started, and has been set since.
TEST_F(OtherHistories, of_a_run_whose_begin_its_clock_does_not_tell) {
  const Lsn seen = *writer().flushed_lsn;
  shard.failures[kIadA] = ProbeFailure::timeout;
  for (int i = 0; i < 20; ++i) {
    place(kPhxA, Lsn{seen.value + 1000 * static_cast<std::uint64_t>(i)});
    idle(1);
  }
  start_at(kIadA, Lsn{seen.value + 5000});
  facts(kIadA).started = facts(kIadA).backends_started = shard.wall() - minutes(30);
  writer().insert_lsn = writer().flushed_lsn = Lsn{seen.value + 90'000};
  idle(3);
  shard.failures[kIadA].reset();
  idle(3);
  ASSERT_EQ(shard.view.writer->node, "iad-a");
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

// It was set back after the start, so the run seems to begin later than it did.
TEST_F(OtherHistories, are_not_those_of_a_healthy_copy_because_a_clock_was_set_back) {
  idle(1);
  const Lsn end = *writer().flushed_lsn;
  shard.failures[kIadA] = ProbeFailure::refused;
  idle(1);
  start_at(kIadA, end);
  shard.pass(milliseconds(50));
  shard.commit(5000);
  for (const std::size_t node : {kIadB, kPhxA, kPhxB}) shard.replicate(node);
  facts(kIadA).started = facts(kIadA).backends_started = shard.wall() + hours(2);
  writer().checkpoint->time = shard.wall() + hours(2) + seconds(1);
  probe_soon(kPhxA);
  shard.failures[kIadA].reset();
  idle(1);
  ASSERT_EQ(shard.view.writer->node, "iad-a");
  EXPECT_NE(lineage(kPhxA), "diverged") << shard.view.nodes[kPhxA].note;
}

// A standby shows what it has replayed since it was started, and has received more before.
TEST_F(OtherHistories, of_a_copy_that_was_restarted_and_does_not_show_all_that_it_has) {
  const Lsn seen = *writer().flushed_lsn;
  for (const std::size_t node : {kIadA, kPhxA}) shard.failures[node] = ProbeFailure::timeout;
  idle(10);
  start_at(kIadA, Lsn{seen.value + 1000});
  facts(kPhxA).session += 10;
  facts(kPhxA).started = facts(kPhxA).backends_started = shard.wall();
  facts(kPhxA).receive_lsn.reset();
  facts(kPhxA).streaming = false;
  facts(kPhxA).apply_delay = minutes(10);
  shard.failures[kPhxA].reset();
  cut_row(kIadA, kPhxA);
  idle(1);
  shard.failures[kIadA].reset();
  idle(2);
  shard.commit(9000);
  idle(1);
  place(kPhxA, Lsn{seen.value + 5000});
  idle(3);
  ASSERT_EQ(shard.view.writer->node, "iad-a");
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

// While rpoguard was down, iad-b was promoted and stamped, and then lost WAL that phx-a has.
TEST_F(OtherHistories, of_a_promotion_and_a_loss_that_nobody_saw) {
  const TimelineHistory history{{{Timeline{1}, *facts(kIadB).replay_lsn}}};
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.restart();
  shard.pass(minutes(5));
  shard.promote(kIadB, 2);
  facts(kIadB).stamped = make_stamp(2, "iad");
  facts(kIadB).stamped->promoted_at = shard.wall() - seconds(10);
  facts(kIadB).history = facts(kPhxA).history = history;
  facts(kPhxA).timeline = Timeline{2};
  facts(kPhxA).stamped = facts(kPhxB).stamped = facts(kIadB).stamped;
  shard.writer_node = kIadB;
  TestShard promoted_only = shard;
  start_at(kIadB, *facts(kIadB).insert_lsn);
  place(kPhxA, Lsn{writer().flushed_lsn->value + 5000});
  shard.pass(seconds(30));
  shard.commit(9000);
  look(2);
  ASSERT_EQ(shard.view.writer->node, "iad-b");
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);

  shard = promoted_only;
  look(2);
  ASSERT_EQ(shard.view.writer->node, "iad-b");
  EXPECT_TRUE(sound(kPhxA)) << "stamped in the same run: " << lineage(kPhxA)
                            << shard.view.nodes[kPhxA].lineage_note;
}

// Its position went back while nobody was confirmed, and has come up since.
TEST_F(OtherHistories, of_a_writer_that_went_back_while_it_was_not_confirmed) {
  for (NodeFacts& each : shard.facts) each.stamped = make_stamp(1, "phx");
  look(3);
  ASSERT_FALSE(shard.view.writer);
  const Lsn end = *writer().flushed_lsn;
  writer().insert_lsn = writer().flushed_lsn = Lsn{end.value - 1500};
  writer().snapshot = "2000:2000:";
  idle(1);
  shard.commit(5000);
  for (NodeFacts& each : shard.facts) each.stamped = make_stamp(2, "iad");
  idle(2);
  ASSERT_EQ(shard.view.writer->node, "iad-a");
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

// A diverged copy gets another name in the configuration.
TEST_F(OtherHistories, are_kept_when_a_node_is_renamed) {
  const Lsn end = *writer().flushed_lsn;
  idle(1);
  start_at(kIadA, Lsn{end.value - 1500});
  idle(1);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  for (NodeSpec& node : shard.spec.nodes) node.connect.host = node.name + ".example";
  ShardSpec renamed = shard.spec;
  renamed.nodes[kPhxA].name = renamed.nodes[kPhxA].application_name = "phx-1";
  shard.memory = adopt(std::move(shard.memory), shard.spec, renamed);
  shard.spec = renamed;
  shard.commit(9000);
  idle(3);
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

}  // namespace
}  // namespace rpoguard::core
