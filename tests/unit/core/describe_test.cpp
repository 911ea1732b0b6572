// evaluate() end to end: where the WAL of other nodes parts from the confirmed writer's.
#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

constexpr Lsn kFork{0x3000000 + 5000};

TimelineHistory left_first_at(Lsn end) {
  return TimelineHistory{{{Timeline{1}, end}}};
}

/// phx-a has taken over on timeline 2, stamped; it left iad-a's timeline at kFork.
TestShard failed_over(ShardSpec spec = make_spec()) {
  TestShard shard(std::move(spec));
  shard.run_healthy(5);
  shard.failures[kIadA] = shard.failures[kIadB] = ProbeFailure::timeout;
  shard.promote(kPhxA, 2);
  shard.facts[kPhxA].history = left_first_at(kFork);
  shard.facts[kPhxA].stamped = make_stamp(2, "phx");
  shard.writer_node = kPhxA;
  shard.run_healthy(4);
  EXPECT_EQ(shard.state(kPhxA), "writer");
  return shard;
}

TEST(ForkPoint, of_a_returned_old_writer_says_how_far_it_went_on) {
  TestShard shard = failed_over();
  shard.failures[kIadA].reset();
  shard.facts[kIadA].insert_lsn = Lsn{kFork.value + 12345};
  shard.facts[kIadA].flushed_lsn = Lsn{kFork.value + 12000};
  shard.tick();
  const NodeView& old_writer = shard.view.nodes[kIadA];
  EXPECT_EQ(shard.state(kIadA), "stale_writer");
  EXPECT_EQ(old_writer.fork_point, kFork);
  EXPECT_EQ(old_writer.diverged_bytes, 12345);
  EXPECT_NE(old_writer.note.find("fence it"), std::string::npos);
  EXPECT_EQ(old_writer.lineage, Lineage::diverged);
  EXPECT_EQ(
      old_writer.lineage_note,
      "its WAL leaves the writer's at 0/3001388 and goes on for 12345 bytes: run pg_rewind or "
      "rebuild it");
  EXPECT_FALSE(shard.view.nodes[kPhxA].fork_point) << "the writer is no fork of itself";
  EXPECT_FALSE(shard.view.nodes[kPhxA].diverged_bytes);
}

struct StandbyCase {
  const char* name;
  std::uint32_t timeline;
  std::optional<TimelineHistory> history;
  std::optional<Lsn> receive;
  std::optional<Lsn> replay;
  std::optional<Lsn> fork;
  std::optional<std::int64_t> diverged;
};

TEST(ForkPoint, of_a_standby_is_judged_by_the_last_of_its_wal) {
  const Lsn before{kFork.value - 100};
  const Lsn beyond{kFork.value + 700};
  const std::vector<StandbyCase> rows{
      {"returned past the fork", 1, std::nullopt, beyond, before, kFork, 700},
      {"replayed past the fork, received nothing", 1, std::nullopt, {}, beyond, kFork, 700},
      {"up to the fork: it can follow", 1, std::nullopt, kFork, kFork, kFork, 0},
      {"before the fork: it can follow", 1, std::nullopt, before, before, kFork, 0},
      {"no position", 1, std::nullopt, {}, {}, kFork, std::nullopt},
      {"on the writer's timeline", 2, left_first_at(kFork), beyond, beyond, {}, 0},
      {"on a timeline of the same number only", 2, left_first_at(before), beyond, beyond, before,
       800},
      {"on the writer's number, history unknown", 2, std::nullopt, beyond, beyond, {}, {}},
      {"on a timeline whose history is unknown", 3, std::nullopt, beyond, beyond, {}, {}},
  };
  const TestShard after = failed_over();
  for (const StandbyCase& row : rows) {
    TestShard shard = after;
    shard.failures[kIadB].reset();
    NodeFacts& copy = shard.facts[kIadB];
    copy.timeline = Timeline{row.timeline};
    copy.history = row.history;
    copy.receive_lsn = row.receive;
    copy.replay_lsn = row.replay;
    shard.tick();
    const NodeView& view = shard.view.nodes[kIadB];
    EXPECT_EQ(shard.state(kIadB), "standby") << row.name;
    EXPECT_EQ(view.fork_point, row.fork) << row.name;
    EXPECT_EQ(view.diverged_bytes, row.diverged) << row.name;
    EXPECT_EQ(view.lineage == Lineage::diverged, row.diverged.value_or(0) > 0) << row.name;
    EXPECT_EQ(view.lineage_note.empty(), row.diverged.value_or(0) == 0)
        << row.name << ": " << view.lineage_note;
    EXPECT_EQ(view.note, "") << row.name;
  }
}

TEST(ForkPoint, a_history_that_is_refused_is_shown_while_the_node_answers) {
  TestShard shard = failed_over();
  shard.failures[kIadB].reset();
  shard.facts[kIadB].timeline = Timeline{2};
  shard.facts[kIadB].history_problem = "permission denied";
  shard.tick();
  EXPECT_EQ(shard.view.nodes[kIadB].history_problem, "permission denied");
  EXPECT_EQ(shard.view.nodes[kIadB].note, "permission denied");
  EXPECT_EQ(shard.view.nodes[kPhxA].note, "");
  shard.failures[kIadB] = ProbeFailure::refused;
  shard.run(3);
  EXPECT_EQ(shard.view.nodes[kIadB].history_problem, "");
}

TEST(NodeNote, names_who_has_the_epochs_locked_while_the_last_one_stands) {
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::table;
  TestShard shard(spec);
  shard.run(2);
  ASSERT_EQ(shard.state(kIadA), "writer");
  shard.facts[kIadA].stamped.reset();
  shard.facts[kIadA].epoch_lock =
      EpochLock{.transaction = "5/77", .holder = "pid 7 (ann, psql) has it locked"};
  shard.commit();
  shard.run(2);
  EXPECT_EQ(shard.state(kIadA), "writer");
  EXPECT_EQ(shard.view.nodes[kIadA].epoch, Epoch{1});
  EXPECT_EQ(shard.view.nodes[kIadA].note,
            "rpoguard.cluster_state cannot be read: pid 7 (ann, psql) has it locked; its epoch is "
            "the one that was read before");
}

TEST(NodeNote, names_who_has_the_settings_of_roles_locked) {
  TestShard shard;
  shard.facts[kIadA].settings_lock = "pid 7 (ann, psql) has it locked";
  shard.tick();
  EXPECT_EQ(shard.view.nodes[kIadA].note,
            "pg_db_role_setting or pg_database cannot be read: pid 7 (ann, psql) has it locked; "
            "what roles have set is as it was read before");
}

TEST(ForkPoint, is_not_known_without_a_writer_or_of_another_cluster) {
  TestShard shard = failed_over();
  shard.failures[kIadA].reset();
  shard.facts[kIadA].insert_lsn = Lsn{kFork.value + 1};
  TestShard foreign = shard;
  foreign.facts[kIadA].system_identifier = 78;
  foreign.tick();
  EXPECT_EQ(foreign.state(kIadA), "foreign");
  EXPECT_FALSE(foreign.view.nodes[kIadA].fork_point);
  shard.failures[kPhxA] = ProbeFailure::refused;
  shard.tick();
  EXPECT_FALSE(shard.view.writer);
  EXPECT_FALSE(shard.view.nodes[kIadA].fork_point);
}

TEST(ForkPoint, of_two_promotions_to_one_timeline_shows_once_one_is_a_standby) {
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::timeline;
  TestShard shard = failed_over(spec);
  const TestShard before = shard;
  shard.failures[kIadB].reset();
  shard.promote(kIadB, 2);
  shard.facts[kIadB].history = left_first_at(Lsn{kFork.value + 400});
  shard.facts[kIadB].insert_lsn = Lsn{kFork.value + 900};
  shard.run(2);
  EXPECT_EQ(shard.reason(), "split_brain");
  EXPECT_EQ(shard.state(kIadB), "split_brain");
  NodeFacts standby = make_standby_facts(70, Lsn{kFork.value + 900});
  standby.timeline = Timeline{2};
  standby.history = shard.facts[kIadB].history;
  shard.facts[kIadB] = standby;
  shard.run(1);
  EXPECT_EQ(shard.state(kPhxA), "writer");
  EXPECT_EQ(shard.view.nodes[kIadB].fork_point, kFork);
  EXPECT_EQ(shard.view.nodes[kIadB].diverged_bytes, 900);
}

}  // namespace
}  // namespace rpoguard::core
