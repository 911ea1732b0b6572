// What must survive a restart, on disk: one small JSON file per shard under state_dir.
#pragma once

#include <optional>
#include <string>

#include "exporter/base/result.hpp"
#include "exporter/core/judge/evaluate.hpp"
#include "exporter/run/state_lock.hpp"

namespace rpoguard::run {

/// A descriptor that is kept for when there are no others.
class SpareDescriptor {
 public:
  SpareDescriptor() { take_back(); }
  ~SpareDescriptor() { lend(); }
  SpareDescriptor(const SpareDescriptor&) = delete;
  SpareDescriptor& operator=(const SpareDescriptor&) = delete;

  void lend();
  void take_back();

 private:
  int descriptor_ = -1;
};

/// Not thread-safe; used by the loop only. Writes are atomic (a new file, fsync, rename).
class StateStore {
 public:
  explicit StateStore(std::string state_dir) : directory_(std::move(state_dir)) {}

  /// Makes the directory if needed, takes it for this process alone, and proves that it can be
  /// written.
  base::Result<void> prepare();

  /// The shard's memory; a default one if it has no file yet. A damaged file, one of another shard,
  /// or a link or a pipe in its place is an error: without it a stale writer could pass for the
  /// current one.
  base::Result<core::DurableMemory> load(const std::string& shard) const;

  /// Finds a descriptor for it also when the process has no more.
  base::Result<void> save(const std::string& shard, const core::DurableMemory& memory);

  /// The shard's file, for messages.
  std::string path_of(const std::string& shard) const;

 private:
  std::string directory_;
  std::optional<StateLock> lock_;
  SpareDescriptor spare_;
};

}  // namespace rpoguard::run
