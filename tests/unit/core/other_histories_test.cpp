// Copies of another history that look like the writer's own in every number they show.
#include <gtest/gtest.h>

#include "exporter/core/judge/lineage.hpp"

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

constexpr std::size_t kPhxB = 3;

/// iad-a writes, iad-b, phx-a and phx-b follow, one look a second.
class OtherHistories : public ::testing::Test {
 protected:
  OtherHistories() { begin(four_nodes()); }
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
  /// Healthy looks under load.
  void look(int seconds_) {
    for (int i = 0; i < seconds_; ++i) {
      set_clocks();
      shard.run_healthy(1);
    }
  }
  /// One look a second in which nothing moves.
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
  /// A server is started after a crash, and its WAL goes on from there.
  void start_at(std::size_t node, Lsn end) {
    NodeFacts& started = facts(node);
    started.session += 10;
    started.started = started.backends_started = shard.wall();
    started.checkpoint = {end, end, shard.wall() + seconds(1)};
    started.insert_lsn = started.flushed_lsn = Lsn{end.value + 120};
    started.snapshot = "1000:1000:";
  }
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
  bool sound(std::size_t node) const {
    const auto& known = shard.view.nodes[node].lineage;
    return !known || is_sound(*known);
  }
  std::string lineage(std::size_t node) const {
    const auto& known = shard.view.nodes[node].lineage;
    return known ? name_of(*known) : "none";
  }

  TestShard shard;
};

// phx-b is another name of phx-a, and did not answer when phx-a was seen ahead.
TEST_F(OtherHistories, of_a_server_are_those_of_all_its_names) {
  ShardSpec spec = make_spec();
  spec.nodes.push_back(make_node("phx-b", "phx"));
  shard = TestShard(spec);
  facts(kPhxB).started = facts(kPhxA).started;
  facts(kPhxB).backends_started = facts(kPhxA).backends_started;
  cut_row(kIadA, kPhxB);
  look(3);
  ASSERT_EQ(shard.view.nodes[kPhxB].same_server_as, "phx-a");
  const Lsn seen = *writer().flushed_lsn;
  shard.failures[kPhxB] = ProbeFailure::timeout;
  place(kPhxA, Lsn{seen.value + 5000});
  idle(2);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  ASSERT_TRUE(sound(kPhxB)) << "nothing was seen by that name";
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
