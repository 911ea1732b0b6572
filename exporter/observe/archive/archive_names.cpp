#include "exporter/observe/archive/archive_names.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "exporter/base/number.hpp"
#include "exporter/base/text.hpp"
#include "exporter/base/utf8.hpp"

namespace rpoguard::observe {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEF";
constexpr std::size_t kFieldDigits = 8;
constexpr std::size_t kNameDigits = 3 * kFieldDigits;
// Of pgBackRest, Barman and barman-cloud, WAL-G, and of archive_commands of one's own.
constexpr std::array<std::string_view, 9> kCompressed{".gz",  ".lz4", ".zst",    ".xz",  ".bz2",
                                                      ".lzo", ".br",  ".snappy", ".lzma"};
// Of a file that is being written, or of a segment that its writer has not filled.
constexpr std::array<std::string_view, 3> kUnfinished{".partial", ".tmp", ".part"};
constexpr std::size_t kEndingBytesMax = 24;
constexpr std::size_t kEndingsMax = 16;

bool all_digits(std::string_view text) {
  return text.find_first_not_of(kDigits) == std::string_view::npos;
}

// REQUIRES: all_digits(field), of kFieldDigits.
std::uint32_t field_value(std::string_view field) {
  return *base::parse_number<std::uint32_t>(field, 16);
}

void append_field(std::string& text, std::uint32_t value) {
  for (std::size_t digit = 0; digit < kFieldDigits; ++digit)
    text += kDigits[(value >> (4 * (kFieldDigits - 1 - digit))) & 0xFU];
}

// "-3a5f...": takes it off the front of `rest`.
bool take_hash(std::string_view& rest) {
  if (!rest.starts_with('-')) return false;
  const std::size_t end =
      std::min(rest.find_first_not_of("0123456789abcdefABCDEF", 1), rest.size());
  if (end == 1) return false;
  rest.remove_prefix(end);
  return true;
}

// ".00000028.backup"
bool is_backup_ending(std::string_view rest) {
  return rest.size() == 1 + kFieldDigits + 7 && rest.front() == '.' &&
         all_digits(rest.substr(1, kFieldDigits)) && rest.ends_with(".backup");
}

}  // namespace

std::string render_segment_name(const SegmentName& name) {
  std::string text;
  append_field(text, name.timeline);
  append_field(text, name.log);
  append_field(text, name.segment);
  return text;
}

ArchiveName parse_archive_name(std::string_view name) {
  ArchiveName result;
  if (name.size() < kNameDigits || !all_digits(name.substr(0, kNameDigits))) return result;
  result.segment = {field_value(name.substr(0, kFieldDigits)),
                    field_value(name.substr(kFieldDigits, kFieldDigits)),
                    field_value(name.substr(2 * kFieldDigits, kFieldDigits))};
  if (result.segment.timeline == 0) return result;
  std::string_view rest = name.substr(kNameDigits);
  if (is_backup_ending(rest)) {
    result.kind = ArchiveName::Kind::backup;
    return result;
  }
  result.hashed = take_hash(rest);
  const bool compressed = std::ranges::find(kCompressed, rest) != kCompressed.end();
  if (compressed) result.suffix = rest;
  if (compressed || rest.empty()) result.kind = ArchiveName::Kind::segment;
  const bool unfinished = std::ranges::any_of(
      kUnfinished, [&](std::string_view ending) { return rest.ends_with(ending); });
  if (result.kind == ArchiveName::Kind::other && rest.starts_with('.') && !unfinished)
    result.unknown_ending = rest;
  return result;
}

void UnknownEndings::add(std::string_view ending) {
  if (ending.empty()) return;
  const std::string shown = base::foreign_text(ending, kEndingBytesMax);
  if (files_.size() < kEndingsMax || files_.contains(shown)) ++files_[shown];
}

std::optional<core::ArchiveFacts::UnknownFiles> UnknownEndings::most() const {
  const auto most =
      std::ranges::max_element(files_, {}, &std::pair<const std::string, std::int64_t>::second);
  if (most == files_.end()) return std::nullopt;
  return core::ArchiveFacts::UnknownFiles{.ending = most->first, .files = most->second};
}

namespace {

// As `ls -Q` and JSON arrays of one name a line have them.
std::string_view unquoted(std::string_view line) {
  line = base::trim(base::trim(line), ",");
  for (const char quote : {'"', '\''}) {
    if (line.size() >= 2 && line.front() == quote && line.back() == quote)
      return line.substr(1, line.size() - 2);
  }
  return line;
}

}  // namespace

bool is_log_directory(std::string_view name) {
  return name.size() == 2 * kFieldDigits && all_digits(name);
}

std::vector<core::ArchivedRun> runs_of(std::vector<SegmentName> segments) {
  std::ranges::sort(segments);
  std::vector<core::ArchivedRun> runs;
  for (const SegmentName& each : segments) {
    if (!runs.empty()) {
      core::ArchivedRun& back = runs.back();
      const bool same_log = back.timeline.value == each.timeline && back.log == each.log;
      if (same_log && each.segment == back.last) continue;
      if (same_log && each.segment - 1 == back.last) {
        back.last = each.segment;
        continue;
      }
    }
    runs.push_back({core::Timeline{each.timeline}, each.log, each.segment, each.segment});
  }
  return runs;
}

std::string_view archive_home(std::string_view path) {
  const auto above = [](std::string_view of) {
    const std::size_t slash = of.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : of.substr(0, slash);
  };
  const std::string_view directory = above(path);
  const std::size_t slash = directory.rfind('/');
  const std::string_view name =
      slash == std::string_view::npos ? directory : directory.substr(slash + 1);
  return is_log_directory(name) ? above(directory) : directory;
}

core::ArchiveFacts archive_facts(std::vector<SegmentName> segments,
                                 std::vector<SegmentName> backups) {
  core::ArchiveFacts facts;
  facts.runs = runs_of(std::move(segments));
  std::ranges::sort(backups);
  for (const SegmentName& each : backups) facts.backup_starts.push_back(render_segment_name(each));
  return facts;
}

void NameList::take(std::string_view chunk) {
  while (problem_.empty()) {
    const std::size_t end = chunk.find('\n');
    rest_ += chunk.substr(0, end);
    if (rest_.size() > kArchivePathBytesMax) problem_ = "a line too long for a file name";
    if (end == std::string_view::npos) return;
    take_line(rest_);
    rest_.clear();
    chunk.remove_prefix(end + 1);
  }
}

void NameList::take_line(std::string_view line) {
  line = unquoted(line);
  const std::size_t slash = line.rfind('/');
  const ArchiveName name =
      parse_archive_name(slash == std::string_view::npos ? line : line.substr(slash + 1));
  unknown_.add(name.unknown_ending);
  if (name.kind == ArchiveName::Kind::other) return;
  if (name.kind == ArchiveName::Kind::backup) {
    backups_.push_back(name.segment);
    return;
  }
  const std::string_view home = archive_home(line);
  if (segments_.empty()) home_ = home;
  if (home != home_) problem_ = "WAL segments in more than one directory: list only one cluster's";
  if (segments_.size() >= kArchiveFilesMax) problem_ = "too many WAL segments";
  segments_.push_back(name.segment);
}

base::Result<core::ArchiveFacts> NameList::finish() {
  take("\n");
  if (!problem_.empty()) return base::Error{problem_};
  core::ArchiveFacts facts = archive_facts(std::move(segments_), std::move(backups_));
  facts.unknown_files = unknown_.most();
  return facts;
}

}  // namespace rpoguard::observe
