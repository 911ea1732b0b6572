// What must survive a restart, on disk: one small JSON file per shard under state_dir.
#pragma once

#include <optional>
#include <string>

#include "exporter/base/result.hpp"
#include "exporter/core/judge/evaluate.hpp"

namespace rpoguard::run {

/// Not thread-safe; used by the loop only. Writes are atomic (a new file, fsync, rename).
class StateStore {
 public:
  explicit StateStore(std::string state_dir) : directory_(std::move(state_dir)) {}

  /// Makes the directory if needed and proves that it can be written.
  base::Result<void> prepare() const;

  /// The shard's memory; a default one if it has no file yet. A damaged file is an error: without
  /// it a stale writer could pass for the current one.
  base::Result<core::DurableMemory> load(const std::string& shard) const;

  base::Result<void> save(const std::string& shard, const core::DurableMemory& memory) const;

  /// The shard's file, for messages.
  std::string path_of(const std::string& shard) const;

 private:
  std::string directory_;
};

}  // namespace rpoguard::run
