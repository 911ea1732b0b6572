// Threads that wait for clients that take their answers slowly, or not at all.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>

#include "exporter/base/mutex.hpp"

namespace rpoguard::serve {

/// At most so many at a time: the next one takes the place of whoever has had his for longest.
/// Thread-safe.
class SlowClients {
 public:
  explicit SlowClients(std::size_t most) : most_(most) {}

  /// The place of one client; must not outlive the SlowClients.
  class Place {
   public:
    explicit Place(SlowClients& all) : all_(all), lost_(all.enter()) {}
    ~Place() { all_.leave(lost_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    bool lost() const { return *lost_; }

   private:
    SlowClients& all_;
    const std::shared_ptr<std::atomic<bool>> lost_;
  };

  /// Clients that were given up for others.
  std::uint64_t given_up() const {
    const base::MutexLock lock(mutex_);
    return given_up_;
  }

 private:
  using Lost = std::shared_ptr<std::atomic<bool>>;

  Lost enter() {
    const base::MutexLock lock(mutex_);
    if (places_.size() >= most_) {
      *places_.front() = true;
      places_.pop_front();
      ++given_up_;
    }
    places_.push_back(std::make_shared<std::atomic<bool>>(false));
    return places_.back();
  }
  void leave(const Lost& lost) {
    const base::MutexLock lock(mutex_);
    places_.remove(lost);
  }

  const std::size_t most_;
  mutable base::Mutex mutex_;
  std::list<Lost> places_ GUARDED_BY(mutex_);  // the oldest first
  std::uint64_t given_up_ GUARDED_BY(mutex_) = 0;
};

}  // namespace rpoguard::serve
