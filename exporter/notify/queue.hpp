// The events that wait for one hook.
#pragma once

#include <deque>
#include <optional>

#include "exporter/base/mutex.hpp"
#include "exporter/core/model/hook.hpp"
#include "exporter/notify/attempt.hpp"

namespace rpoguard::notify {

/// Thread-safe. put() never waits; next(), done() and wait() are for the one thread that delivers.
/// Order of their calls: (next wait* done)*
class HookQueue {
 public:
  /// Holds at most limits::kHookQueueMax besides the one under way: then the oldest is given back.
  std::optional<Notice> put(Notice notice);
  /// Waits for the next one; nullopt once stopped and empty, or stopped for good.
  std::optional<Notice> next();
  void done(bool delivered);
  /// Before another try; false if it was woken by halt().
  bool wait(core::Duration time);

  /// Delivers what is queued, starts no waiting any more.
  void drain();
  /// Gives up what is queued, and gives it back.
  std::deque<Notice> halt();
  bool halted() const;
  core::HookStats stats() const;

 private:
  mutable base::Mutex mutex_;
  base::Condition changed_;
  std::deque<Notice> notices_ GUARDED_BY(mutex_);
  bool draining_ GUARDED_BY(mutex_) = false;
  bool halted_ GUARDED_BY(mutex_) = false;
  bool under_way_ GUARDED_BY(mutex_) = false;
  core::HookStats stats_ GUARDED_BY(mutex_);
};

}  // namespace rpoguard::notify
