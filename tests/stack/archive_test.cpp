// The archive's frontier against a listing of our own, at every look, through everything that an
// archiver does.
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/stack/archive_watch.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/cluster.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSegmentMiB = 1024 * 1024;

/// A writer (and perhaps a standby) whose archiver is told by files in `control` what to do.
class ArchivedCluster {
 public:
  explicit ArchivedCluster(bool small_segments = true)
      : segment_bytes_((small_segments ? 1 : 16) * kSegmentMiB) {
    std::filesystem::create_directory(wal());
    give_to(unprivileged_user(), dir_.path());
    iad_ = Server::create(options("iad", small_segments));
    iad_->start();
    iad_->exec("create table t(n int)");
    switch_wal();
  }
  ServerOptions options(const std::string& name, bool small_segments) const {
    const std::string is = "test -e " + (dir_ / "").string();
    const std::string to = wal() + "/";
    return {.name = name,
            .conf = {{"archive_mode", "on"},
                     {"archive_command", "while " + is + "hang; do sleep 0.1; done; " + is +
                                             "drop && exit 0; " + is + "fail && exit 1; " + is +
                                             "slow && sleep 0.5; test ! -f " + to + "%f && cp %p " +
                                             to + ".%f && mv " + to + ".%f " + to + "%f"},
                     {"min_wal_size", std::to_string(2 * segment_bytes_ / kSegmentMiB) + "MB"}},
            .small_segments = small_segments};
  }
  Server& iad() { return *iad_; }
  Server& add_phx() {
    phx_ = Server::clone(options("phx", true), {.port = iad_->port(), .application_name = "phx"});
    phx_->start();
    return *phx_;
  }
  void switch_wal() { switch_wal(*iad_); }
  static void switch_wal(const Server& server) {
    server.exec("insert into t values (1)");
    server.exec("select pg_switch_wal()");
  }
  void tell(const std::string& what) const { write_file(dir_ / what, ""); }
  void no_more(const std::string& what) const { std::filesystem::remove(dir_ / what); }

  /// Of segment `number` of timeline 1.
  static std::string name(std::uint64_t number) {
    char text[25];
    std::snprintf(text, sizeof text, "0000000100000000%08X", static_cast<unsigned>(number));
    return text;
  }
  std::string wal() const { return dir_ / "wal"; }
  std::optional<core::Lsn> listed(std::uint32_t timeline = 1) const {
    return listed_frontier(wal(), timeline, segment_bytes_);
  }
  core::ArchiveSpec directory() const {
    core::ArchiveSpec spec;
    spec.source = core::ArchiveSource::directory;
    spec.directory = wal();
    spec.interval = 50ms;
    return spec;
  }
  core::ArchiveSpec command() const {
    core::ArchiveSpec spec;
    spec.source = core::ArchiveSource::command;
    spec.command = {"ls", wal()};
    spec.interval = 50ms;
    return spec;
  }
  /// Everything that the server has finished is in the archive.
  bool all_archived(const Server& server, std::uint32_t timeline = 1) const {
    const auto position = core::parse_lsn(server.query("select pg_current_wal_lsn()").value());
    return eventually(30s, [&] {
      const auto frontier = listed(timeline);
      return frontier && position->value - frontier->value < segment_bytes_;
    });
  }

 private:
  TempDir dir_;
  std::uint64_t segment_bytes_;
  std::unique_ptr<Server> iad_;
  std::unique_ptr<Server> phx_;
};

class ArchiveTruth : public testing::TestWithParam<bool> {};

TEST_P(ArchiveTruth, the_frontier_is_that_of_a_listing_while_segments_come) {
  ArchivedCluster shard(GetParam());
  const ArchiveWatch directory({&shard.iad()}, shard.directory());
  const ArchiveWatch command({&shard.iad()}, shard.command());
  const auto listing = [&] { return shard.listed(); };
  for (int i = 0; i < 10; ++i) {
    shard.switch_wal();
    ASSERT_EQ(directory.compare(2, listing), "");
    ASSERT_EQ(command.compare(2, listing), "");
  }
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  const auto last = shard.listed();
  ASSERT_TRUE(directory.becomes([&](const auto& view) { return view.frontier == last; }));
  EXPECT_EQ(directory.archive().gap_segments, 0);
  EXPECT_EQ(directory.archive().note, "");
  EXPECT_FALSE(directory.archive().failure);
}

INSTANTIATE_TEST_SUITE_P(SmallSegments, ArchiveTruth, testing::Values(true, false),
                         [](const auto& test) { return test.param ? "of1MiB" : "of16MiB"; });

TEST(ArchiveScenario, a_hung_command_shows_as_a_frontier_that_stands_and_ages) {
  ArchivedCluster shard;
  const ArchiveWatch watch({&shard.iad()}, shard.directory());
  const auto listing = [&] { return shard.listed(); };
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  ASSERT_TRUE(watch.becomes([](const auto& view) { return view.recovery_point.has_value(); }));
  shard.tell("hang");
  const auto standing = shard.listed();
  shard.switch_wal();
  shard.switch_wal();
  ASSERT_TRUE(watch.becomes([](const auto& view) { return view.lag_bytes >= 2 * 1024 * 1024; }));
  const auto proven = watch.archive().recovery_point;
  ASSERT_EQ(watch.compare(20, listing), "");
  EXPECT_EQ(watch.archive().frontier, standing);
  EXPECT_EQ(watch.archive().recovery_point, proven) << "nothing new is proven";
  EXPECT_EQ(watch.archive().failed_count, 0) << "the archiver has seen no failure";
  shard.no_more("hang");
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  EXPECT_TRUE(watch.becomes([&](const auto& view) { return view.recovery_point > proven; }));
  EXPECT_EQ(watch.compare(5, listing), "");
}

TEST(ArchiveScenario, a_failing_command_shows_as_failures_and_a_standing_frontier) {
  ArchivedCluster shard;
  const ArchiveWatch watch({&shard.iad()}, shard.directory());
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  shard.tell("fail");
  const auto standing = shard.listed();
  shard.switch_wal();
  ASSERT_TRUE(watch.becomes([](const auto& view) { return view.failed_count.value_or(0) > 0; }));
  ASSERT_EQ(watch.compare(10, [&] { return shard.listed(); }), "");
  EXPECT_EQ(watch.archive().frontier, standing);
}

TEST(ArchiveScenario, a_slow_command_shows_as_lag_and_no_more) {
  ArchivedCluster shard;
  const ArchiveWatch watch({&shard.iad()}, shard.directory());
  shard.tell("slow");
  for (int i = 0; i < 6; ++i) shard.switch_wal();
  ASSERT_TRUE(watch.becomes([](const auto& view) { return view.lag_bytes > 2 * 1024 * 1024; }));
  ASSERT_EQ(watch.compare(30, [&] { return shard.listed(); }), "");
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  EXPECT_TRUE(watch.becomes([](const auto& view) { return view.lag_bytes < 1024 * 1024; }));
}

TEST(ArchiveScenario, wal_dropped_with_success_shows_as_claimed_and_later_as_a_gap) {
  ArchivedCluster shard;
  const ArchiveWatch watch({&shard.iad()}, shard.directory());
  const auto listing = [&] { return shard.listed(); };
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  const auto standing = shard.listed();
  shard.tell("drop");
  for (int i = 0; i < 3; ++i) shard.switch_wal();
  ASSERT_TRUE(
      watch.becomes([](const auto& view) { return view.claimed_ahead_bytes == 3 * 1024 * 1024; }));
  EXPECT_EQ(watch.archive().failed_count, 0);
  EXPECT_NE(watch.archive().note.find("dropped, or not there yet"), std::string::npos);
  ASSERT_EQ(watch.compare(5, listing), "");
  shard.no_more("drop");
  shard.switch_wal();
  ASSERT_TRUE(watch.becomes([](const auto& view) { return view.gap_segments == 3; }));
  ASSERT_EQ(watch.compare(5, listing), "");
  EXPECT_EQ(watch.archive().frontier, standing) << "the hole stays";
}

TEST(ArchiveScenario, an_idle_writer_is_not_late) {
  ArchivedCluster shard;
  const ArchiveWatch watch({&shard.iad()}, shard.directory());
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  ASSERT_TRUE(watch.becomes([](const auto& view) { return view.recovery_point.has_value(); }));
  // As old as a look and a probe, on a machine that may be slow: not as old as the silence.
  core::Duration worst{};
  EXPECT_TRUE(holds_for(8s, [&] {
    const auto view = watch.archive();
    if (!view.recovery_point) return false;
    worst = std::max(worst, watch.now() - *view.recovery_point);
    return worst < 4s;
  })) << core::to_seconds(worst);
}

TEST(ArchiveScenario, a_failover_begins_a_new_account_on_the_new_timeline) {
  ArchivedCluster shard;
  apply_sql_command(shard.iad());  // without the history of a timeline its archive proves nothing
  Server& phx = shard.add_phx();
  const ArchiveWatch directory({&shard.iad(), &phx}, shard.directory());
  const ArchiveWatch claim({&shard.iad(), &phx}, core::ArchiveSpec{});
  shard.switch_wal();
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  const auto old_end = shard.listed();
  ASSERT_TRUE(claim.becomes([&](const auto& view) { return view.frontier == old_end; }));
  ASSERT_TRUE(phx.becomes("select pg_last_wal_replay_lsn() >= '" +
                              shard.iad().query("select pg_current_wal_lsn()").value() + "'",
                          "t"));
  shard.tell("hang");
  shard.iad().stop("immediate");
  phx.promote();
  // The failures are the new writer's: it is known, and its counters begin anew.
  ASSERT_TRUE(claim.becomes([](const auto& view) {
    return view.failed_count && view.last_archived_wal.empty() && !view.frontier;
  }));
  shard.no_more("hang");
  for (int i = 0; i < 3; ++i) ArchivedCluster::switch_wal(phx);
  ASSERT_TRUE(shard.all_archived(phx, 2));
  EXPECT_TRUE(std::filesystem::exists(shard.wal() + "/00000002.history"));
  const auto listing = [&] { return shard.listed(2); };
  const auto last = listing();
  EXPECT_TRUE(directory.becomes([&](const auto& view) { return view.frontier == last; }));
  EXPECT_TRUE(claim.becomes([&](const auto& view) { return view.frontier == last; }));
  EXPECT_EQ(directory.compare(10, listing), "");
  EXPECT_EQ(directory.archive().note, "");
}

TEST(ArchiveScenario, a_hole_holds_the_frontier_where_it_is) {
  ArchivedCluster shard;
  for (int i = 0; i < 5; ++i) shard.switch_wal();
  const ArchiveWatch watch({&shard.iad()}, shard.directory());
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  const auto full = shard.listed();
  ASSERT_TRUE(watch.becomes([&](const auto& view) { return view.frontier == full; }));
  const std::uint64_t number = full->value / kSegmentMiB - 3;
  const std::string lost = shard.name(number);
  std::filesystem::rename(shard.wal() + "/" + lost, shard.wal() + "/." + lost);
  ASSERT_TRUE(watch.becomes([&](const auto& view) { return view.gap_segments == 1; }));
  EXPECT_EQ(watch.archive().frontier, core::Lsn{number * kSegmentMiB});
  EXPECT_EQ(watch.compare(5, [&] { return shard.listed(); }), "");
  std::filesystem::rename(shard.wal() + "/." + lost, shard.wal() + "/" + lost);
  EXPECT_TRUE(watch.becomes([&](const auto& view) { return view.frontier == full; }));
}

/// A segment of this number that another initdb made.
class ForeignSegment {
 public:
  ForeignSegment(const std::string& name, std::uint64_t segment_bytes) : name_(name) {
    give_to(unprivileged_user(), dir_.path());
    run("initdb", {"--no-sync", "--wal-segsize=" + std::to_string(segment_bytes / kSegmentMiB)});
    run("pg_resetwal", {"-f", "-l", name});
  }
  void copy_to(const std::string& directory) const {
    std::filesystem::copy(data() + "/pg_wal/" + name_, directory + "/" + name_);
  }

 private:
  std::string data() const { return dir_ / "data"; }
  void run(const std::string& program, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), postgres_bindir() + "/" + program);
    arguments.insert(arguments.end(), {"-D", data()});
    const auto result =
        run_command({.argv = arguments, .user = unprivileged_user(), .directory = dir_.path()});
    if (result.exit_code != 0) throw std::runtime_error(program + ": " + result.output);
  }

  std::string name_;
  TempDir dir_;
};

TEST(ArchiveScenario, a_foreign_clusters_segment_on_top_proves_nothing) {
  ArchivedCluster shard(false);  // initdb alone fills many small segments
  for (int i = 0; i < 3; ++i) shard.switch_wal();
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  const ArchiveWatch watch({&shard.iad()}, shard.directory());
  const auto own = shard.listed();
  ASSERT_TRUE(watch.becomes([&](const auto& view) { return view.frontier == own; }));
  // The next one in line: a listing of names cannot tell.
  const std::string next = shard.name(own->value / (16 * kSegmentMiB));
  const ForeignSegment foreign(next, 16 * kSegmentMiB);
  foreign.copy_to(shard.wal());
  EXPECT_GT(shard.listed(), own);
  ASSERT_TRUE(watch.becomes([](const auto& view) {
    return !view.frontier && !view.recovery_point &&
           view.note.find("another cluster") != std::string::npos;
  })) << watch.archive().note;
  std::filesystem::remove(shard.wal() + "/" + next);
  EXPECT_TRUE(watch.becomes([&](const auto& view) {
    return view.frontier == own && view.note.empty();
  })) << watch.archive().note;
}

// The writer's own copies bear its system identifier: only their positions betray them.
TEST(ArchiveScenario, wal_that_the_writer_has_not_written_proves_nothing) {
  ArchivedCluster shard;
  ArchivedCluster copy;  // from the same initdb
  for (int i = 0; i < 8; ++i) copy.switch_wal();
  ASSERT_TRUE(copy.all_archived(copy.iad()));
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  const ArchiveWatch watch({&shard.iad()}, shard.directory());
  const auto own = shard.listed();
  ASSERT_TRUE(watch.becomes([&](const auto& view) { return view.frontier == own; }));
  const std::string next = shard.name(own->value / kSegmentMiB);
  std::filesystem::copy(copy.wal() + "/" + next, shard.wal() + "/" + next);
  EXPECT_TRUE(watch.becomes([](const auto& view) {
    return !view.frontier && !view.recovery_point &&
           view.note.find("another history") != std::string::npos;
  })) << watch.archive().note;
}

// The whole way: from the configuration to the gate.
TEST(ArchiveScenario, an_archive_that_another_region_can_read_is_a_copy) {
  ArchivedCluster shard;
  ASSERT_TRUE(shard.all_archived(shard.iad()));
  RpoguardConfig config;
  config.rpo = "4s";
  config.shards = {{.nodes = {{.name = "iad", .region = "iad", .port = shard.iad().port()}},
                    .extra = "allowed_regions: [iad, phx]\n"
                             "archive: {source: directory, directory: " +
                             shard.wal() + ", interval: 200ms, readable_from: [phx]}"}};
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  // What came before the first look is proven by the first segment after it.
  shard.switch_wal();
  EXPECT_TRUE(opens(rpoguard, 30s));
  const auto age = rpoguard.metric("rpoguard_wal_archive_age_seconds", {{"shard", "184"}});
  ASSERT_TRUE(age);
  EXPECT_LT(*age, 4);
  shard.tell("hang");
  shard.switch_wal();
  EXPECT_TRUE(eventually(30s, [&] { return rpoguard.gate_reason("184") == "rpo_exceeded"; }))
      << rpoguard.log();
  shard.no_more("hang");
  EXPECT_TRUE(opens(rpoguard, 30s));
}

std::size_t count_of(const std::string& what, const std::string& text) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(ArchiveScenario, a_command_that_fails_is_logged_once_and_once_when_it_works_again) {
  ArchivedCluster shard;
  const TempDir dir;
  const std::string command = "echo >>" + (dir / "runs").string() + "; test ! -e " +
                              (dir / "broken").string() + " && exec ls " + shard.wal() +
                              "; echo cannot log in to s3://key:hush@bucket >&2; exit 3";
  const RpoguardConfig config{
      .shards = {{.nodes = {{.name = "iad", .region = "iad", .port = shard.iad().port()},
                            {.name = "phx", .region = "phx", .port = free_port()}},
                  .extra = "archive: {source: command, command: [/bin/sh, -c, '" + command +
                           "'], interval: 200ms, timeout: 5s}"}}};
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  const auto lines = [&](const std::string& what) { return count_of(what, rpoguard.log()); };
  const auto runs_on = [&] {
    const auto runs = [&] { return read_file(dir / "runs").size(); };
    const auto before = runs();
    return eventually(30s, [&] { return runs() > before + 3; });
  };
  ASSERT_TRUE(runs_on());
  EXPECT_EQ(lines("archive does not answer"), 0U);
  write_file(dir / "broken", "");
  ASSERT_TRUE(eventually(30s, [&] { return lines("archive does not answer") == 1; }));
  ASSERT_TRUE(runs_on());
  rpoguard.sighup();  // after it nothing is known for a moment: that is no answer
  ASSERT_TRUE(eventually(30s, [&] { return lines("configuration reloaded") == 1; }));
  ASSERT_TRUE(runs_on());
  const std::string failed =
      "msg=\"archive does not answer\" shard=184 reason=query_failed "
      "error=\"/bin/sh failed with exit code 3: cannot log in to...\"";
  EXPECT_EQ(lines(failed), 1U) << rpoguard.log();
  EXPECT_EQ(lines("archive does not answer"), 1U);
  EXPECT_EQ(lines("archive answers again"), 0U);
  std::filesystem::remove(dir / "broken");
  ASSERT_TRUE(eventually(30s, [&] { return lines("archive answers again") == 1; }));
  ASSERT_TRUE(runs_on());
  EXPECT_EQ(lines("archive answers again"), 1U);
  EXPECT_EQ(lines("archive does not answer"), 1U);
}

}  // namespace
}  // namespace rpoguard::test
