// Under which name the writer's row of each node is looked for, and what follows where none is
// known.
#include "exporter/core/judge/row_names.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

using List = std::vector<std::string>;

/// Three nodes whose application_name is not configured.
class RowNames : public ::testing::Test {
 protected:
  RowNames() {
    for (NodeSpec& node : spec.nodes) node.application_name.clear();
    servers.sightings.resize(spec.nodes.size());
  }
  void announce(std::size_t node, const std::string& name) {
    servers.sightings[node] = Sighting{};
    servers.sightings[node]->announced_name = name;
  }
  List names() const { return row_names(spec, servers); }

  ShardSpec spec = make_spec();
  Servers servers;
};

TEST_F(RowNames, are_the_nodes_names_until_the_copies_tell) {
  EXPECT_EQ(names(), (List{"iad-a", "iad-b", "phx-a"}));
  announce(kIadB, "iad_b");
  EXPECT_EQ(names(), (List{"iad-a", "iad_b", "phx-a"}));
}

TEST_F(RowNames, that_are_configured_hold_against_what_is_announced) {
  spec.nodes[kIadB].application_name = "standby";
  announce(kIadB, "iad_b");
  EXPECT_EQ(names()[kIadB], "standby");
  announce(kPhxA, "standby");
  EXPECT_EQ(names(), (List{"iad-a", "standby", ""}));
}

TEST_F(RowNames, that_two_servers_have_are_neithers) {
  announce(kIadB, "main");
  announce(kPhxA, "main");
  EXPECT_EQ(names(), (List{"iad-a", "", ""}));
}

TEST_F(RowNames, that_one_server_has_under_two_names_are_both_names) {
  announce(kIadB, "main");
  announce(kPhxA, "main");
  servers.pairs[{"iad-b", "phx-a"}].verdict = NamePair::Verdict::one;
  EXPECT_EQ(names(), (List{"iad-a", "main", "main"}));
}

TEST_F(RowNames, that_are_announced_hold_against_what_is_guessed) {
  announce(kIadB, "phx-a");
  EXPECT_EQ(names(), (List{"iad-a", "phx-a", ""}));
}

/// RPO 0; the only copy stands at the writer under a name that nobody configured.
class Announced : public ::testing::Test {
 protected:
  Announced()
      : shard([] {
          ShardSpec spec = make_spec(Duration{0});
          for (NodeSpec& node : spec.nodes) node.application_name.clear();
          return spec;
        }()) {
    writer().synchronous_standby_names = "phx_a";
    shard.row(kPhxA).sync_state = "sync";
    shard.row(kPhxA).application_name = "phx_a";
    shard.facts[kPhxA].announced_name = "phx_a";
  }
  NodeFacts& writer() { return shard.facts[kIadA]; }
  void run(int ticks) {
    for (int i = 0; i < ticks; ++i) {
      shard.commit();
      shard.replicate(kIadB);
      shard.facts[kPhxA].receive_lsn = shard.facts[kPhxA].replay_lsn = writer().flushed_lsn;
      for (ReplicationRow& row : writer().replication)
        row.flush_lsn = row.replay_lsn = writer().flushed_lsn;
      shard.tick();
    }
  }
  TestShard shard;
};

TEST_F(Announced, is_what_the_writer_waits_for) {
  run(3);
  EXPECT_TRUE(shard.open()) << shard.view.gate.detail;
  EXPECT_EQ(shard.view.nodes[kPhxA].synchronous, true);
  shard.failures[kPhxA] = ProbeFailure::timeout;
  run(5);
  EXPECT_TRUE(shard.open()) << "the name is remembered: " << shard.view.gate.detail;
  EXPECT_EQ(shard.view.nodes[kPhxA].synchronous, true);
}

TEST_F(Announced, and_not_told_leaves_unknown_what_the_writer_waits_for) {
  shard.facts[kPhxA].announced_name.reset();
  run(3);
  EXPECT_FALSE(shard.open());
  EXPECT_EQ(shard.view.nodes[kPhxA].synchronous, std::nullopt);
  EXPECT_TRUE(shard.view.synchronous.unknown);
  EXPECT_FALSE(shard.view.synchronous.downgraded);
  EXPECT_FALSE(is_downgraded(shard.view));
  EXPECT_EQ(shard.view.gate.detail,
            "rpo is 0, but whether commits wait for phx-a is not known: the writer has no "
            "walsender that is known to be its");
  writer().synchronous_standby_names = "";
  run(1);
  EXPECT_TRUE(is_downgraded(shard.view)) << "whoever it is, nobody is waited for";
  EXPECT_FALSE(shard.view.synchronous.unknown);
  writer().synchronous_standby_names = "phx_a";
  run(1);
  EXPECT_TRUE(shard.view.synchronous.downgraded) << "nothing says that it has ended";
  EXPECT_FALSE(is_downgraded(shard.view));
  shard.facts[kPhxA].announced_name = "phx_a";
  run(1);
  EXPECT_FALSE(shard.view.synchronous.downgraded);
}

TEST_F(Announced, by_two_servers_is_no_proof) {
  run(3);
  shard.facts[kIadB].announced_name = "phx_a";
  std::erase_if(writer().replication,
                [](const ReplicationRow& row) { return row.application_name == "iad-b"; });
  run(1);
  EXPECT_FALSE(shard.open()) << "the one row may be the other's";
}

TEST_F(Announced, of_an_earlier_start_is_forgotten) {
  run(3);
  shard.facts[kPhxA].announced_name.reset();
  run(3);
  EXPECT_EQ(shard.view.nodes[kPhxA].synchronous, true) << "its receiver may be reconnecting";
  shard.facts[kPhxA].started = kWallStart;
  run(1);
  EXPECT_EQ(shard.view.nodes[kPhxA].synchronous, std::nullopt);
}

}  // namespace
}  // namespace rpoguard::core
