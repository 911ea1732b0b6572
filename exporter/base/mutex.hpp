// Mutexes whose use clang checks. The only place of std::mutex: that one carries no annotations.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "exporter/base/thread_annotations.hpp"

namespace rpoguard::base {

/// Taken by a MutexLock only. Name what it guards with GUARDED_BY.
class RPOGUARD_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

/// Holds a mutex from here to the end of its block, except between unlock() and lock().
class RPOGUARD_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) RPOGUARD_THREAD_ANNOTATION(acquire_capability(mutex))
      : lock_(mutex.mutex_) {}
  ~MutexLock() RPOGUARD_THREAD_ANNOTATION(release_capability()) = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void unlock() RPOGUARD_THREAD_ANNOTATION(release_capability()) { lock_.unlock(); }
  void lock() RPOGUARD_THREAD_ANNOTATION(acquire_capability()) { lock_.lock(); }

 private:
  friend class Condition;
  std::unique_lock<std::mutex> lock_;
};

/// A condition variable. The conditions touch what the mutex guards, so write them
/// `[this]() REQUIRES(mutex_) { return ...; }`. They are asked while `lock` holds the mutex.
class Condition {
 public:
  void notify_one() { changed_.notify_one(); }
  void notify_all() { changed_.notify_all(); }

  template <typename Ready>
  void wait(MutexLock& lock, Ready ready) {
    changed_.wait(lock.lock_, std::move(ready));
  }
  /// False: the time is over and it is still not ready.
  template <typename Ready>
  bool wait_for(MutexLock& lock, std::chrono::nanoseconds time, Ready ready) {
    return changed_.wait_for(lock.lock_, time, std::move(ready));
  }

 private:
  std::condition_variable changed_;
};

}  // namespace rpoguard::base
