// The archive of a real pgBackRest, seen in its directory, by its own listing and by its own
// report.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/stack/archive_watch.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1024 * 1024;

/// A writer that archives into a repository of its own by `pgbackrest archive-push`.
class BackedUp {
 public:
  explicit BackedUp(const std::string& global = "") {
    give_to(unprivileged_user(), dir_.path());
    iad_ = Server::create({.name = "iad",
                           .conf = {{"archive_mode", "on"},
                                    {"archive_command", "pgbackrest --config=" + config() +
                                                            " --stanza=demo archive-push %p"}}});
    write_file(config(), "[global]\nrepo1-path=" + repository() + "\nlock-path=" + at("lock") +
                             "\nspool-path=" + at("spool") + "\nlog-level-file=off\n" +
                             "log-level-console=warn\nstart-fast=y\n" + global +
                             "[demo]\npg1-path=" + iad_->data_dir() +
                             "\npg1-port=" + std::to_string(iad_->port()) +
                             "\npg1-socket-path=" + iad_->socket_dir() + "\npg1-user=postgres\n");
    iad_->start();
    iad_->exec("create table t(n int)");
    pgbackrest({"stanza-create"});
  }

  /// As the server's user; throws when it fails.
  void pgbackrest(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"pgbackrest", "--config=" + config(), "--stanza=demo"});
    const auto result =
        run_command({.argv = arguments, .user = unprivileged_user(), .directory = dir_.path()});
    if (result.exit_code != 0) throw std::runtime_error("pgbackrest: " + result.output);
  }
  Server& iad() { return *iad_; }
  void switch_wal() {
    iad_->exec("insert into t values (1)");
    iad_->exec("select pg_switch_wal()");
  }
  std::string wal() const {
    for (const auto& entry : std::filesystem::directory_iterator(repository() + "/archive/demo"))
      if (entry.is_directory()) return entry.path();
    return "";
  }
  std::optional<core::Lsn> listed() const { return listed_frontier(wal(), 1, kMiB); }
  bool all_archived() {
    const auto position = core::parse_lsn(iad_->query("select pg_current_wal_lsn()").value());
    return eventually(30s, [&] {
      const auto frontier = listed();
      return frontier && position->value - frontier->value < kMiB;
    });
  }
  /// The repository takes nothing any more, as a full disk does; or again.
  void set_full(bool full) const {
    const auto mode = full ? std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec
                           : std::filesystem::perms::owner_all;
    std::filesystem::permissions(wal(), mode);
    for (const auto& entry : std::filesystem::directory_iterator(wal()))
      if (entry.is_directory()) std::filesystem::permissions(entry.path(), mode);
  }

  core::ArchiveSpec directory() const {
    core::ArchiveSpec spec;
    spec.source = core::ArchiveSource::directory;
    spec.directory = wal();
    spec.interval = 100ms;
    return spec;
  }
  core::ArchiveSpec command(const std::vector<std::string>& arguments,
                            core::ArchiveFormat format) const {
    core::ArchiveSpec spec;
    spec.source = core::ArchiveSource::command;
    spec.command = {"pgbackrest", "--config=" + config(), "--stanza=demo"};
    spec.command.insert(spec.command.end(), arguments.begin(), arguments.end());
    spec.format = format;
    spec.interval = 200ms;
    return spec;
  }

 private:
  std::string at(const std::string& name) const { return dir_ / name; }
  std::string config() const { return at("pgbackrest.conf"); }
  std::string repository() const { return at("repository"); }

  TempDir dir_;
  std::unique_ptr<Server> iad_;
};

TEST(Pgbackrest, its_repository_shows_the_same_frontier_in_each_way) {
  BackedUp shard;
  shard.switch_wal();
  ASSERT_TRUE(shard.all_archived());
  const ArchiveWatch directory({&shard.iad()}, shard.directory());
  const ArchiveWatch names({&shard.iad()}, shard.command({"repo-ls", "--recurse", "archive/demo"},
                                                         core::ArchiveFormat::names));
  const ArchiveWatch info(
      {&shard.iad()}, shard.command({"info", "--output=json"}, core::ArchiveFormat::pgbackrest));
  const auto listing = [&] { return shard.listed(); };
  for (int i = 0; i < 4; ++i) {
    shard.switch_wal();
    EXPECT_EQ(directory.compare(2, listing), "");
    EXPECT_EQ(names.compare(2, listing), "");
    EXPECT_EQ(info.compare(2, listing), "");
  }
  shard.pgbackrest({"backup", "--type=full"});
  ASSERT_TRUE(info.becomes([](const auto& view) { return view.last_backup.has_value(); }));
  ASSERT_TRUE(directory.becomes([](const auto& view) { return view.last_backup.has_value(); }));
  const auto apart = *info.archive().last_backup - *directory.archive().last_backup;
  EXPECT_LT(std::chrono::abs(apart), 30s) << "both say when the backup ended";
  EXPECT_FALSE(info.archive().gap_segments);
  EXPECT_NE(info.archive().note.find("cannot show holes"), std::string::npos);
  EXPECT_EQ(directory.archive().gap_segments, 0);
  shard.switch_wal();
  ASSERT_TRUE(shard.all_archived());
  EXPECT_EQ(directory.compare(2, listing), "");
  EXPECT_EQ(names.compare(2, listing), "");
  EXPECT_EQ(info.compare(2, listing), "");
}

TEST(Pgbackrest, wal_dropped_by_a_full_queue_is_seen_while_the_archiver_reports_success) {
  BackedUp shard("archive-async=y\narchive-push-queue-max=2MB\narchive-timeout=2\n");
  shard.switch_wal();
  ASSERT_TRUE(shard.all_archived());
  const ArchiveWatch watch({&shard.iad()}, shard.directory());
  const auto listing = [&] { return shard.listed(); };
  const auto standing = shard.listed();
  ASSERT_TRUE(watch.becomes([&](const auto& view) { return view.frontier == standing; }));
  shard.set_full(true);
  for (int i = 0; i < 6; ++i) shard.switch_wal();
  ASSERT_TRUE(watch.becomes([](const auto& view) {
    return view.claimed_ahead_bytes.value_or(0) >= 4 * 1024 * 1024;
  })) << watch.archive().note
      << shard.iad().log();
  EXPECT_EQ(watch.compare(5, listing), "");
  EXPECT_EQ(watch.archive().frontier, standing);
  EXPECT_NE(watch.archive().note.find("dropped, or not there yet"), std::string::npos);
  shard.set_full(false);
  shard.switch_wal();
  ASSERT_TRUE(watch.becomes([](const auto& view) { return view.gap_segments.value_or(0) > 0; }))
      << watch.archive().note << shard.iad().log();
  EXPECT_EQ(watch.archive().frontier, standing) << "what was dropped does not come back";
  EXPECT_EQ(watch.compare(5, listing), "");
}

TEST(Pgbackrest, an_unknown_stanza_is_a_failure_that_says_so) {
  BackedUp shard;
  auto spec =
      shard.command({"--stanza=other", "info", "--output=json"}, core::ArchiveFormat::pgbackrest);
  std::erase(spec.command, "--stanza=demo");
  const ArchiveWatch watch({&shard.iad()}, spec);
  ASSERT_TRUE(watch.becomes([](const auto& view) { return view.failure.has_value(); }));
  EXPECT_EQ(watch.archive().failure->message, "pgbackrest: pgbackrest says: missing stanza path");
  EXPECT_FALSE(watch.archive().frontier);
}

}  // namespace
}  // namespace rpoguard::test
