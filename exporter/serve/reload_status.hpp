// How the configuration was last loaded, for the metrics page.
#pragma once

#include "exporter/base/mutex.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::serve {

/// Thread-safe.
class ReloadStatus {
 public:
  struct State {
    bool successful = true;
    core::WallTime last_success{};
  };
  void set(State state) {
    const base::MutexLock lock(mutex_);
    state_ = state;
  }
  State get() const {
    const base::MutexLock lock(mutex_);
    return state_;
  }

 private:
  mutable base::Mutex mutex_;
  State state_ GUARDED_BY(mutex_);
};

}  // namespace rpoguard::serve
