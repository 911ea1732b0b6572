// What is known of a server goes with it when names change: by a reload, by a restart of rpoguard,
// or in DNS.
#include <gtest/gtest.h>

#include "exporter/core/judge/lineage.hpp"

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

NodeSpec called(NodeSpec node, const std::string& name) {
  node.name = node.application_name = name;
  return node;
}

/// With one more copy, phx-b.
class OtherNames : public LineageTest {
 protected:
  OtherNames() { begin(four_nodes()); }
  void begin(const ShardSpec& spec) {
    shard = TestShard(spec);
    shard.memory.durable = recall(std::move(shard.memory.durable), spec);
    servers.clear();
    look(3);
  }
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
  /// The writer loses WAL that phx-a has, and phx-b has not.
  void part_phx_a() {
    const Lsn end = *writer().flushed_lsn;
    shard.commit(5000);
    shard.replicate(kPhxA);
    idle(1);
    start_at(kIadA, Lsn{end.value + 1000});
    probe_soon(kPhxB);
    idle(1);
    ASSERT_EQ(lineage(kPhxA), "diverged");
    ASSERT_TRUE(sound(kPhxB)) << note(kPhxB);
  }
  /// phx-a accepts writes, too, and is out of sight then.
  void lose_rival_phx_a() {
    facts(kPhxA) = make_writer_facts(50, *facts(kPhxA).replay_lsn);
    facts(kPhxA).started = facts(kPhxA).backends_started = shard.wall();
    look(3);
    shard.failures[kPhxA] = ProbeFailure::timeout;
    look(5);
    ASSERT_EQ(shard.reason(), "split_brain");
  }
  /// Another configuration. Each server stays at its address, also while no name leads there.
  void reload(const ShardSpec& after) {
    shard.memory = adopt(std::move(shard.memory), shard.spec, after);
    for (std::size_t node = 0; node < shard.spec.nodes.size(); ++node)
      servers[shard.spec.nodes[node].connect.host] = {facts(node), shard.failures[node]};
    shard.facts.clear();
    shard.failures.clear();
    for (const NodeSpec& node : after.nodes) {
      shard.facts.push_back(servers.at(node.connect.host).first);
      shard.failures.push_back(servers.at(node.connect.host).second);
    }
    shard.observations.nodes.assign(after.nodes.size(), std::nullopt);
    shard.observations.slow.assign(after.nodes.size(), std::nullopt);
    shard.spec = after;
  }
  ShardSpec without(std::size_t node) const {
    ShardSpec spec = shard.spec;
    spec.nodes.erase(spec.nodes.begin() + static_cast<std::ptrdiff_t>(node));
    return spec;
  }
  ShardSpec renamed(std::size_t node, const std::string& name) const {
    ShardSpec spec = shard.spec;
    spec.nodes[node] = called(spec.nodes[node], name);
    return spec;
  }

 private:
  std::map<std::string, std::pair<NodeFacts, std::optional<ProbeFailure>>> servers;
};

// It gets a second name first, and the first is taken away later.
TEST_F(OtherNames, of_a_diverged_server_that_is_renamed_in_two_steps) {
  part_phx_a();
  ShardSpec both = shard.spec;
  both.nodes.push_back(called(both.nodes[kPhxA], "phx-1"));
  reload(both);
  const TestShard at_once = shard;
  look(3);
  reload(without(kPhxA));
  shard.commit(9000);
  look(5);
  ASSERT_EQ(shard.spec.nodes[3].name, "phx-1");
  EXPECT_FALSE(sound(3)) << lineage(3);

  // rpoguard is started again while there are two names, and only the second one answers.
  shard = at_once;
  shard.restart();
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.commit(9000);
  look(5);
  ASSERT_EQ(shard.spec.nodes[4].name, "phx-1");
  EXPECT_FALSE(sound(4)) << lineage(4);
}

// Both names were there when it diverged; the one that stays had never answered.
TEST_F(OtherNames, of_a_diverged_server_whose_other_name_had_never_answered) {
  ShardSpec both = four_nodes();
  both.nodes.push_back(called(both.nodes[kPhxA], "phx-1"));
  shard = TestShard(both);
  shard.failures[4] = ProbeFailure::timeout;
  look(3);
  part_phx_a();
  reload(without(kPhxA));
  shard.failures.assign(4, std::nullopt);
  shard.commit(9000);
  look(5);
  ASSERT_EQ(shard.spec.nodes[3].name, "phx-1");
  EXPECT_FALSE(sound(3)) << lineage(3);
}

TEST_F(OtherNames, of_a_diverged_server_that_is_away_for_a_while) {
  part_phx_a();
  const ShardSpec after = renamed(kPhxA, "phx-1");
  reload(without(kPhxA));
  look(3);
  reload(after);
  shard.commit(9000);
  look(5);
  EXPECT_FALSE(sound(kPhxA)) << lineage(kPhxA);
}

// What was held against it went with it: a new server has nothing to do with that.
TEST_F(OtherNames, leave_the_old_one_free_for_a_new_server) {
  part_phx_a();
  reload(renamed(kPhxA, "phx-1"));
  look(3);
  ASSERT_FALSE(sound(kPhxA));
  ShardSpec more = shard.spec;
  more.nodes.push_back(make_node("phx-a", "phx"));
  more.nodes.back().connect.host = "phx-new.example";
  shard.memory = adopt(std::move(shard.memory), shard.spec, more);
  shard.spec = more;
  shard.facts.push_back(make_standby_facts(60, *writer().flushed_lsn));
  shard.failures.emplace_back();
  shard.observations.nodes.emplace_back();
  shard.observations.slow.emplace_back();
  shard.row(4);
  look(3);
  EXPECT_TRUE(sound(4)) << note(4);
}

// phx-a is given up, and phx-b's server is called phx-a from now on.
TEST_F(OtherNames, do_not_make_another_server_speak_for_a_rival) {
  lose_rival_phx_a();
  ShardSpec after = without(kPhxA);
  after.nodes[2] = called(after.nodes[2], "phx-a");
  reload(after);
  shard.row(2);
  look(30);
  EXPECT_EQ(shard.reason(), "split_brain") << "the old phx-a may still accept writes";
  EXPECT_NE(shard.view.gate.detail.find("forget-rival 184/phx-a@phx-a.example "), std::string::npos)
      << shard.view.gate.detail;
  EXPECT_EQ(forget_rival(shard.memory.durable.epochs, shard.spec, shard.memory.readings,
                         "phx-a@phx-a.example"),
            "");
  look(30);
  EXPECT_TRUE(shard.open()) << shard.view.gate.detail;
}

// The writer is out of sight. A standby was opened by hand beside it, and both change names.
TEST_F(OtherNames, do_not_make_another_server_the_last_writer) {
  shard.failures[kIadA] = ProbeFailure::timeout;
  const auto stamped = facts(kIadB).stamped;
  facts(kIadB) = make_writer_facts(50, *facts(kIadB).replay_lsn);
  facts(kIadB).stamped = stamped;
  idle(8);
  ASSERT_EQ(shard.state(kIadB), "unconfirmed") << shard.view.gate.detail;
  ShardSpec after = shard.spec;
  std::swap(after.nodes[kIadA].connect, after.nodes[kIadB].connect);
  reload(after);
  idle(10);
  EXPECT_EQ(shard.state(kIadA), "unconfirmed") << "iad-a's old server may still write";
}

TEST_F(OtherNames, do_not_make_another_server_say_that_the_last_writer_is_in_recovery) {
  ShardSpec spec = four_nodes();
  spec.nodes.push_back(make_node("iad-c", "iad"));
  begin(spec);
  shard.failures[kIadA] = ProbeFailure::timeout;
  shard.promote(kIadB, 2);
  idle(8);
  ASSERT_EQ(shard.state(kIadB), "unconfirmed") << shard.view.gate.detail;
  ShardSpec after = shard.spec;
  std::swap(after.nodes[kIadA].connect, after.nodes[4].connect);
  reload(after);
  idle(10);
  EXPECT_EQ(shard.state(kIadB), "unconfirmed") << "iad-a's old server may still write";
}

// It shows less than it has received, and that it receives at all was known by its old name.
TEST_F(OtherNames, of_a_delayed_copy_that_is_started_again) {
  const Lsn seen = *writer().flushed_lsn;
  for (const std::size_t node : {kIadA, kPhxA}) shard.failures[node] = ProbeFailure::timeout;
  reload(renamed(kPhxA, "phx-1"));
  idle(10);
  start_at(kIadA, Lsn{seen.value + 1000});
  NodeFacts& copy = facts(kPhxA);
  copy.session += 10;
  copy.started = copy.backends_started = shard.wall();
  copy.receive_lsn.reset();
  copy.streaming = false;
  copy.apply_delay = minutes(10);
  shard.failures[kPhxA].reset();
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

// Two were promoted to one timeline. The one that fed iad-b is given up, and is taken out of the
// configuration.
TEST_F(OtherNames, of_a_rival_that_fed_a_copy_are_not_forgotten_with_its_node) {
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
  facts(kIadB).receive_lsn = facts(kPhxA).flushed_lsn;
  facts(kPhxA).replication = {make_row("iad-b", *facts(kIadB).receive_lsn)};
  facts(kPhxA).stamped = make_stamp(2, "phx");
  reload(without(kPhxB));
  idle(3);
  ASSERT_TRUE(shard.view.writer) << shard.view.gate.detail;
  ASSERT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_FALSE(sound(kIadB)) << lineage(kIadB);
}

// The writer's server goes by another name from now on, in DNS: its old name is no rival of it.
TEST_F(OtherNames, of_the_writer_are_no_rivals_of_it) {
  cut_row(kIadA, kPhxA);  // a cascade
  look(2);
  const NodeFacts writes = writer();
  shard.failures[kIadA] = ProbeFailure::timeout;
  facts(kIadB) = writes;
  facts(kIadB).session = 70;
  shard.writer_node = kIadB;
  look(8);
  ASSERT_TRUE(shard.view.writer) << shard.view.gate.detail;
  ASSERT_EQ(shard.view.writer->node, "iad-b");
  for (const std::size_t copy : {kPhxA, kPhxB}) EXPECT_TRUE(sound(copy)) << note(copy);
  reload(without(kIadA));
  shard.writer_node = 0;
  look(3);
  ASSERT_TRUE(shard.view.writer) << shard.view.gate.detail;
  for (const std::size_t copy : {kPhxA, kPhxB}) EXPECT_TRUE(sound(copy - 1)) << note(copy - 1);
}

// A node is not in the configuration while the writer loses WAL that it has.
TEST_F(OtherNames, that_are_away_when_a_run_begins_are_judged) {
  for (const bool lost : {false, true}) {
    begin(four_nodes());
    const ShardSpec before = shard.spec;
    const Lsn end = *writer().flushed_lsn;
    shard.commit(5000);
    shard.replicate(kPhxA);
    idle(1);
    reload(without(kPhxA));
    idle(1);
    start_at(kIadA, Lsn{end.value + (lost ? 1000 : 5000)});
    idle(2);
    ASSERT_EQ(shard.view.wal_losses.count, lost ? 1U : 0U);
    reload(before);
    shard.commit(9000);
    look(5);
    EXPECT_EQ(sound(kPhxA), !lost) << lineage(kPhxA);
  }
}

/// phx-b is another name of phx-a, of which rpoguard knows only what it announces.
class DivergedServer : public OtherNames {
 protected:
  DivergedServer() {
    ShardSpec spec = four_nodes();
    for (NodeSpec& node : spec.nodes) node.application_name.clear();
    begin(spec);
    facts(kPhxB).started = facts(kPhxA).started;
    facts(kPhxB).backends_started = facts(kPhxA).backends_started;
    facts(kPhxA).announced_name = facts(kPhxB).announced_name = "phx_a";
    facts(kIadA).replication = {make_row("iad-b", Lsn{}), make_row("phx_a", Lsn{})};
    look(3);
    EXPECT_EQ(shard.view.nodes[kPhxB].same_server_as, "phx-a");
    shard.failures[kPhxB] = ProbeFailure::timeout;
    place(kPhxA, Lsn{writer().flushed_lsn->value + 5000});
    idle(2);
    EXPECT_EQ(lineage(kPhxA), "diverged");
  }
};

TEST_F(DivergedServer, of_a_diverged_server_does_not_count_when_the_first_is_taken_away) {
  reload(without(kPhxA));
  shard.failures.assign(3, std::nullopt);
  shard.commit(9000);
  look(6);
  EXPECT_FALSE(sound(2)) << lineage(2);
}

TEST_F(DivergedServer, of_a_diverged_server_does_not_count_after_a_restart) {
  shard.restart();
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.failures[kPhxB].reset();
  shard.commit(9000);
  look(6);
  EXPECT_FALSE(shard.view.nodes[kPhxB].counted) << lineage(kPhxB);
}

// Each name is readmitted by itself, and stays so. As long as one is not, the server does not
// count.
TEST_F(DivergedServer, of_a_diverged_server_is_readmitted_too) {
  shard.failures[kPhxB].reset();
  shard.commit(9000);
  look(2);
  ASSERT_FALSE(sound(kPhxB));
  for (const std::size_t node : {kPhxA, kPhxB}) {
    const std::string& name = shard.spec.nodes[node].name;
    ASSERT_EQ(readmit(shard.memory, shard.spec, name, shard.now), "");
    look(3);
    EXPECT_TRUE(sound(node)) << note(node);
    EXPECT_EQ(shard.view.nodes[kPhxA].counted, node == kPhxB);
  }
}

// In DNS, the name of a rival leads to phx-b's server now, which is in recovery.
TEST_F(OtherNames, that_lead_to_another_node_say_nothing_of_a_rival) {
  lose_rival_phx_a();
  TestShard back = shard;
  shard.failures[kPhxA].reset();
  facts(kPhxA) = facts(kPhxB);
  facts(kPhxA).session = 90;
  look(30);
  ASSERT_EQ(shard.view.nodes[kPhxB].same_server_as, "phx-a");
  EXPECT_EQ(shard.reason(), "split_brain");
  EXPECT_NE(shard.view.gate.detail.find("(its name leads to another server now)"),
            std::string::npos)
      << shard.view.gate.detail;
  EXPECT_EQ(forget_rival(shard.memory.durable.epochs, shard.spec, shard.memory.readings, "phx-a"),
            "");
  look(1);
  EXPECT_NE(shard.reason(), "split_brain");

  // The rival itself is a standby again.
  shard = back;
  shard.failures[kPhxA].reset();
  facts(kPhxA) = make_standby_facts(60, *writer().flushed_lsn);
  look(5);
  EXPECT_NE(shard.reason(), "split_brain") << shard.view.gate.detail;
}

}  // namespace
}  // namespace rpoguard::core
