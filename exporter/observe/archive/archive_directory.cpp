#include "exporter/observe/archive/archive_directory.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include <sys/stat.h>

#include "exporter/core/model/units.hpp"
#include "exporter/observe/archive/archive_file.hpp"
#include "exporter/observe/system/one_line.hpp"

namespace rpoguard::observe {
namespace {

namespace fs = std::filesystem;

core::ProbeError cannot_list(const std::string& path, const std::error_code& error) {
  const bool denied = error == std::errc::permission_denied;
  return {denied ? core::ProbeFailure::missing_privilege : core::ProbeFailure::query_failed,
          one_line("cannot list " + path + ": " + error.message())};
}

std::string joined(const std::string& directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  return name.empty() ? directory : directory + "/" + std::string(name);
}

struct FileState {
  std::uint64_t bytes = 0;
  core::WallTime changed;
};

std::optional<FileState> state_of(const std::string& path) {
  struct stat state {};
  if (::stat(path.c_str(), &state) != 0 || !S_ISREG(state.st_mode) || state.st_size < 0)
    return std::nullopt;
  const auto changed = std::chrono::seconds(state.st_mtim.tv_sec) +
                       std::chrono::microseconds(state.st_mtim.tv_nsec / 1000);
  return FileState{static_cast<std::uint64_t>(state.st_size), core::WallTime(changed)};
}

}  // namespace

ArchiveOutcome ArchiveDirectory::look() {
  Listing listing;
  list("", 0, listing);
  if (listing.error) return *listing.error;
  // Newest first: those whose first pages are worth reading.
  std::ranges::sort(listing.segments, std::ranges::greater{}, &Candidate::segment);
  int headers = 0;
  Files before = std::exchange(whole_, {});
  SegmentName newest;
  for (const Candidate& file : listing.segments) {
    if (newest.timeline != file.segment.timeline) newest = file.segment;
    auto known = before.extract(file.path);
    if (known && !(known.mapped().awaits_reading && headers < kHeadersMax)) {
      whole_.insert(std::move(known));
    } else {
      examine(file, file.segment == newest, headers);
    }
  }
  core::ArchiveFacts facts = facts_of(listing);
  if (!listing.newest_backup.empty()) {
    const auto state = state_of(joined(path_, listing.newest_backup));
    if (state) facts.last_backup = state->changed;
  }
  return facts;
}

void ArchiveDirectory::list(const std::string& below, int depth, Listing& listing) const {
  std::error_code error;
  const std::string path = joined(path_, below);
  fs::directory_iterator entry(path, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (listing.error) return;
    const std::string name = entry->path().filename();
    if (name.starts_with('.')) continue;
    const ArchiveName parsed = parse_archive_name(name);
    if (parsed.kind != ArchiveName::Kind::other) {
      list_file(below, name, listing);
      continue;
    }
    listing.unknown.add(parsed.unknown_ending);
    std::error_code unknown;
    if (depth < kDepthMax && entry->is_directory(unknown))
      list(joined(below, name), depth + 1, listing);
  }
  // A directory that went away meanwhile was expired; the archive itself must be there.
  const bool expired = depth > 0 && error == std::errc::no_such_file_or_directory;
  if (error && !expired) listing.error = cannot_list(path, error);
}

void ArchiveDirectory::list_file(const std::string& below, std::string_view name,
                                 Listing& listing) const {
  const ArchiveName parsed = parse_archive_name(name);
  std::string path = joined(below, name);
  if (parsed.kind == ArchiveName::Kind::backup) {
    listing.backups.push_back(parsed.segment);
    if (std::ranges::max(listing.backups) == parsed.segment) listing.newest_backup = path;
    return;
  }
  const std::string home(archive_home(path));
  if (listing.home && *listing.home != home) {
    listing.error = {core::ProbeFailure::bad_answer,
                     one_line("WAL segments under " + path_ + "/" + *listing.home + " and " +
                              path_ + "/" + home + ": name one of them")};
    return;
  }
  if (listing.segments.size() >= kArchiveFilesMax) {
    listing.error = {core::ProbeFailure::bad_answer, one_line("too many files in " + path_)};
    return;
  }
  listing.home = home;
  listing.segments.push_back(
      {std::move(path), parsed.segment, parsed.hashed, std::string(parsed.suffix)});
}

void ArchiveDirectory::examine(const Candidate& file, bool newest, int& headers) {
  const std::string path = joined(path_, file.path);
  const auto state = state_of(path);
  if (!state || !whole(file, newest, state->bytes)) return;
  Known known;
  // Of an encrypted or compressed file the first page cannot be read.
  const bool readable = file.suffix.empty() && core::is_segment_size(state->bytes);
  known.awaits_reading = readable && headers >= kHeadersMax;
  if (readable && headers < kHeadersMax) {
    ++headers;
    if (const auto head = read_head(path, kSegmentHeaderBytes)) {
      const auto header = parse_segment_header(*head);
      const bool fits = header && header_fits(*header, file.segment, state->bytes);
      if (fits) known.system_identifier = header->system_identifier;
      if (!fits && !file.hashed) return;
    }
  }
  whole_.emplace(file.path, known);
}

bool ArchiveDirectory::whole(const Candidate& file, bool newest, std::uint64_t bytes) const {
  if (file.hashed) return bytes > 0;
  if (file.suffix.empty() && core::is_segment_size(bytes)) return true;
  const std::string path = joined(path_, file.path);
  // Barman compresses a segment under its own name.
  const std::string_view suffix = file.suffix.empty() ? compression_of(path) : file.suffix;
  if (suffix.empty()) return false;
  const Whole answer = compressed_whole(path, suffix, bytes);
  return answer == Whole::yes || (answer == Whole::cannot_tell && bytes > 0 && !newest);
}

// Another cluster's segments among them are no segments.
core::ArchiveFacts ArchiveDirectory::facts_of(const Listing& listing) const {
  std::vector<SegmentName> segments;
  std::optional<std::uint64_t> cluster;
  for (const Candidate& file : listing.segments) {
    const auto known = whole_.find(file.path);
    if (known == whole_.end()) continue;
    const auto& of = known->second.system_identifier;
    if (segments.empty()) cluster = of;
    if (of && cluster && *of != *cluster) continue;
    segments.push_back(file.segment);
  }
  core::ArchiveFacts facts = archive_facts(std::move(segments), listing.backups);
  facts.system_identifier = cluster;
  facts.unknown_files = listing.unknown.most();
  return facts;
}

}  // namespace rpoguard::observe
