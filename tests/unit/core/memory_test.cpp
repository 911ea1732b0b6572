// What is remembered of a shard under a changed configuration.
#include "exporter/core/judge/memory.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

TEST(Adopt, keeps_what_is_known_of_nodes_that_stay_and_nothing_of_others) {
  TestShard shard;
  shard.run_healthy(10);
  ShardSpec after = shard.spec;
  after.rpo = seconds(8);
  std::swap(after.nodes[kIadB], after.nodes[kPhxA]);
  after.nodes.push_back(make_node("phx-b", "phx"));
  const ShardMemory adopted = adopt(shard.memory, shard.spec, after);
  ASSERT_EQ(adopted.readings.size(), 4U);
  EXPECT_EQ(adopted.copies[0].position, shard.memory.copies[kIadA].position);
  EXPECT_EQ(adopted.copies[1].position, shard.memory.copies[kPhxA].position);
  EXPECT_EQ(adopted.copies[2].position, shard.memory.copies[kIadB].position);
  EXPECT_FALSE(adopted.copies[3].position);
  EXPECT_FALSE(adopted.readings[3].last_success);
  EXPECT_EQ(adopted.durable.epochs, shard.memory.durable.epochs);
  EXPECT_EQ(adopted.durable.lineage, shard.memory.durable.lineage);
  EXPECT_EQ(adopted.source.clock.size(), shard.memory.source.clock.size());
}

TEST(LineageRecord, is_another_one_with_other_feeders) {
  LineageRecord record;
  record.fed_by["phx-a"] = {Timeline{2}, {"iad-b"}};
  LineageRecord other = record;
  EXPECT_EQ(record, other);
  other.fed_by["phx-a"].names.insert("phx-b");
  EXPECT_NE(record, other);
}

TEST(Adopt, a_node_at_another_endpoint_is_another_node) {
  TestShard shard;
  shard.run_healthy(3);
  for (const bool by_port : {true, false}) {
    ShardSpec after = shard.spec;
    if (by_port) {
      after.nodes[kPhxA].connect.port = 6000;
    } else {
      after.nodes[kPhxA].connect.host = "10.9.9.9";
    }
    EXPECT_FALSE(adopt(shard.memory, shard.spec, after).copies[kPhxA].position);
  }
}

TEST(Adopt, of_a_memory_that_was_never_evaluated_is_empty) {
  const ShardSpec spec = make_spec();
  EXPECT_EQ(adopt({}, spec, spec).readings.size(), 3U);
  EXPECT_EQ(adopt({}, spec, spec).copies.size(), 3U);
}

}  // namespace
}  // namespace rpoguard::core
