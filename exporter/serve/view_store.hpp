// The one place where the loop hands its view to everybody else.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "exporter/core/view.hpp"

namespace rpoguard::serve {

/// Thread-safe. Readers get a snapshot that never changes. A mutex around a pointer copy:
/// std::atomic<shared_ptr> of GCC 12 is reported as racy by TSan.
class ViewStore {
 public:
  void publish(std::shared_ptr<const core::View> view) {
    const std::lock_guard lock(mutex_);
    view_.swap(view);
  }
  /// Null until the first publication.
  std::shared_ptr<const core::View> current() const {
    const std::lock_guard lock(mutex_);
    return view_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const core::View> view_;
};

}  // namespace rpoguard::serve
