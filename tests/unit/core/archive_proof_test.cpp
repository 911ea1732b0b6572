// What the view says of the archive, fact by fact.
#include <gtest/gtest.h>

#include "tests/unit/core/archived_shard.hpp"

namespace rpoguard::core {
namespace {

using namespace test;

TEST(Archive, its_own_look_is_the_truth_and_the_archivers_word_is_not) {
  ArchivedShard shard;
  shard.run_healthy(2);
  EXPECT_TRUE(shard.archive().enabled);
  EXPECT_FALSE(shard.archive().frontier) << "not looked yet";
  shard.look();
  EXPECT_EQ(shard.archive().frontier, Lsn{0x3000000});
  EXPECT_EQ(shard.archive().lag_bytes, 2000);
  EXPECT_EQ(shard.archive().gap_segments, 0);
  EXPECT_EQ(shard.archive().as_of, shard.now - milliseconds(1));
  shard.switch_segment(false);
  shard.run(1);
  EXPECT_EQ(shard.archive().frontier, Lsn{0x3000000});
  EXPECT_EQ(shard.archive().last_archived_wal, "000000010000000000000003");
}

// exit 127, or an empty archive_command.
TEST(Archive, that_has_never_worked_says_so) {
  TestShard shard;
  const auto note_with = [&](const ArchiverFacts& archiver) {
    shard.facts[kIadA].archiver = archiver;
    shard.run_healthy(1);
    return shard.view.archive.note;
  };
  using Ready = ArchiverFacts::Ready;
  EXPECT_EQ(note_with({"", 0, 0, Ready{0, ""}}), "");
  EXPECT_EQ(note_with({"", 0, 0, Ready{1, ""}}), "") << "it has only begun";
  EXPECT_EQ(note_with({"", 0, 0, Ready{3, ""}}),
            "3 segments wait on iad-a, and none was ever archived: archive_command is empty, or "
            "hangs");
  EXPECT_EQ(note_with({"", 12, 0, Ready{3, ""}}),
            "archiving has failed 12 times and never worked: the log of iad-a says why");
  EXPECT_EQ(note_with({"000000010000000000000002", 12, 1, Ready{3, ""}}), "") << "it has worked";
  EXPECT_EQ(note_with({"", 12, 0, Ready{3, ""}}), "") << "its counters were reset";
}

TEST(Archive, is_not_late_while_an_idle_writers_wal_is_all_archived) {
  ArchivedShard shard;
  shard.run_healthy(2);
  shard.switch_segment();
  for (int i = 0; i < 600; ++i) {
    shard.tick();
    shard.look();
    if (i > 0) {
      ASSERT_EQ(shard.archive().recovery_point, shard.observations.nodes[kIadA]->asked);
    }
  }
  EXPECT_EQ(shard.archive().lag_bytes, 0);
}

TEST(Archive, proves_nothing_later_than_the_look) {
  ArchivedShard shard;
  shard.switch_segment();
  shard.run(2);
  shard.look();
  const auto proven = shard.archive().recovery_point;
  ASSERT_TRUE(proven);
  shard.run(10);  // idle, and nobody looks
  EXPECT_EQ(shard.archive().recovery_point, shard.archive().as_of);
  const auto as_of = shard.archive().as_of;
  shard.fail_to_look();
  shard.run(10);
  EXPECT_EQ(shard.archive().as_of, as_of);
  EXPECT_EQ(shard.archive().recovery_point, as_of);
  ASSERT_TRUE(shard.archive().failure);
  EXPECT_EQ(shard.archive().failure->reason, ProbeFailure::timeout);
  shard.look();
  EXPECT_FALSE(shard.archive().failure);
  EXPECT_GT(shard.archive().recovery_point, as_of);
}

TEST(Archive, ages_by_itself_while_the_command_hangs) {
  ShardSpec spec = directory_spec();
  spec.archive.max_age = seconds(20);
  ArchivedShard shard(spec);
  shard.switch_segment();
  shard.run(2);
  shard.look();
  for (int i = 0; i < 19; ++i) {
    shard.run_healthy(1);
    shard.look();
    ASSERT_TRUE(shard.open()) << i << " " << shard.reason();
  }
  for (int i = 0; i < 3; ++i) {
    shard.run_healthy(1);
    shard.look();
  }
  EXPECT_EQ(shard.reason(), "archive_too_old");
}

TEST(Archive, shows_what_was_dropped_silently_and_only_that) {
  ArchivedShard shard;
  shard.run_healthy(2);
  for (int i = 0; i < 5; ++i) {  // archived just after each look: no drop
    shard.look();
    EXPECT_EQ(shard.archive().claimed_ahead_bytes.value_or(0), 0) << i;
    shard.switch_segment();
    shard.run(1);
    EXPECT_EQ(shard.archive().claimed_ahead_bytes.value_or(0), 0) << i;
    EXPECT_EQ(shard.archive().note, "");
  }
  shard.look();
  const Lsn frontier = *shard.archive().frontier;
  shard.switch_segment(false);
  shard.run(1);
  shard.look();
  EXPECT_EQ(shard.archive().frontier, frontier);
  EXPECT_EQ(shard.archive().claimed_ahead_bytes, 16 * 1024 * 1024);
  EXPECT_NE(shard.archive().note.find("16777216 bytes of WAL archived that"), std::string::npos)
      << shard.archive().note;
  for (int i = 0; i < 4; ++i) {  // it goes on claiming, a segment with every look
    shard.switch_segment(false);
    shard.run(1);
    shard.look();
  }
  EXPECT_EQ(shard.archive().frontier, frontier);
  EXPECT_EQ(shard.archive().claimed_ahead_bytes, 5 * 16 * 1024 * 1024);
}

TEST(Archive, holds_no_claim_against_a_look_that_began_before_it) {
  ArchivedShard shard;
  shard.run_healthy(2);
  shard.look();
  const Instant asked = shard.now;
  shard.switch_segment(false);
  shard.run(1);
  shard.observations.archive = ArchiveObservation{asked, shard.now, shard.repository};
  shard.judge();
  EXPECT_EQ(shard.archive().claimed_ahead_bytes, 0) << "by the claim before";
}

TEST(Archive, names_files_that_it_does_not_read_where_something_is_missing) {
  ArchivedShard shard;
  shard.repository.unknown_files = ArchiveFacts::UnknownFiles{.ending = ".gpg", .files = 12};
  shard.run_healthy(2);
  shard.look();
  EXPECT_EQ(shard.archive().note, "") << "nothing is missing";
  shard.repository.runs.clear();
  shard.look();
  EXPECT_EQ(
      shard.archive().note,
      "the archive holds no WAL that the writer continues; it does not read 12 files with the "
      "unknown ending .gpg");
}

TEST(Archive, says_where_a_hole_is) {
  ArchivedShard shard;
  shard.writer().insert_lsn = shard.writer().flushed_lsn = Lsn{0x9000000};
  shard.repository.runs = {{Timeline{1}, 0, 1, 4}, {Timeline{1}, 0, 6, 8}};
  shard.run(1);
  shard.look();
  EXPECT_EQ(shard.archive().frontier, Lsn{0x5000000});
  EXPECT_EQ(shard.archive().gap_segments, 1);
  EXPECT_EQ(shard.archive().note, "1 segment missing from 0/5000000 on, and newer ones are there");
}

TEST(Archive, shows_a_hole_only_as_long_as_the_look_is_fresh) {
  ArchivedShard shard;
  shard.run_healthy(2);
  shard.switch_segment(false);
  shard.run(1);
  shard.look();
  shard.run(1);
  shard.look();
  ASSERT_EQ(shard.archive().gap_segments, 0);
  ASSERT_EQ(shard.archive().claimed_ahead_bytes, 16 * 1024 * 1024);
  shard.run(25);  // three intervals of 5 s and a time-out of 10 s
  EXPECT_EQ(shard.archive().gap_segments, 0);
  shard.fail_to_look();
  shard.run(1);
  EXPECT_FALSE(shard.archive().gap_segments) << "there may be one by now";
  EXPECT_FALSE(shard.archive().claimed_ahead_bytes);
  EXPECT_EQ(shard.archive().frontier, Lsn{0x3000000}) << "which it had reached";
  shard.look();
  EXPECT_EQ(shard.archive().gap_segments, 0);
}

TEST(Archive, of_another_cluster_proves_nothing) {
  ArchivedShard shard;
  shard.switch_segment();
  shard.repository.system_identifier = 4711;
  shard.run(2);
  shard.look();
  EXPECT_FALSE(shard.archive().frontier);
  EXPECT_FALSE(shard.archive().recovery_point);
  EXPECT_NE(shard.archive().note.find("another cluster (system identifier 4711)"),
            std::string::npos);
  const auto own = shard.repository.runs;
  shard.repository.runs.back().last = 9;
  shard.look();
  shard.run(1);  // it is ahead of this writer, as another's may well be
  shard.repository.runs = own;
  shard.repository.system_identifier.reset();  // compressed files do not tell
  shard.look();
  EXPECT_EQ(shard.archive().note, "");
  EXPECT_TRUE(shard.archive().recovery_point);
}

TEST(Archive, ahead_of_its_writer_is_anothers_and_stays_so) {
  ArchivedShard shard;
  shard.repository.runs.back().last = 9;
  shard.run(1);
  shard.look();
  shard.run(1);  // asked after the look, the writer is still in segment 3
  EXPECT_FALSE(shard.archive().frontier);
  EXPECT_FALSE(shard.archive().recovery_point);
  EXPECT_EQ(shard.archive().note,
            "the archive holds WAL that may be of another history than the writer's, up to "
            "0/A000000: nothing "
            "is proven until a backup is taken that begins beyond that");
  shard.writer().insert_lsn = shard.writer().flushed_lsn = Lsn{0xC000000};
  shard.run(2);
  shard.look();
  EXPECT_FALSE(shard.archive().recovery_point) << "the writer has overtaken it";
  shard.writer().started = kWallStart;
  shard.run(1);
  EXPECT_FALSE(shard.archive().frontier) << "another start of the writer changes nothing in it";
  shard.restart();
  shard.run(1);
  shard.look();
  EXPECT_FALSE(shard.archive().frontier) << "it is kept on disk";
}

TEST(Archive, without_wal_of_the_path_says_so) {
  ArchivedShard shard;
  shard.repository.runs.front().timeline = Timeline{3};
  shard.run(1);
  shard.look();
  EXPECT_FALSE(shard.archive().frontier);
  EXPECT_EQ(shard.archive().note, "the archive holds no WAL that the writer continues");
}

TEST(Archive, looked_at_before_the_writer_was_known_is_judged_once_it_is) {
  ArchivedShard shard;
  shard.look();
  EXPECT_FALSE(shard.archive().frontier);
  shard.run(1);
  EXPECT_EQ(shard.archive().frontier, Lsn{0x3000000});
}

TEST(Archive, keeps_its_proof_when_the_writer_is_lost) {
  ArchivedShard shard;
  shard.switch_segment();
  shard.run(3);
  shard.look();
  const auto proven = shard.archive().recovery_point;
  ASSERT_TRUE(proven);
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.run(20);
  EXPECT_EQ(shard.archive().recovery_point, proven);
  EXPECT_FALSE(shard.archive().lag_bytes);
  EXPECT_FALSE(shard.archive().failed_count);
}

TEST(Archive, goes_on_over_a_switch_of_timelines_where_the_history_is_known) {
  ArchivedShard shard;
  shard.run_healthy(5);
  shard.look();
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.promote(kPhxA, 2);
  shard.facts[kPhxA].stamped = make_stamp(2, "phx");
  shard.facts[kPhxA].archiver = ArchiverFacts{};
  shard.writer_node = kPhxA;
  shard.run(1);
  shard.repository.runs.push_back({Timeline{2}, 0, 3, 3});
  shard.facts[kPhxA].insert_lsn = shard.facts[kPhxA].flushed_lsn = Lsn{0x4000000};
  shard.run(1);
  shard.fail_to_look();  // the segments of the last look were not judged for this writer
  EXPECT_FALSE(shard.archive().frontier);
  shard.look();
  EXPECT_FALSE(shard.archive().frontier) << "nobody knows what its timeline continues";
  EXPECT_NE(shard.archive().note.find("rpoguard.timeline_history()"), std::string::npos);
  const TimelineHistory history{{{Timeline{1}, Lsn{0x3000000 + 500}}}};
  shard.facts[kPhxA].history = history;
  shard.run(1);
  EXPECT_EQ(shard.archive().frontier, Lsn{0x4000000});
  shard.repository.runs = {{Timeline{1}, 0, 1, 2}};
  shard.look();
  EXPECT_EQ(shard.archive().frontier, Lsn{0x3000000}) << "the parent's, up to the switch";
  shard.facts[kPhxA].history.reset();
  shard.run(1);
  EXPECT_EQ(shard.archive().frontier, Lsn{0x3000000}) << "a history once known does not change";
}

TEST(Archive, counts_only_where_the_surviving_region_can_read_it) {
  struct Case {
    const char* what;
    ArchiveSource source;
    ArchiveFormat format;
    std::vector<std::string> readable_from;
    bool counted;
  };
  const std::vector<Case> cases = {
      {"directory", ArchiveSource::directory, ArchiveFormat::names, {"phx"}, true},
      {"names", ArchiveSource::command, ArchiveFormat::names, {"phx"}, true},
      {"home and remote", ArchiveSource::directory, ArchiveFormat::names, {"iad", "phx"}, true},
      {"home only", ArchiveSource::directory, ArchiveFormat::names, {"iad"}, false},
      {"nowhere", ArchiveSource::directory, ArchiveFormat::names, {}, false},
      {"forbidden region", ArchiveSource::directory, ArchiveFormat::names, {"fra"}, false},
      {"a claim", ArchiveSource::postgres, ArchiveFormat::names, {"phx"}, false},
      {"blind to holes", ArchiveSource::command, ArchiveFormat::pgbackrest, {"phx"}, false},
  };
  for (const Case& each : cases) {
    ShardSpec spec = directory_spec();
    spec.archive.source = each.source;
    spec.archive.format = each.format;
    spec.archive.readable_from = each.readable_from;
    ArchivedShard shard(spec);
    shard.run(1);
    EXPECT_EQ(shard.archive().counted, each.counted) << each.what;
  }
}

TEST(Archive, that_counts_stands_in_for_a_lost_copy_and_ages_like_one) {
  ShardSpec spec = directory_spec();
  spec.archive.readable_from = {"phx"};
  for (const bool counted : {true, false}) {
    if (!counted) spec.archive.readable_from.clear();
    ArchivedShard shard(spec);
    shard.switch_segment();
    shard.failures[kPhxA] = ProbeFailure::refused;
    shard.row(kPhxA).state = "startup";
    shard.run(2);
    shard.look();
    EXPECT_EQ(shard.archive().counted, counted);
    ASSERT_TRUE(shard.archive().recovery_point);
    EXPECT_EQ(shard.view.recovery_point.has_value(), counted);
    EXPECT_EQ(shard.open(), counted) << shard.reason();
    if (!counted) continue;
    EXPECT_EQ(shard.view.recovery_point, shard.archive().recovery_point);
    shard.run(6);  // nobody looks, nothing is proven: the writer may have written since
    EXPECT_EQ(shard.reason(), "rpo_exceeded");
  }
}

TEST(Archive, that_cannot_show_holes_is_shown_as_such) {
  ShardSpec spec = directory_spec();
  spec.archive.source = ArchiveSource::command;
  spec.archive.format = ArchiveFormat::pgbackrest;
  ArchivedShard shard(spec);
  shard.repository.holes_invisible = true;
  shard.repository.last_backup = kWallStart;
  shard.switch_segment();
  shard.run(2);
  shard.look();
  EXPECT_EQ(shard.archive().frontier, Lsn{0x4000000});
  EXPECT_FALSE(shard.archive().gap_segments);
  EXPECT_EQ(shard.archive().last_backup, kWallStart);
  EXPECT_NE(shard.archive().note.find("cannot show holes"), std::string::npos);
}

// Expired by mistake, or the repository lost: without a backup its age would say nothing any more.
TEST(Archive, whose_backups_are_gone_says_so_also_after_a_restart_of_rpoguard) {
  ArchivedShard shard;
  const auto gone = [&](std::optional<WallTime> last_backup) {
    shard.repository.last_backup = last_backup;
    shard.run(1);
    shard.look();
    return shard.archive().backup_gone;
  };
  EXPECT_EQ(gone(std::nullopt), std::nullopt) << "it may know of none";
  EXPECT_EQ(gone(kWallStart), false);
  EXPECT_EQ(shard.archive().note, "");
  EXPECT_EQ(gone(std::nullopt), true);
  EXPECT_EQ(shard.archive().note,
            "it shows no backup any more: the last one was of " + render_time(kWallStart));
  shard.restart();
  EXPECT_EQ(gone(std::nullopt), true);
  EXPECT_EQ(gone(kWallStart), false);
  EXPECT_EQ(gone(std::nullopt), true);
  ShardSpec another = shard.spec;
  another.archive.directory = "/elsewhere";
  shard.memory = adopt(std::move(shard.memory), shard.spec, another);
  shard.spec = another;
  EXPECT_EQ(gone(std::nullopt), std::nullopt);
}

TEST(ArchiverClaim, outlasts_the_names_of_other_files_but_not_another_start) {
  TestShard shard;
  auto& writer = shard.facts[kIadA];
  writer.archiver->last_archived_wal = "000000010000000000000003";
  shard.run_healthy(3);
  for (const char* name : {"00000002.history", "000000010000000000000003.00000028.backup",
                           "000000010000000000000004.partial"}) {
    writer.archiver->last_archived_wal = name;
    shard.tick();
    EXPECT_EQ(shard.view.archive.frontier, Lsn{0x4000000}) << name;
    EXPECT_EQ(shard.view.archive.recovery_point, shard.observations.nodes[kIadA]->asked) << name;
  }
  writer.started = kWallStart;
  shard.tick();
  EXPECT_FALSE(shard.view.archive.frontier);
}

// pg_stat_reset_shared('archiver'), or a crash of the backends: the archiver knows of nothing until
// the next segment is full, and what it had archived is archived.
TEST(ArchiverClaim, outlasts_a_reset_of_its_statistics_and_ages_by_the_clock) {
  ShardSpec spec = make_spec();
  spec.archive.max_age = seconds(20);
  TestShard shard(spec);
  auto& writer = shard.facts[kIadA];
  writer.archiver->last_archived_wal = "000000010000000000000003";
  shard.run_healthy(3);
  ASSERT_TRUE(shard.open()) << shard.reason();
  writer.archiver = ArchiverFacts{};
  shard.run(40);
  EXPECT_TRUE(shard.open()) << "nothing is written, so nothing is missing: " << shard.reason();
  EXPECT_EQ(shard.view.archive.recovery_point, shard.observations.nodes[kIadA]->asked);
  writer.insert_lsn = writer.flushed_lsn = Lsn{0x4000100};
  writer.snapshot = "900:900:";
  for (int i = 0; i < 25; ++i) {
    shard.replicate(kPhxA);
    shard.tick();
  }
  EXPECT_EQ(shard.reason(), "archive_too_old") << "what is written since is not archived";
  EXPECT_EQ(shard.view.gate.detail, meaning_of(Reason::archive_too_old));
}

TEST(ArchiverClaim, that_is_not_there_makes_the_age_unknown_and_says_so) {
  ShardSpec spec = make_spec();
  spec.archive.max_age = seconds(20);
  TestShard shard(spec);
  shard.facts[kIadA].archiver = ArchiverFacts{};
  shard.run_healthy(3);
  EXPECT_EQ(shard.reason(), "archive_too_old");
  EXPECT_EQ(shard.view.gate.detail,
            "how old the WAL archive is, is not known: the archiver has reported nothing of this "
            "timeline since the server was started or its statistics were reset");
  shard.facts[kIadA].archiver.reset();
  shard.tick();
  EXPECT_EQ(shard.view.gate.detail,
            "how old the WAL archive is, is not known: nothing is archived");
}

TEST(ArchiverClaim, of_a_backup_alone_covers_the_segment_it_begins_with) {
  TestShard shard;
  auto& writer = shard.facts[kIadA];
  writer.archiver->last_archived_wal = "000000010000000000000002.00000028.backup";
  shard.run(1);
  EXPECT_EQ(shard.view.archive.frontier, Lsn{0x3000000});
  for (const char* name : {"000000020000000000000002.00000028.backup", "x.backup"}) {
    writer.archiver->last_archived_wal = "nothing of this cluster";
    shard.run(1);
    writer.archiver->last_archived_wal = name;
    shard.run(1);
    EXPECT_FALSE(shard.view.archive.frontier) << name;
  }
}

TEST(ArchiverClaim, goes_back_when_the_archiver_does) {
  TestShard shard;
  auto& writer = shard.facts[kIadA];
  writer.archiver->last_archived_wal = "000000010000000000000003";
  shard.run_healthy(2);
  writer.archiver->last_archived_wal = "000000010000000000000001";
  shard.tick();
  EXPECT_EQ(shard.view.archive.frontier, Lsn{0x2000000});
  writer.archiver->last_archived_wal = "something else";
  shard.tick();
  EXPECT_FALSE(shard.view.archive.frontier);
}

TEST(ArchiverClaim, of_the_writer_before_says_nothing_of_the_next) {
  TestShard shard;
  shard.facts[kIadA].archiver->last_archived_wal = "000000010000000000000003";
  shard.run_healthy(3);
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.run(3);
  EXPECT_TRUE(shard.view.archive.frontier) << "nobody else writes";
  shard.promote(kPhxA, 2);
  shard.facts[kPhxA].stamped = make_stamp(2, "phx");
  shard.facts[kPhxA].archiver = ArchiverFacts{};  // counters begin anew
  shard.writer_node = kPhxA;
  shard.run(1);
  EXPECT_TRUE(shard.view.archive.enabled);
  EXPECT_FALSE(shard.view.archive.frontier);
  shard.facts[kPhxA].archiver->last_archived_wal = "000000020000000000000003";
  shard.run(1);
  EXPECT_EQ(shard.view.archive.frontier, Lsn{0x4000000});
}

TEST(ArchiverClaim, is_capped_by_older_wal_that_waits) {
  TestShard shard;
  auto& writer = shard.facts[kIadA];
  writer.insert_lsn = writer.flushed_lsn = Lsn{0x9000000};
  writer.archiver->last_archived_wal = "000000010000000000000005";
  writer.archiver->ready = ArchiverFacts::Ready{2, "000000010000000000000006"};
  shard.run(1);
  EXPECT_EQ(shard.view.archive.frontier, Lsn{0x6000000});
  EXPECT_EQ(shard.view.archive.ready_segments, 2);
  writer.archiver->ready.reset();
  writer.archiver->last_archived_wal = "000000010000000000000007";
  shard.run(1);
  EXPECT_EQ(shard.view.archive.frontier, Lsn{0x8000000}) << "in order: archived since";
  writer.archiver->ready = ArchiverFacts::Ready{1, "000000010000000000000004"};
  shard.run(1);
  EXPECT_EQ(shard.view.archive.frontier, Lsn{0x4000000});
  EXPECT_NE(shard.view.archive.note.find("0/4000000"), std::string::npos);
  writer.archiver->ready.reset();
  shard.run(1);
  EXPECT_EQ(shard.view.archive.frontier, Lsn{0x4000000}) << "not listed since";
  writer.archiver->ready = ArchiverFacts::Ready{1, "no name"};
  shard.run(1);
  EXPECT_EQ(shard.view.archive.frontier, Lsn{});
  writer.archiver->ready = ArchiverFacts::Ready{};
  shard.run(1);
  EXPECT_EQ(shard.view.archive.frontier, Lsn{0x8000000});
  EXPECT_EQ(shard.view.archive.ready_segments, 0);
  writer.archiver->ready.reset();
  shard.run(16);
  EXPECT_FALSE(shard.view.archive.ready_segments) << "listed too long ago";
}

TEST(ArchiverClaim, ends_with_archiving) {
  ArchivedShard shard;
  shard.run(1);
  shard.writer().archiver.reset();
  shard.run(1);
  EXPECT_TRUE(shard.archive().enabled) << "the repository is still looked at";
  EXPECT_FALSE(shard.archive().failed_count);
}

TEST(Adopt, another_repository_is_looked_at_anew) {
  ArchivedShard shard;
  shard.run(1);
  shard.look();
  ShardSpec after = shard.spec;
  EXPECT_TRUE(adopt(shard.memory, shard.spec, after).archive.look);
  after.archive.directory = "/elsewhere";
  EXPECT_FALSE(adopt(shard.memory, shard.spec, after).archive.look);
}

TEST(Adopt, an_archive_that_failed_has_not_answered_until_it_is_looked_at) {
  ArchivedShard shard;
  shard.run(1);
  shard.fail_to_look();
  shard.run(1);
  ShardSpec after = shard.spec;
  after.archive.directory = "/elsewhere";
  shard.memory = adopt(shard.memory, shard.spec, after);
  shard.observations.archive.reset();
  shard.run(1);
  EXPECT_TRUE(shard.archive().failure);
  shard.look();
  EXPECT_FALSE(shard.archive().failure);
}

}  // namespace
}  // namespace rpoguard::core
