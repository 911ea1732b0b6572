// The events that wait for one hook.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "exporter/core/hook.hpp"
#include "exporter/notify/attempt.hpp"

namespace rpoguard::notify {

/// Thread-safe. put() never waits; next(), done() and wait() are for the one thread that delivers.
/// Order of their calls: (next wait* done)*
class HookQueue {
 public:
  /// Holds at most limits::kHookQueueMax besides the one under way: then the oldest goes.
  void put(Notice notice);
  /// Waits for the next one; nullopt once stopped and empty, or stopped for good.
  std::optional<Notice> next();
  void done(bool delivered);
  /// Before another try; false if it was woken by halt().
  bool wait(core::Duration time);

  /// Delivers what is queued, starts no waiting any more.
  void drain();
  /// Gives up what is queued.
  void halt();
  bool halted() const;
  core::HookStats stats() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Notice> notices_;
  bool draining_ = false;
  bool halted_ = false;
  bool under_way_ = false;
  core::HookStats stats_;
};

}  // namespace rpoguard::notify
