// A WAL archive that is a directory here. Blocks as long as the file system does: never on the
// loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "exporter/core/model/observation.hpp"
#include "exporter/observe/archive/archive_names.hpp"

namespace rpoguard::observe {

using ArchiveOutcome = std::variant<core::ArchiveFacts, core::ProbeError>;

/// Looks into a directory again and again, and remembers which files it has found whole, so that a
/// look at a known archive is a listing and no more. Segments lie in the directory itself, or in
/// log directories (16 digits), at most kDepthMax below. In all they belong to one cluster: a
/// second directory with segments is an error.
///
/// A file counts as a segment when it is whole: an uncompressed one by its length and, where it may
/// be read, its first page; a compressed one by its end; one that pgBackRest renamed into place by
/// its name. Where a compressed file does not tell, it counts once a later one is there: archivers
/// take the next only after success. Not thread-safe.
class ArchiveDirectory {
 public:
  static constexpr int kDepthMax = 3;
  /// First pages read in one look: those of the newest of the files that were not read yet.
  static constexpr int kHeadersMax = 64;

  explicit ArchiveDirectory(std::string path) : path_(std::move(path)) {}
  ArchiveOutcome look();

 private:
  struct Known {
    std::optional<std::uint64_t> system_identifier;  // where its first page was read
    bool awaits_reading = false;                     // its first page can be, and was not yet
  };
  using Files = std::unordered_map<std::string, Known>;  // by path below path_
  struct Candidate {
    std::string path;  // below path_
    SegmentName segment;
    bool hashed = false;
    std::string suffix;
  };
  struct Listing {
    std::vector<Candidate> segments;
    std::vector<SegmentName> backups;
    std::string newest_backup;  // path below path_
    std::optional<std::string> home;
    UnknownEndings unknown;
    std::optional<core::ProbeError> error;
  };

  void list(const std::string& below, int depth, Listing& listing) const;
  void list_file(const std::string& below, std::string_view name, Listing& listing) const;
  void examine(const Candidate& file, bool newest, int& headers);
  bool whole(const Candidate& file, bool newest, std::uint64_t bytes) const;
  core::ArchiveFacts facts_of(const Listing& listing) const;

  const std::string path_;
  Files whole_;
};

}  // namespace rpoguard::observe
