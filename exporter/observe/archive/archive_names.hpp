// File names of a WAL archive, and from many of them to what the archive holds. Pure.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/result.hpp"
#include "exporter/core/model/observation.hpp"

namespace rpoguard::observe {

/// More segments than this in one archive are an error: at 16 MiB they are 16 TB.
inline constexpr std::size_t kArchiveFilesMax = 1'000'000;
/// Longest path in a list.
inline constexpr std::size_t kArchivePathBytesMax = 4096;

/// The three fields of a segment's name.
struct SegmentName {
  std::uint32_t timeline = 0;
  std::uint32_t log = 0;
  std::uint32_t segment = 0;
  friend auto operator<=>(const SegmentName&, const SegmentName&) = default;
};
std::string render_segment_name(const SegmentName& name);

/// What a file of an archive is by its name, without its path.
struct ArchiveName {
  enum class Kind {
    segment,
    backup,  ///< a backup history file
    other,   ///< .history, .partial, .tmp, and whatever else is no proof of anything
  };
  Kind kind = Kind::other;
  SegmentName segment;      ///< of a backup: the first that it needs
  bool hashed = false;      ///< "-" and a hash: pgBackRest writes it elsewhere and renames it
  std::string_view suffix;  ///< of a compressed file, e.g. ".gz"; else empty. Part of `name`
  /// Of a file that is named like a segment and is none that rpoguard knows, e.g. ".gpg". Part of
  /// `name`.
  std::string_view unknown_ending;
};
ArchiveName parse_archive_name(std::string_view name);

/// Counts files by their unknown endings. Bounded, whatever is added.
class UnknownEndings {
 public:
  /// An empty one is none.
  void add(std::string_view ending);
  /// Absent: there was none.
  std::optional<core::ArchiveFacts::UnknownFiles> most() const;

 private:
  std::map<std::string, std::int64_t> files_;
};

/// 16 digits: the directory in which pgBackRest and Barman keep the segments of one log.
bool is_log_directory(std::string_view name);

/// The maximal runs of the segments, in whatever order and however often they come.
std::vector<core::ArchivedRun> runs_of(std::vector<SegmentName> segments);

/// Reads a list of paths, one a line, quoted or not, as it arrives. Only the last part of a path
/// counts, and it must name whole files only: a list does not tell how long they are. All segments
/// must lie in one directory, or in log directories of one: else the WAL of two clusters would be
/// taken for one.
class NameList {
 public:
  void take(std::string_view chunk);
  /// Once, at the end.
  base::Result<core::ArchiveFacts> finish();

 private:
  void take_line(std::string_view line);

  std::string rest_;  // of a line whose end has not come yet
  std::string home_;
  std::string problem_;
  std::vector<SegmentName> segments_;
  std::vector<SegmentName> backups_;
  UnknownEndings unknown_;
};

/// The directory that a segment belongs to: that of `path`, or the one above a log directory.
std::string_view archive_home(std::string_view path);

/// Of segments and backups in any order, possibly repeated.
core::ArchiveFacts archive_facts(std::vector<SegmentName> segments,
                                 std::vector<SegmentName> backups);

}  // namespace rpoguard::observe
