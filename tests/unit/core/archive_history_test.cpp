// An archive that holds WAL which the writer has lost.
#include <gtest/gtest.h>

#include "tests/unit/core/archived_shard.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

TEST(Archive, of_another_history_is_left_behind_by_a_backup_that_begins_beyond) {
  ArchivedShard shard;
  shard.repository.runs.back().last = 9;
  shard.run(1);
  shard.look();
  shard.run(1);
  ASSERT_EQ(shard.memory.durable.archive_foreign_until, Lsn{0xA000000});
  shard.writer().insert_lsn = shard.writer().flushed_lsn = Lsn{0xD000000};
  shard.repository.runs.back().last = 12;
  for (const char* within : {"000000010000000000000009", "000000010000000000000002"}) {
    shard.repository.backup_starts = {within};
    shard.run(1);
    shard.look();
    EXPECT_FALSE(shard.archive().frontier) << within;
  }
  shard.repository.backup_starts.emplace_back("00000001000000000000000A");
  shard.run(1);
  shard.look();
  EXPECT_EQ(shard.archive().frontier, Lsn{0xD000000});
  EXPECT_EQ(shard.archive().note, "");
  EXPECT_EQ(shard.memory.durable.archive_foreign_until, std::nullopt);
}

/// Its writer is started again, and its WAL goes on at a position in segment 3.
class RestartedShard : public ArchivedShard {
 public:
  RestartedShard() {
    run(2);
    look();
  }
  /// Its last look shows as much WAL.
  void last_look(Lsn flushed) {
    writer().insert_lsn = writer().flushed_lsn = flushed;
    run(1);
  }
  /// By the time of its first look the writer has written as much as before, and more.
  void start_again() {
    started_at = now;
    writer().session += 10;
    writer().started = writer().backends_started = wall();
    writer().checkpoint = {kGoesOn, kGoesOn, wall() + seconds(1)};
    writer().snapshot = "900:900:";
    writer().insert_lsn = writer().flushed_lsn = Lsn{0x9000000};
    now += milliseconds(500);
    writer().server_now = wall();
    next_tick = now;
  }
  /// What a look finds that begins now.
  void find(std::uint32_t last) {
    repository.runs.back().last = last;
    look();
    run(1);
  }

  static constexpr Lsn kGoesOn{0x3400000};
  Instant started_at{};
};

TEST(RestartedArchive, that_held_more_than_where_the_writer_goes_on_is_anothers) {
  RestartedShard shard;
  shard.last_look(Lsn{0x3200000});
  shard.repository.runs.back().last = 3;
  shard.look();
  shard.start_again();
  shard.run(1);
  EXPECT_FALSE(shard.archive().frontier) << "it held 0/4000000";
  shard.find(4);
  EXPECT_FALSE(shard.archive().frontier);
  EXPECT_EQ(shard.memory.durable.archive_foreign_until, Lsn{0x5000000});
}

TEST(RestartedArchive, that_held_less_goes_on) {
  RestartedShard shard;
  shard.last_look(Lsn{0x3200000});
  shard.start_again();
  shard.run(1);
  EXPECT_EQ(shard.archive().frontier, Lsn{0x3000000});
  shard.find(4);
  EXPECT_EQ(shard.archive().frontier, Lsn{0x5000000}) << "this run may have archived it";
}

TEST(RestartedArchive, of_a_writer_that_has_lost_wal_waits_for_a_look) {
  for (const bool lost_was_archived : {false, true}) {
    RestartedShard shard;
    shard.last_look(Lsn{0x3800000});
    shard.start_again();
    shard.run(1);
    EXPECT_FALSE(shard.archive().frontier);
    shard.find(lost_was_archived ? 3 : 2);
    EXPECT_EQ(shard.archive().frontier.has_value(), !lost_was_archived);
    shard.find(4);
    EXPECT_EQ(shard.archive().frontier.has_value(), !lost_was_archived);
  }
}

TEST(RestartedArchive, is_not_vouched_for_by_a_backup_of_what_was_lost) {
  RestartedShard shard;
  shard.last_look(Lsn{0x3800000});
  shard.start_again();
  shard.repository.runs.back().last = 7;
  shard.repository.backup_starts = {"000000010000000000000005"};
  // A look during which the writer was started.
  shard.observations.archive = ArchiveObservation{
      shard.started_at - milliseconds(100), shard.started_at + milliseconds(100), shard.repository};
  shard.run(1);
  EXPECT_FALSE(shard.archive().frontier);
  shard.find(7);
  EXPECT_FALSE(shard.archive().frontier);
  EXPECT_EQ(shard.memory.durable.archive_foreign_until, Lsn{0x8000000});
}

// rpoguard was started again together with its writer, or the writer is confirmed so late that its
// control file does not tell any more where it went on.
TEST(RestartedArchive, of_a_run_that_nobody_saw_end_waits_for_a_look) {
  for (const bool late : {false, true}) {
    for (const std::uint32_t archived : {2U, 3U}) {
      RestartedShard shard;
      shard.last_look(Lsn{0x3200000});
      shard.restart();
      shard.observations.archive.reset();
      shard.start_again();
      if (late) shard.writer().checkpoint->redo = Lsn{RestartedShard::kGoesOn.value - 56};
      shard.run(1);
      EXPECT_FALSE(shard.archive().frontier);
      shard.find(archived);
      EXPECT_EQ(shard.archive().frontier.has_value(), archived == 2 && !late) << archived;
      shard.find(4);
      EXPECT_EQ(shard.archive().frontier.has_value(), archived == 2 && !late) << archived;
    }
  }
}

// A standby is opened by hand: what the writer before it had archived meanwhile is not its WAL.
TEST(RestartedArchive, of_another_server_on_the_same_timeline_waits_for_a_look) {
  RestartedShard shard;
  shard.last_look(Lsn{0x3200000});
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.facts[kIadB] = shard.writer();
  shard.facts[kIadB].session = 20;
  shard.facts[kIadB].stamped = make_stamp(2, "iad");
  shard.writer_node = kIadB;
  shard.start_again();
  shard.run(1);
  EXPECT_EQ(shard.state(kIadB), "writer");
  EXPECT_FALSE(shard.archive().frontier);
  shard.find(3);
  EXPECT_FALSE(shard.archive().frontier);
}

}  // namespace
}  // namespace rpoguard::core
