// How often the gate said what, for the metrics page.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "exporter/base/mutex.hpp"

namespace rpoguard::serve {

/// Counts answers of the gate. Thread-safe.
class GateCounters {
 public:
  struct Counts {
    std::uint64_t open = 0;
    std::uint64_t closed = 0;
    std::uint64_t shadow_denials = 0;
  };
  void count(const std::string& shard, bool open, bool shadow_denial) {
    const base::MutexLock lock(mutex_);
    Counts& counts = counts_[shard];
    ++(open ? counts.open : counts.closed);
    if (shadow_denial) ++counts.shadow_denials;
  }
  Counts of(const std::string& shard) const {
    const base::MutexLock lock(mutex_);
    const auto found = counts_.find(shard);
    return found == counts_.end() ? Counts{} : found->second;
  }

 private:
  mutable base::Mutex mutex_;
  std::map<std::string, Counts> counts_ GUARDED_BY(mutex_);
};

}  // namespace rpoguard::serve
