// Copies of another history that came to it where rpoguard was not looking: while it
// was down, under another name, from an archive, from a server that it does not know.
#include <gtest/gtest.h>

#include "exporter/core/judge/lineage.hpp"

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

constexpr std::size_t kPhxB = 3;

/// iad-a writes, iad-b, phx-a and phx-b follow, one look a second.
class UnseenHistories : public ::testing::Test {
 protected:
  UnseenHistories() { begin(four_nodes()); }
  static ShardSpec four_nodes() {
    ShardSpec spec = make_spec();
    spec.nodes.push_back(make_node("phx-b", "phx"));
    return spec;
  }
  void begin(const ShardSpec& spec) {
    shard = TestShard(spec);
    look(3);
  }
  NodeFacts& facts(std::size_t node) { return shard.facts[node]; }
  NodeFacts& writer() { return shard.facts[shard.writer_node]; }
  void look(int seconds_) {
    for (int i = 0; i < seconds_; ++i) {
      set_clocks();
      shard.run_healthy(1);
    }
  }
  /// rpoguard is installed now.
  void begin_anew() {
    shard.memory = {};
    look(3);
  }
  void idle(int seconds_) {
    for (int i = 0; i < seconds_; ++i) {
      set_clocks();
      shard.run(1);
    }
  }
  void set_clocks() {
    for (NodeFacts& each : shard.facts) each.server_now = wall_at_next_look();
  }
  WallTime wall_at_next_look() const {
    return kWallStart +
           std::chrono::duration_cast<std::chrono::microseconds>(shard.next_tick - kStart);
  }
  void place(std::size_t node, Lsn at) { facts(node).receive_lsn = facts(node).replay_lsn = at; }
  void start_at(std::size_t node, Lsn end) {
    NodeFacts& started = facts(node);
    started.session += 10;
    started.started = started.backends_started = shard.wall();
    started.checkpoint = {end, end, shard.wall() + seconds(1)};
    started.insert_lsn = started.flushed_lsn = Lsn{end.value + 120};
    started.snapshot = "1000:1000:";
  }
  /// A standby is started again, with the data that it has.
  void restart_copy(std::size_t node) {
    facts(node).session += 10;
    facts(node).started = facts(node).backends_started = shard.wall();
  }
  void cut_row(std::size_t of, std::size_t node) {
    std::erase_if(facts(of).replication, [&](const ReplicationRow& row) {
      return row.application_name == shard.spec.nodes[node].name;
    });
  }
  void probe_soon(std::size_t node) {
    shard.pass(milliseconds(10));
    shard.probe_node(node);
  }
  /// The writer loses WAL that phx-a has, and the other copy has not.
  void part_phx_a(std::size_t behind) {
    const Lsn end = *writer().flushed_lsn;
    shard.commit(5000);
    shard.replicate(kPhxA);
    idle(1);
    start_at(kIadA, Lsn{end.value + 1000});
    probe_soon(behind);
    idle(1);
  }
  void reload(const ShardSpec& after) {
    shard.memory = adopt(std::move(shard.memory), shard.spec, after);
    shard.spec = after;
  }
  bool sound(std::size_t node) const {
    const auto& known = shard.view.nodes[node].lineage;
    return !known || is_sound(*known);
  }
  std::string lineage(std::size_t node) const {
    const auto& known = shard.view.nodes[node].lineage;
    return known ? name_of(*known) : "none";
  }
  std::string note(std::size_t node) const { return shard.view.nodes[node].lineage_note; }

  TestShard shard;
};

// The link of phx-a is cut; the writer's row for it stands until wal_sender_timeout. The writer
// loses WAL that is in the archive, goes on, and phx-a, which has a restore_command, takes it.
TEST_F(UnseenHistories, of_a_copy_with_a_dead_connection_that_takes_lost_wal_from_the_archive) {
  const Lsn behind = *facts(kPhxA).replay_lsn;
  facts(kPhxA).restores = true;
  shard.commit(5000);
  const Lsn lost = *writer().flushed_lsn;
  idle(1);
  start_at(kIadA, Lsn{behind.value + 1000});
  cut_row(kIadA, kPhxA);
  probe_soon(kPhxA);
  idle(1);
  shard.commit(9000);
  idle(1);
  facts(kPhxA).replay_lsn = lost;
  idle(1);
  shard.row(kPhxA);
  shard.replicate(kPhxA);
  idle(2);
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

// The same; it is connected at the first look at the new run, and disconnected later.
TEST_F(UnseenHistories, of_a_copy_that_is_disconnected_later_and_takes_lost_wal_from_the_archive) {
  const Lsn behind = *facts(kPhxA).replay_lsn;
  facts(kPhxA).restores = true;
  shard.commit(5000);
  const Lsn lost = *writer().flushed_lsn;
  idle(1);
  start_at(kIadA, Lsn{behind.value + 1000});
  probe_soon(kPhxA);
  idle(1);
  shard.commit(9000);
  cut_row(kIadA, kPhxA);
  idle(1);
  facts(kPhxA).replay_lsn = lost;
  idle(1);
  shard.row(kPhxA);
  shard.replicate(kPhxA);
  idle(2);
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

// Two remote copies change names by a reload; one of them is diverged.
TEST_F(UnseenHistories, stay_with_the_server_when_two_nodes_change_places) {
  for (NodeSpec& node : shard.spec.nodes) node.connect.host = node.name + ".example";
  part_phx_a(kPhxB);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  ASSERT_TRUE(sound(kPhxB)) << lineage(kPhxB);
  ShardSpec after = shard.spec;
  std::swap(after.nodes[kPhxA].connect, after.nodes[kPhxB].connect);
  std::swap(shard.facts[kPhxA], shard.facts[kPhxB]);
  reload(after);
  shard.commit(9000);
  idle(3);
  EXPECT_FALSE(sound(kPhxB)) << "it leads to the diverged server: " << lineage(kPhxB);
  EXPECT_TRUE(sound(kPhxA)) << "it leads to the other one: " << lineage(kPhxA);
}

// A rival that is out of sight is renamed by a reload.
TEST_F(UnseenHistories, a_rival_that_is_renamed_stays_one) {
  for (NodeSpec& node : shard.spec.nodes) node.connect.host = node.name + ".example";
  const NodeFacts standby = facts(kPhxA);
  facts(kPhxA) = make_writer_facts(50, *standby.replay_lsn);
  facts(kPhxA).started = facts(kPhxA).backends_started = shard.wall();
  look(3);
  ASSERT_EQ(shard.reason(), "split_brain");
  shard.failures[kPhxA] = ProbeFailure::timeout;
  look(5);
  ASSERT_EQ(shard.reason(), "split_brain");
  ShardSpec after = shard.spec;
  after.nodes[kPhxA].name = after.nodes[kPhxA].application_name = "phx-1";
  reload(after);
  look(30);
  EXPECT_EQ(shard.reason(), "split_brain") << "phx-1 may still accept writes";
  EXPECT_EQ(shard.view.nodes[kPhxA].note.find("accepted writes when last seen"), 0U)
      << shard.view.nodes[kPhxA].note;
  shard.failures[kPhxA].reset();
  facts(kPhxA) = standby;
  look(30);
  EXPECT_NE(shard.reason(), "split_brain") << shard.view.gate.detail;
}

// rpoguard and a copy that replays late are started again; the copy has more than it shows.
TEST_F(UnseenHistories, of_a_delayed_copy_that_is_started_again_with_rpoguard) {
  const Lsn seen = *writer().flushed_lsn;
  shard.restart();
  shard.pass(seconds(30));
  start_at(kIadA, Lsn{seen.value + 1000});
  restart_copy(kPhxA);
  facts(kPhxA).receive_lsn.reset();
  facts(kPhxA).streaming = false;
  facts(kPhxA).apply_delay = minutes(10);
  cut_row(kIadA, kPhxA);
  probe_soon(kPhxA);
  idle(2);
  shard.commit(9000);
  idle(1);
  place(kPhxA, Lsn{seen.value + 5000});
  idle(3);
  ASSERT_EQ(shard.view.writer->node, "iad-a");
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

// As OtherHistories, of_a_copy_that_followed_the_other_of_two_before_one_was_stamped: rpoguard
// is started again in between.
TEST_F(UnseenHistories, of_a_copy_that_a_rival_fed_before_a_restart_of_rpoguard) {
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
  shard.restart();
  shard.writer_node = kPhxA;
  shard.commit(9000);
  // Replay would stand still, as the records do not fit: that is told from a pause only later.
  facts(kIadB).replay_paused = true;
  facts(kIadB).receive_lsn = facts(kPhxA).flushed_lsn;
  facts(kPhxA).replication = {make_row("iad-b", *facts(kIadB).receive_lsn)};
  facts(kPhxA).stamped = StampedEpoch{Epoch{2}, "phx", "jo", shard.wall()};
  idle(4);
  ASSERT_EQ(shard.view.writer->node, "phx-a") << shard.view.gate.detail;
  EXPECT_FALSE(sound(kIadB)) << lineage(kIadB);
}

// Two were promoted to one timeline at one position; rpoguard has never heard of the other.
// iad-b followed that one for a while, and is then connected to the writer: replay stands still in
// front of the stamp, and what is received runs on.
TEST_F(UnseenHistories, of_a_connected_copy_whose_replay_stands_still_in_front_of_the_stamp) {
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.promote(kPhxA, 2);
  shard.writer_node = kPhxA;
  const Lsn fork = *facts(kPhxA).insert_lsn;
  facts(kIadB).timeline = Timeline{2};
  facts(kIadB).receive_lsn = facts(kIadB).replay_lsn = Lsn{fork.value + 300};
  shard.commit(2000);
  facts(kPhxA).stamped = StampedEpoch{Epoch{2}, "phx", "jo", shard.wall()};
  shard.commit(200);
  for (int i = 0; i < 20; ++i) {
    shard.commit(5000);
    facts(kIadB).receive_lsn = facts(kPhxA).flushed_lsn;
    shard.row(kIadB).flush_lsn = facts(kIadB).receive_lsn;
    idle(1);
  }
  ASSERT_EQ(shard.view.writer->node, "phx-a") << shard.view.gate.detail;
  EXPECT_FALSE(sound(kIadB)) << lineage(kIadB);
}

// phx-b is another name of phx-a, which is diverged; rpoguard is started again, and phx-a's
// name does not answer.
TEST_F(UnseenHistories, of_a_diverged_server_under_a_second_name_after_a_restart) {
  facts(kPhxB).started = facts(kPhxA).started;
  facts(kPhxB).backends_started = facts(kPhxA).backends_started;
  cut_row(kIadA, kPhxB);
  look(3);
  ASSERT_EQ(shard.view.nodes[kPhxB].same_server_as, "phx-a");
  shard.failures[kPhxB] = ProbeFailure::timeout;
  place(kPhxA, Lsn{writer().flushed_lsn->value + 5000});
  idle(2);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  shard.restart();
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.failures[kPhxB].reset();
  shard.commit(9000);
  place(kPhxB, *writer().flushed_lsn);
  idle(3);
  EXPECT_FALSE(shard.view.nodes[kPhxB].counted) << lineage(kPhxB);
}

// phx-a is rebuilt from phx-b, which is diverged; there are marks, and phx-a shows an older
// one.
TEST_F(UnseenHistories, of_a_copy_that_was_rebuilt_from_a_diverged_one_and_lacks_the_mark) {
  const Lsn end = *writer().flushed_lsn;
  const RunMark older{.run = *run_of(writer()), .lsn = Lsn{0x2500000}, .written = kWallStart};
  for (NodeFacts& each : shard.facts) each.mark = older;
  shard.commit(5000);
  shard.replicate(kPhxB);
  idle(1);
  start_at(kIadA, Lsn{end.value + 1000});
  writer().mark.reset();
  probe_soon(kPhxA);
  idle(1);
  ASSERT_EQ(lineage(kPhxB), "diverged");
  ASSERT_TRUE(sound(kPhxA)) << lineage(kPhxA);
  writer().mark = RunMark{.run = *run_of(writer()),
                          .lsn = Lsn{writer().insert_lsn->value + 60},
                          .written = *writer().started + seconds(1)};
  shard.commit(9000);
  shard.replicate(kPhxA);
  facts(kPhxA).mark = writer().mark;
  idle(2);
  restart_copy(kPhxA);
  facts(kPhxA).mark = older;
  look(3);
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

// phx-a was opened by hand and made a standby again while rpoguard was down: its control file
// names a checkpoint of a stop, in WAL that the writer wrote in one run.
TEST_F(UnseenHistories, of_a_copy_that_was_opened_and_closed_while_rpoguard_was_down) {
  for (NodeFacts& each : shard.facts) each.history.emplace();
  begin_anew();
  shard.commit(9000);
  look(2);
  shard.restart();
  shard.pass(minutes(1));
  restart_copy(kPhxA);
  const Lsn stop{facts(kPhxA).replay_lsn->value + 3000};
  facts(kPhxA).checkpoint = {stop, stop, shard.wall() - seconds(20)};
  shard.commit(90000);
  for (const char* known : {"unknown", "diverged"}) {
    look(1);  // the writer is asked first: it may have been started again since
    ASSERT_EQ(shard.view.writer->node, "iad-a");
    EXPECT_EQ(lineage(kPhxA), known) << note(kPhxA);
  }
}

// phx-b cascades from phx-a and is behind. The writer has lost WAL that nobody saw; phx-a,
// which was out of sight, is then found to have it, and passes it on.
TEST_F(UnseenHistories, of_a_copy_behind_another_that_is_found_ahead_only_later) {
  cut_row(kIadA, kPhxB);
  const Lsn behind = *facts(kPhxB).replay_lsn;
  shard.failures[kPhxA] = ProbeFailure::timeout;
  idle(1);
  start_at(kIadA, Lsn{behind.value + 1000});
  probe_soon(kPhxB);
  idle(1);
  ASSERT_TRUE(sound(kPhxB)) << lineage(kPhxB);
  place(kPhxA, Lsn{behind.value + 9000});
  shard.failures[kPhxA].reset();
  idle(2);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  shard.commit(90000);
  place(kPhxB, Lsn{behind.value + 9000});
  idle(3);
  EXPECT_FALSE(sound(kPhxB)) << lineage(kPhxB);
}

// A diverged node gets another name, and rpoguard is started anew with that configuration.
TEST_F(UnseenHistories, are_kept_when_a_node_is_renamed_and_rpoguard_started_again) {
  for (NodeSpec& node : shard.spec.nodes) node.connect.host = node.name + ".example";
  shard.memory.durable = recall(std::move(shard.memory.durable), shard.spec);
  const Lsn end = *writer().flushed_lsn;
  idle(1);
  start_at(kIadA, Lsn{end.value - 1500});
  idle(1);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  shard.restart();
  shard.spec.nodes[kPhxA].name = shard.spec.nodes[kPhxA].application_name = "phx-1";
  shard.memory.durable = recall(std::move(shard.memory.durable), shard.spec);
  shard.commit(9000);
  idle(3);
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

// rpoguard was down while the writer lost WAL. The copies answer before the writer: phx-a is
// further than the new run began, and phx-b cascades from it.
TEST_F(UnseenHistories, of_a_copy_behind_one_that_is_further_than_an_unseen_begin) {
  cut_row(kIadA, kPhxB);
  const Lsn behind = *facts(kPhxB).replay_lsn;
  shard.restart();
  shard.pass(minutes(1));
  start_at(kIadA, Lsn{behind.value + 1000});
  place(kPhxA, Lsn{behind.value + 9000});
  shard.pass(seconds(5));
  shard.commit(90000);
  set_clocks();
  shard.probe_node(kPhxA);
  shard.probe_node(kPhxB);
  idle(3);
  place(kPhxB, Lsn{behind.value + 9000});
  idle(3);
  ASSERT_EQ(shard.view.writer->node, "iad-a");
  EXPECT_FALSE(sound(kPhxB)) << lineage(kPhxB);
}

// It was seen ahead, and started again. Until it is connected, it tells the timeline of its control
// file.
TEST_F(UnseenHistories, of_a_copy_that_was_ahead_and_tells_an_earlier_timeline) {
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
  restart_copy(kPhxA);
  facts(kPhxA).timeline = Timeline{1};
  facts(kPhxA).history = TimelineHistory{};
  facts(kPhxA).streaming = false;
  facts(kPhxA).receive_lsn.reset();
  probe_soon(kPhxA);
  start_at(kIadB, Lsn{seen.value + 1000});
  shard.commit(9000);
  idle(1);
  facts(kPhxA).timeline = Timeline{2};
  facts(kPhxA).history = history;
  look(3);
  EXPECT_EQ(lineage(kPhxA), "diverged");
}

// phx-a was opened by hand and made a standby again while rpoguard was down; phx-b cascades from
// it.
TEST_F(UnseenHistories, of_a_copy_behind_one_that_was_opened_and_closed) {
  for (NodeFacts& each : shard.facts) each.history.emplace();
  begin_anew();
  cut_row(kIadA, kPhxB);
  facts(kIadB).restores = true;
  shard.commit(9000);
  look(2);
  ASSERT_TRUE(sound(kPhxB)) << note(kPhxB);
  shard.restart();
  shard.pass(minutes(1));
  restart_copy(kPhxA);
  const Lsn stop{facts(kPhxA).replay_lsn->value + 3000};
  facts(kPhxA).checkpoint = {stop, stop, shard.wall() - seconds(20)};
  shard.commit(90000);
  look(4);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  EXPECT_FALSE(sound(kPhxB)) << "phx-a may have sent it what it wrote itself";
  EXPECT_TRUE(sound(kIadB)) << "it is as far, and needs nothing from an archive: " << note(kIadB);
}

// Lost WAL is found on phx-b only later, and is in the archive. phx-a has not come so far, is
// connected to the writer, and restores whenever it is not.
TEST_F(UnseenHistories, of_a_connected_copy_that_restores_when_a_loss_is_found_later) {
  facts(kPhxA).restores = true;
  const Lsn behind = *facts(kPhxA).replay_lsn;
  shard.failures[kPhxB] = ProbeFailure::timeout;
  idle(1);
  start_at(kIadA, Lsn{behind.value + 1000});
  probe_soon(kPhxA);
  idle(1);
  ASSERT_TRUE(sound(kPhxA)) << lineage(kPhxA);
  place(kPhxB, Lsn{behind.value + 9000});
  shard.failures[kPhxB].reset();
  idle(2);
  ASSERT_EQ(lineage(kPhxB), "diverged");
  cut_row(kIadA, kPhxA);
  shard.commit(90000);
  place(kPhxA, Lsn{behind.value + 9000});
  idle(1);
  shard.row(kPhxA);
  look(3);
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

// Two were promoted to one timeline at one position; rpoguard has never heard of the other, which
// iad-b follows. Whether it holds the stamp cannot be read there.
TEST_F(UnseenHistories, of_a_cascade_that_shows_no_stamp) {
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.promote(kPhxA, 2);
  shard.writer_node = kPhxA;
  const Lsn fork = *facts(kPhxA).insert_lsn;
  facts(kIadB).timeline = Timeline{2};
  place(kIadB, Lsn{fork.value + 300});
  facts(kIadB).stamped.reset();
  facts(kIadB).epoch_lock = EpochLock{"5/77", "transaction 5/77"};
  shard.commit(2000);
  facts(kPhxA).stamped = StampedEpoch{Epoch{2}, "phx", "jo", shard.wall()};
  shard.commit(200);
  for (int i = 0; i < 5; ++i) {
    shard.commit(5000);
    place(kIadB, *facts(kPhxA).flushed_lsn);
    idle(1);
  }
  ASSERT_EQ(shard.view.writer->node, "phx-a") << shard.view.gate.detail;
  EXPECT_FALSE(sound(kIadB)) << lineage(kIadB);
  // It is the writer's own cascade.
  facts(kIadB).stamped = facts(kPhxA).stamped;
  facts(kIadB).epoch_lock.reset();
  idle(1);
  EXPECT_TRUE(sound(kIadB)) << note(kIadB);
}

// The writer has lost the last moment of its WAL, which phx-a has. That shows a look after its
// start, when no copy has connected to it again.
TEST_F(UnseenHistories, are_not_those_of_a_copy_that_has_not_connected_again_yet) {
  const Lsn end = *writer().flushed_lsn;
  shard.commit(5000);
  shard.replicate(kPhxA);
  start_at(kIadA, Lsn{end.value + 1000});
  const auto rows = std::exchange(writer().replication, {});
  for (const std::size_t copy : {kIadB, kPhxA, kPhxB}) facts(copy).streaming = false;
  idle(2);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  EXPECT_TRUE(sound(kPhxB)) << note(kPhxB);
  for (const std::size_t copy : {kIadB, kPhxB}) facts(copy).streaming = true;
  writer().replication = rows;
  look(20);
  EXPECT_EQ(lineage(kPhxA), "diverged");
  EXPECT_TRUE(sound(kPhxB)) << note(kPhxB);
  EXPECT_TRUE(shard.open()) << shard.view.gate.detail;
}

}  // namespace
}  // namespace rpoguard::core
