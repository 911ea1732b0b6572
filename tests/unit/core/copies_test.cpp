// evaluate() end to end: whose history a position lies in, and whose row speaks of whom.
#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

TimelineHistory branched(std::uint64_t at) {
  return TimelineHistory{{{Timeline{1}, Lsn{at}}}};
}

class Histories : public ::testing::Test {
 protected:
  Histories() {
    shard.facts[kIadA].timeline = shard.facts[kPhxA].timeline = Timeline{2};
    shard.facts[kIadA].history = shard.facts[kPhxA].history = branched(0x2000000);
  }
  TestShard shard;
};

TEST_F(Histories, one_number_and_one_past_is_one_timeline) {
  shard.run_healthy(3);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_F(Histories, two_promotions_to_one_number_are_two_timelines) {
  shard.facts[kPhxA].history = branched(0x1800000);
  shard.run_healthy(3);
  EXPECT_EQ(shard.reason(), "unproven");
  EXPECT_FALSE(shard.view.nodes[kPhxA].recovery_point_flush.has_value());
  EXPECT_FALSE(shard.view.nodes[kPhxA].lag_bytes_flush.has_value());
}

TEST_F(Histories, an_unknown_past_is_taken_for_the_same) {
  shard.facts[kPhxA].history.reset();
  shard.run_healthy(3);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

// iad-b takes over within the region while phx-a is up to date; nothing beyond the branch was
// acknowledged.
class LocalFailover : public ::testing::Test {
 protected:
  void fail_over(bool history_known) {
    for (NodeFacts& each : shard.facts) each.history = TimelineHistory{};
    shard.run_healthy(5);
    proven = *shard.view.recovery_point;
    const Lsn branch = *shard.facts[kIadB].receive_lsn;
    shard.facts[kIadB].stamped = make_stamp(2, "iad");
    shard.promote(kIadB, 2);
    shard.facts[kIadB].history.reset();
    if (history_known) shard.facts[kIadB].history = branched(branch.value);
    shard.writer_node = kIadB;
    shard.failures[kIadA] = ProbeFailure::refused;
  }
  TestShard shard;
  Instant proven;
};

TEST_F(LocalFailover, what_the_old_writer_acknowledged_stays_proven) {
  fail_over(true);
  shard.tick();
  ASSERT_EQ(shard.state(kIadB), "writer");
  ASSERT_TRUE(shard.view.recovery_point);
  EXPECT_GE(*shard.view.recovery_point, proven);
  shard.commit();  // beyond what the copy has: only the old pairs speak for it
  shard.tick();
  ASSERT_TRUE(shard.view.recovery_point);
  EXPECT_GE(*shard.view.recovery_point, proven);
  shard.replicate(kPhxA);
  shard.facts[kPhxA].timeline = Timeline{2};
  shard.facts[kPhxA].history = shard.facts[kIadB].history;
  shard.tick();
  EXPECT_GT(*shard.view.recovery_point, proven);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_F(LocalFailover, without_a_history_nothing_is_carried_over) {
  fail_over(false);
  shard.tick();
  ASSERT_EQ(shard.state(kIadB), "writer");
  EXPECT_FALSE(shard.view.recovery_point.has_value());
}

TEST_F(LocalFailover, what_was_seen_of_the_old_writer_after_the_new_one_began_is_not_carried_over) {
  fail_over(true);
  // The old writer is seen once more: idle, and the new one has committed meanwhile.
  shard.failures[kIadA].reset();
  shard.unprobed = kIadB;
  shard.tick();
  shard.unprobed.reset();
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.commit();
  shard.tick();
  ASSERT_EQ(shard.state(kIadB), "writer");
  ASSERT_TRUE(shard.view.recovery_point);
  EXPECT_EQ(*shard.view.recovery_point, *shard.memory.readings[kIadB].in_recovery_at);
}

TEST_F(LocalFailover, a_copy_beyond_the_branch_proves_nothing_more) {
  fail_over(true);
  shard.facts[kPhxA].receive_lsn = Lsn{shard.facts[kPhxA].receive_lsn->value + 10};
  shard.tick();
  ASSERT_EQ(shard.state(kIadB), "writer");
  EXPECT_FALSE(shard.view.recovery_point.has_value());
  EXPECT_EQ(shard.view.nodes[kPhxA].diverged_bytes, 10);
}

// The copy does not answer; the writer's row goes on.
TEST(RowIdentity, another_connection_under_the_same_name_is_not_believed) {
  for (const bool same : {true, false}) {
    TestShard shard;
    shard.row(kPhxA).pid = 100;
    shard.run_healthy(3);
    shard.failures[kPhxA] = ProbeFailure::timeout;
    const auto proven = shard.view.recovery_point;
    shard.row(kPhxA).pid = same ? 100 : 101;
    shard.run_healthy(3);
    EXPECT_EQ(shard.view.recovery_point > proven, same);
  }
}

TEST(Snapshots, of_one_run_go_over_sessions) {
  for (const bool restarted : {false, true}) {
    TestShard shard;
    shard.run_healthy(3);
    // Idle but for what the writer logs by itself; rpoguard connects anew.
    shard.facts[kIadA].session = 99;
    if (restarted) {
      shard.facts[kIadA].started = shard.facts[kIadA].backends_started = kWallStart;
      const Lsn end = *shard.facts[kIadA].flushed_lsn;
      shard.facts[kIadA].checkpoint = {end, end, kWallStart};
    }
    shard.facts[kIadA].insert_lsn = Lsn{shard.facts[kIadA].insert_lsn->value + 500};
    shard.tick();
    EXPECT_EQ(exposure_at(shard.view, shard.now) < seconds(1), !restarted);
  }
}

struct CopyCase {
  const char* name;
  void (*change)(TestShard&);
  bool flush_open;
  bool replay_open;
};

TEST(Copies, count_by_what_they_have_whatever_else_they_are) {
  const CopyCase rows[] = {
      {"streams", [](TestShard&) {}, true, true},
      {"no row at the writer: cascaded, or under another name",
       [](TestShard& s) {
         std::erase_if(s.facts[kIadA].replication,
                       [](const auto& row) { return row.application_name == "phx-a"; });
       },
       true, true},
      {"replay paused",
       [](TestShard& s) {
         s.facts[kPhxA].replay_lsn = Lsn{0x3000000};
         s.facts[kPhxA].replay_paused = true;
       },
       true, false},
      {"delayed",
       [](TestShard& s) {
         s.facts[kPhxA].replay_lsn = Lsn{0x3000000};
         s.facts[kPhxA].apply_delay = hours(1);
       },
       true, false},
      {"receiver restarted at the start of a segment",
       [](TestShard& s) { s.facts[kPhxA].receive_lsn = Lsn{0x3000000}; }, true, true},
      {"fed by the archive, no receiver ever ran",
       [](TestShard& s) { s.facts[kPhxA].receive_lsn.reset(); }, true, true},
      {"re-seeded from an old backup",
       [](TestShard& s) {
         s.facts[kPhxA].receive_lsn = s.facts[kPhxA].replay_lsn = Lsn{0x2000000};
       },
       false, false},
  };
  for (const CopyCase& row : rows) {
    for (const auto durability : {Durability::flush, Durability::replay}) {
      ShardSpec spec = make_spec();
      spec.durability = durability;
      TestShard shard(spec);
      shard.run_healthy(3);
      for (int i = 0; i < 12; ++i) {
        shard.commit();
        shard.replicate(kPhxA);
        shard.replicate(kIadB);
        row.change(shard);
        shard.tick();
      }
      EXPECT_EQ(shard.open(), durability == Durability::flush ? row.flush_open : row.replay_open)
          << row.name << ", " << name_of(durability) << ": " << shard.reason();
    }
  }
}

}  // namespace
}  // namespace rpoguard::core
