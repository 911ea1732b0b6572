// What has happened lately, for /api/v1/events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "exporter/base/mutex.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::serve {

/// Keeps the newest limits::kJournalEventsMax events in memory. Thread-safe.
class Journal {
 public:
  /// `json` is one JSON object, as hooks get it. `shard` is empty for what concerns all.
  void append(std::string shard, std::string json) {
    const base::MutexLock lock(mutex_);
    entries_.push_back({std::move(shard), std::move(json)});
    if (entries_.size() <= core::limits::kJournalEventsMax) return;
    entries_.pop_front();
    ++forgotten_;
  }

  /// {"events":[...], "forgotten":N}, newest last. `shard` not empty: only its events and those
  /// that concern all.
  std::string render(std::string_view shard) const {
    const base::MutexLock lock(mutex_);
    std::string out = "{\"events\":[";
    bool first = true;
    for (const Entry& entry : entries_) {
      if (!shard.empty() && !entry.shard.empty() && entry.shard != shard) continue;
      out += first ? "\n" : ",\n";
      out += entry.json;
      first = false;
    }
    return out + "],\n\"forgotten\":" + std::to_string(forgotten_) + "}\n";
  }

 private:
  struct Entry {
    std::string shard;
    std::string json;
  };

  mutable base::Mutex mutex_;
  std::deque<Entry> entries_ GUARDED_BY(mutex_);
  std::uint64_t forgotten_ GUARDED_BY(mutex_) = 0;
};

}  // namespace rpoguard::serve
