// The model of WAL archiving: each writer's archiver, and the repository they share.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exporter/core/model/observation.hpp"

#include "tests/sim/cluster.hpp"

namespace rpoguard::sim {

/// What goes wrong with a writer's archive_command.
enum class ArchiveTrouble { none, fails, hangs, slow, drops };

class Archive {
 public:
  /// Timeline and number. Its name tells the shown timeline: two histories may share it.
  using Segment = std::pair<std::uint32_t, std::uint64_t>;
  /// What the repository holds.
  struct Contents {
    std::set<Segment> held;
    std::vector<Segment> backups;  ///< the first segment that each of them needs
  };

  Archive(Queue& queue, Random& random, Cluster& cluster)
      : queue_(queue), random_(random), cluster_(cluster) {}

  void start(Duration archive_timeout);
  void set_trouble(ArchiveTrouble trouble) { trouble_ = trouble; }
  /// What archive_command does where the name is there already: it replaces the file, or refuses.
  void set_overwriting(bool overwriting) { overwriting_ = overwriting; }
  /// An operator removes what only looks like WAL of this timeline's history.
  void remove_foreign(std::uint32_t timeline);
  /// A base backup of the writer: earlier WAL is not needed any more.
  void take_backup(std::size_t writer);

  core::ArchiverFacts archiver_of(std::size_t node);
  core::ArchiveFacts listing() const;
  const Contents& contents() const { return kept_; }
  /// The end of the WAL of `timeline`'s history that is held without a hole since the latest
  /// backup, or else since the oldest segment; nullopt: nothing. Without `ancestors` only segments
  /// of the timeline itself are looked at.
  std::optional<std::uint64_t> frontier(std::uint32_t timeline, const Contents& contents) const;
  /// Up to where a writer of this timeline has archived what its own archiver is to archive.
  std::uint64_t archived_by_own(std::uint32_t timeline) const;

 private:
  struct Archiver {
    std::uint32_t timeline = 0;
    std::uint64_t life = 0;
    std::uint64_t next = 0;  ///< segment
    bool busy = false;
    core::ArchiverFacts told;
    core::Instant ready_listed{};
  };
  void round();
  void follow(std::size_t node);
  void work(std::size_t node);
  void switch_wal();
  std::uint64_t first_of(std::uint32_t timeline) const;
  std::uint32_t shown(std::uint32_t timeline) const;
  std::optional<Segment> in_the_way(Segment segment) const;
  bool keep(Segment segment);
  /// The timeline under whose name this segment of `timeline`'s history is archived.
  std::uint32_t owner(std::uint32_t timeline, std::uint64_t segment) const;

  Queue& queue_;
  Random& random_;
  Cluster& cluster_;
  Duration archive_timeout_{};
  ArchiveTrouble trouble_ = ArchiveTrouble::none;
  bool overwriting_ = false;
  std::map<std::size_t, Archiver> archivers_;
  std::map<std::size_t, std::uint64_t> switched_at_;  ///< position after the last switch
  Contents kept_;
};

}  // namespace rpoguard::sim
