// How threads that may outlive it reach an object of the loop.
#pragma once

#include <memory>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include "exporter/base/mutex.hpp"

namespace rpoguard::observe {

/// Held by the owner and by each of the threads. `owner` and the loop must live until close(),
/// which is called on the loop's thread.
template <typename Owner>
class WayBack : public std::enable_shared_from_this<WayBack<Owner>> {
 public:
  WayBack(asio::io_context& loop, Owner& owner) : loop_(loop), owner_(&owner) {}

  /// From any thread: the loop will call what(owner), unless close() comes first.
  template <typename What>
  void call(What what) {
    const base::MutexLock lock(mutex_);
    if (owner_ == nullptr) return;  // and perhaps the loop is gone as well
    asio::post(loop_, [self = this->shared_from_this(), what = std::move(what)]() mutable {
      if (Owner* owner = self->owner()) what(*owner);
    });
  }

  /// Nothing is called from here on.
  void close() {
    const base::MutexLock lock(mutex_);
    owner_ = nullptr;
  }

 private:
  // On the loop's thread, where it stays what it is.
  Owner* owner() {
    const base::MutexLock lock(mutex_);
    return owner_;
  }

  asio::io_context& loop_;
  base::Mutex mutex_;
  Owner* owner_ GUARDED_BY(mutex_);
};

}  // namespace rpoguard::observe
