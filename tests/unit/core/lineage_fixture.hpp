// A shard whose servers a test starts anew, for tests of whose WAL each node holds.
#pragma once

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "exporter/core/judge/lineage.hpp"

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core::test {

/// iad-a writes, the copies follow, one look a second. All clocks agree.
class LineageTest : public ::testing::Test {
 protected:
  explicit LineageTest(const ShardSpec& spec = make_spec()) : shard(spec) {}

  NodeFacts& facts(std::size_t node) { return shard.facts[node]; }
  NodeFacts& writer() { return facts(shard.writer_node); }
  /// Healthy looks under load.
  void look(int ticks) {
    for (int i = 0; i < ticks; ++i) {
      set_clocks();
      shard.run_healthy(1);
    }
  }
  /// Looks in which nothing moves.
  void idle(int ticks) {
    for (int i = 0; i < ticks; ++i) {
      set_clocks();
      shard.run(1);
    }
  }
  /// What the servers' clocks show at the next look.
  void set_clocks() {
    for (NodeFacts& each : shard.facts)
      each.server_now = kWallStart + std::chrono::duration_cast<std::chrono::microseconds>(
                                         shard.next_tick - kStart);
  }
  /// A server is started after a crash, or a clean stop. Its WAL goes on from there, and it has
  /// written nothing yet.
  void start_at(std::size_t node, Lsn end, bool clean = false) {
    const WallTime now = shard.wall();
    NodeFacts& started = facts(node);
    started.session += 10;
    started.started = started.backends_started = now;
    started.checkpoint = {end, end, clean ? now - seconds(2) : now + seconds(1)};
    started.insert_lsn = started.flushed_lsn = Lsn{end.value + 120};
    started.snapshot = "1000:1000:";
    started.mark.reset();
  }
  /// The writer is started again, `lost` bytes short.
  void restart_writer(std::uint64_t lost = 0, bool clean = false) {
    start_at(shard.writer_node, Lsn{writer().flushed_lsn->value - lost}, clean);
  }

  /// "assumed"; "none": it is not judged.
  std::string lineage(std::size_t node) const {
    const auto& known = shard.view.nodes[node].lineage;
    return known ? name_of(*known) : "none";
  }
  bool sound(std::size_t node) const {
    const auto& known = shard.view.nodes[node].lineage;
    return !known || is_sound(*known);
  }
  std::string note(std::size_t node) const { return shard.view.nodes[node].lineage_note; }

  TestShard shard;
};

}  // namespace rpoguard::core::test
