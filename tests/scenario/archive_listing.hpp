// What a WAL repository holds, by the names in its directory. Shares no code with the product.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exporter/core/model/units.hpp"

namespace rpoguard::test {

using Names = std::set<std::string>;

/// The directory at one moment. REQUIRES: files get their final name when they are whole.
struct Listing {
  core::Instant began;
  core::Instant ended;
  std::shared_ptr<const Names> names;
};
/// Shares the names with `before` where nothing has changed.
Listing list_repository(const std::string& directory, const Listing& before = {});

/// Which timeline a position of the writer's WAL belongs to.
struct WriterPath {
  struct Ancestor {
    std::uint32_t timeline;
    core::Lsn end;  ///< it was left here
  };
  std::vector<Ancestor> ancestors;
  std::uint32_t timeline = 1;
};
/// By the newest .history file that was archived; without one: timeline 1.
WriterPath archived_path(const std::string& directory);

/// From the oldest segment of the path, name by name, to the first one that is not there.
std::optional<core::Lsn> listed_frontier(const Names& names, const WriterPath& path,
                                         std::uint64_t segment_bytes);

}  // namespace rpoguard::test
