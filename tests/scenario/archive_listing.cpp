#include "tests/scenario/archive_listing.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "tests/stack/region_pair.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

constexpr std::size_t kSegmentDigits = 24;
constexpr std::uint64_t kLogBytes = std::uint64_t{1} << 32U;

bool is_segment(const std::string& name) {
  return name.size() == kSegmentDigits &&
         name.find_first_not_of("0123456789ABCDEF") == std::string::npos;
}

std::uint64_t number_of(const std::string& segment, std::uint64_t segment_bytes) {
  return std::stoull(segment.substr(8, 8), nullptr, 16) * (kLogBytes / segment_bytes) +
         std::stoull(segment.substr(16), nullptr, 16);
}

// The segment in which a timeline was left is archived under its child's name.
std::string name_of(std::uint64_t number, const WriterPath& path, std::uint64_t segment_bytes) {
  std::uint32_t timeline = path.timeline;
  for (const WriterPath::Ancestor& each : path.ancestors) {
    if (number >= each.end.value / segment_bytes) continue;
    timeline = each.timeline;
    break;
  }
  const std::uint64_t per_log = kLogBytes / segment_bytes;
  char name[kSegmentDigits + 1];
  std::snprintf(name, sizeof name, "%08X%08X%08X", timeline,
                static_cast<unsigned>(number / per_log), static_cast<unsigned>(number % per_log));
  return name;
}

}  // namespace

Listing list_repository(const std::string& directory, const Listing& before) {
  Listing listing{.began = boottime(), .ended = {}, .names = {}};
  Names names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.insert(entry.path().filename());
  listing.ended = boottime();
  const bool same = before.names && *before.names == names;
  listing.names = same ? before.names : std::make_shared<const Names>(std::move(names));
  return listing;
}

WriterPath archived_path(const std::string& directory) {
  WriterPath path;
  const Listing listing = list_repository(directory);
  for (const std::string& name : *listing.names) {
    if (!name.ends_with(".history")) continue;
    path = {.ancestors = {},
            .timeline = static_cast<std::uint32_t>(std::stoul(name.substr(0, 8), nullptr, 16))};
    std::istringstream lines(read_file(directory + "/" + name));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream fields(line);
      std::uint32_t timeline = 0;
      std::string end;
      if (!(fields >> timeline >> end)) continue;
      path.ancestors.push_back({timeline, core::parse_lsn(end).value()});
    }
  }
  return path;
}

std::optional<core::Lsn> listed_frontier(const Names& names, const WriterPath& path,
                                         std::uint64_t segment_bytes) {
  std::optional<std::uint64_t> next;
  for (const std::string& name : names) {
    if (!is_segment(name)) continue;
    const std::uint64_t number = number_of(name, segment_bytes);
    const bool on_path = name == name_of(number, path, segment_bytes);
    if (on_path) next = std::min(next.value_or(number), number);
  }
  if (!next) return std::nullopt;
  while (names.contains(name_of(*next, path, segment_bytes))) ++*next;
  return core::Lsn{*next * segment_bytes};
}

}  // namespace rpoguard::test
