// Archives of another history that came to it where rpoguard was not looking.
#include <gtest/gtest.h>

#include "tests/unit/core/archived_shard.hpp"
#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

ShardSpec counted_archive() {
  ShardSpec spec = directory_spec();
  spec.archive.readable_from = {"phx"};
  return spec;
}

// The archive's memory of lost WAL, and a reload that changes how often it is looked at.
TEST(UnseenArchive, is_remembered_when_only_its_interval_changes) {
  ArchivedShard shard(counted_archive());
  shard.repository.runs.back().last = 9;
  shard.run(1);
  shard.look();
  shard.run(1);
  ASSERT_EQ(shard.memory.durable.archive_foreign_until, Lsn{0xA000000});
  ShardSpec after = shard.spec;
  after.archive.interval = seconds(7);
  shard.memory = adopt(std::move(shard.memory), shard.spec, after);
  shard.spec = after;
  shard.writer().insert_lsn = shard.writer().flushed_lsn = Lsn{0xD000000};
  shard.repository.runs.back().last = 12;
  shard.run(1);
  shard.look();
  shard.run(1);
  EXPECT_FALSE(shard.archive().frontier);
}

// A rival on the writer's timeline archives, too, and is gone before the writer is confirmed.
void lose_rival(ArchivedShard& shard, const std::optional<ArchiverFacts>& archiver) {
  shard.run(2);
  shard.look();
  const Lsn at = *shard.writer().flushed_lsn;
  shard.facts[kPhxA] = make_writer_facts(50, Lsn{at.value + 2 * kArchivedSegment});
  shard.facts[kPhxA].archiver = archiver;
  shard.repository.runs.back().last = 4;
  shard.run(2);
  ASSERT_EQ(shard.reason(), "split_brain");
  shard.failures[kPhxA] = ProbeFailure::refused;
  // The writer goes on, past that, and is stamped.
  shard.writer().insert_lsn = shard.writer().flushed_lsn = Lsn{0x7000000};
  shard.writer().snapshot = "900:900:";
  shard.facts[kIadA].stamped = shard.facts[kIadB].stamped = make_stamp(2, "iad");
  shard.run(2);
  ASSERT_EQ(shard.state(kIadA), "writer") << shard.view.gate.detail;
  shard.look();
  shard.run(1);
}

TEST(UnseenArchive, of_a_rival_is_not_the_writers) {
  ArchivedShard shard(counted_archive());
  lose_rival(shard, ArchiverFacts{"000000010000000000000004", 0, 2});
  EXPECT_FALSE(shard.archive().frontier) << "segments 3 and 4 may be phx-a's";
  ArchivedShard alone(counted_archive());
  lose_rival(alone, std::nullopt);
  EXPECT_TRUE(alone.archive().frontier) << "phx-a archives nothing";
}

// rpoguard is down while the writer loses WAL that was archived; when it is back, the writer
// has passed all that, and its archiver cannot archive: the names are taken.
TEST(UnseenArchive, of_a_run_that_nobody_saw_proves_nothing) {
  ArchivedShard shard(counted_archive());
  shard.run(2);
  shard.look();
  shard.restart();
  shard.observations.archive.reset();
  shard.pass(minutes(1));
  shard.repository.runs.back().last = 6;
  const Lsn goes_on{0x3400000};
  shard.writer().started = shard.writer().backends_started = shard.wall() - seconds(20);
  shard.writer().server_now = shard.wall();
  shard.writer().checkpoint = {goes_on, goes_on, shard.wall() - seconds(19)};
  shard.writer().insert_lsn = shard.writer().flushed_lsn = Lsn{0x9000000};
  shard.writer().archiver = ArchiverFacts{"000000010000000000000002", 7, 0};
  shard.run(2);
  shard.look();
  shard.run(2);
  EXPECT_FALSE(shard.archive().frontier) << "segments 3 to 6 are of the WAL that was lost";
}

// The same after a promotion that nobody saw.
TEST(UnseenArchive, of_a_promotion_and_a_loss_that_nobody_saw) {
  ArchivedShard shard(counted_archive());
  shard.run(2);
  shard.look();
  shard.restart();
  shard.observations.archive.reset();
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.pass(minutes(5));
  const TimelineHistory history{{{Timeline{1}, Lsn{0x3000000}}}};
  shard.promote(kIadB, 2);
  NodeFacts& now = shard.facts[kIadB];
  now.stamped = make_stamp(2, "iad");
  now.stamped->promoted_at = shard.wall() - minutes(4);
  now.history = history;
  const Lsn goes_on{0x3400000};
  now.started = now.backends_started = shard.wall() - seconds(20);
  now.server_now = shard.wall();
  now.checkpoint = {goes_on, goes_on, shard.wall() - seconds(19)};
  now.insert_lsn = now.flushed_lsn = Lsn{0x9000000};
  now.archiver = ArchiverFacts{"", 7, 0};
  shard.writer_node = kIadB;
  shard.repository.runs = {{Timeline{1}, 0, 1, 2}, {Timeline{2}, 0, 3, 6}};
  shard.run(2);
  ASSERT_EQ(shard.state(kIadB), "writer") << shard.view.gate.detail;
  shard.look();
  shard.run(2);
  EXPECT_FALSE(shard.archive().frontier) << "segments 3 to 6 are of the WAL that was lost";
}

/// iad-a is lost, and this node is promoted to timeline 2 with what it has.
void promote_to_2(ArchivedShard& shard, std::size_t node) {
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.promote(node, 2);
  shard.facts[node].history = TimelineHistory{{{Timeline{1}, Lsn{0x3000000}}}};
  shard.facts[node].archiver = ArchiverFacts{"", 0, 0};
}

// It archives two segments of its own.
void archive_beside(ArchivedShard& shard, std::size_t node) {
  shard.facts[node].insert_lsn = shard.facts[node].flushed_lsn = Lsn{0x5000100};
  shard.repository.runs = {{Timeline{1}, 0, 1, 2}, {Timeline{2}, 0, 3, 4}};
}

// It is stamped, and has come beyond those.
void stamp_further(ArchivedShard& shard, std::size_t node) {
  shard.facts[node].stamped = make_stamp(2, "iad");
  shard.facts[node].insert_lsn = shard.facts[node].flushed_lsn = Lsn{0x7000000};
  shard.facts[node].snapshot = "900:900:";
  shard.writer_node = node;
  shard.run(2);
  ASSERT_TRUE(shard.view.writer) << shard.view.gate.detail;
  shard.look();
  shard.run(2);
}

// Two were promoted to one timeline. The one that is given up has archived.
TEST(UnseenArchive, of_the_other_of_two_before_one_was_stamped) {
  ArchivedShard shard(counted_archive());
  shard.run(2);
  shard.look();
  promote_to_2(shard, kIadB);
  promote_to_2(shard, kPhxA);
  archive_beside(shard, kPhxA);
  shard.writer_node = kIadB;
  shard.run(3);
  ASSERT_FALSE(shard.view.writer);
  shard.failures[kPhxA] = ProbeFailure::refused;
  shard.observations.nodes[kPhxA].reset();
  shard.memory.readings[kPhxA] = {};
  shard.memory.servers.sightings[kPhxA].reset();
  stamp_further(shard, kIadB);
  EXPECT_FALSE(shard.archive().frontier) << "segments 3 and 4 are phx-a's";
}

// The same; it is out of sight when the other one is promoted, and stamped at once.
TEST(UnseenArchive, of_one_that_was_promoted_and_given_up_before) {
  ArchivedShard shard(counted_archive());
  shard.run(2);
  shard.look();
  promote_to_2(shard, kPhxA);
  archive_beside(shard, kPhxA);
  shard.run(3);
  ASSERT_FALSE(shard.view.writer);
  shard.failures[kPhxA] = ProbeFailure::refused;
  promote_to_2(shard, kIadB);
  stamp_further(shard, kIadB);
  EXPECT_FALSE(shard.archive().frontier) << "segments 3 and 4 are phx-a's";
}

// Another way may lead to the same archive.
TEST(UnseenArchive, is_remembered_when_the_way_to_it_changes) {
  ArchivedShard shard(counted_archive());
  shard.repository.runs.back().last = 9;
  shard.run(1);
  shard.look();
  shard.run(1);
  ASSERT_EQ(shard.memory.durable.archive_foreign_until, Lsn{0xA000000});
  ShardSpec after = shard.spec;
  after.archive.directory = "/mnt/archive";
  shard.memory = adopt(std::move(shard.memory), shard.spec, after);
  shard.spec = after;
  shard.writer().insert_lsn = shard.writer().flushed_lsn = Lsn{0xD000000};
  shard.repository.runs.back().last = 12;
  shard.run(1);
  shard.look();
  shard.run(1);
  EXPECT_FALSE(shard.archive().frontier);
}

}  // namespace
}  // namespace rpoguard::core
