// The one place where the loop hands its view to everybody else.
#pragma once

#include <memory>
#include <utility>

#include "exporter/base/mutex.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::serve {

/// Thread-safe. Readers get a snapshot that never changes. A mutex around a pointer copy:
/// std::atomic<shared_ptr> of GCC 12 is reported as racy by TSan.
class ViewStore {
 public:
  void publish(std::shared_ptr<const core::View> view) {
    const base::MutexLock lock(mutex_);
    view_.swap(view);
  }
  /// Null until the first publication.
  std::shared_ptr<const core::View> current() const {
    const base::MutexLock lock(mutex_);
    return view_;
  }

 private:
  mutable base::Mutex mutex_;
  std::shared_ptr<const core::View> view_ GUARDED_BY(mutex_);
};

}  // namespace rpoguard::serve
