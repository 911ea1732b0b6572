// A writer that archives, its repository, and rpoguard watching it in three ways at once.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/scenario/archive_table.hpp"
#include "tests/scenario/truth.hpp"
#include "tests/support/cluster.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {

inline constexpr std::chrono::seconds kArchiveMaxAge{8};
inline constexpr std::chrono::seconds kArchiveLook{1};
/// A fault is seen with the next probe, a repair with the next look; said early or late by no more.
inline constexpr core::Duration kArchiveAlarmMax =
    std::chrono::seconds(1) + kArchiveLook + std::chrono::milliseconds(500);
/// One shard of rpoguard each, over the same servers, named like its archive.source.
inline constexpr std::array kArchiveSources{"directory", "command", "postgres"};

/// Writer iad-a with archive_timeout 2 s, synchronous phx-a, 50 commits a second that ask no gate.
/// Construction returns once all gates are open. Not thread-safe.
class ArchiveWorld {
 public:
  ArchiveWorld();
  ArchiveWorld(const ArchiveWorld&) = delete;
  ArchiveWorld& operator=(const ArchiveWorld&) = delete;

  /// What archive_command does from its next call on: "fail" (exit 1), "hang" (until no_more()),
  /// "slow" (5 s a segment), "drop" (exit 0 and store nothing).
  void tell(const std::string& what) const { write_file(control_ / what, ""); }
  void no_more(const std::string& what) const;

  void pass(std::chrono::milliseconds time) const;
  /// Until rpoguard is content with the repository again, and two seconds more.
  void await_healed() const;
  /// Until everything before the segment that is being written is archived.
  void await_archived();

  /// Whether rpoguard can look at the repository. The archiver always can.
  void hide_repository() const;
  void show_repository() const;

  Writer& load() { return *loads_.back(); }
  void kill_writer() { cluster_.writer().kill9(); }
  void restart_writer();
  /// phx-a becomes the writer and is stamped; the load goes on there.
  void fail_over();

  /// Ends load and watching; a row for each of kArchiveSources.
  std::vector<ArchiveRow> finish();

 private:
  std::string repository() const { return repository_.path(); }
  std::vector<std::pair<std::string, core::Lsn>> positions(const WriterPath& path);
  void start_load(const Server& server);
  void await_open(const std::string& source) const;

  TempDir control_;
  TempDir repository_;
  Cluster cluster_;
  std::string wal_start_;
  std::unique_ptr<Rpoguard> rpoguard_;
  std::vector<std::unique_ptr<Writer>> loads_;
  std::unique_ptr<ArchiveRecorder> recorder_;
};

}  // namespace rpoguard::test
