#include "exporter/notify/queue.hpp"

#include <utility>

#include "exporter/core/model/limits.hpp"

namespace rpoguard::notify {

std::optional<Notice> HookQueue::put(Notice notice) {
  std::optional<Notice> dropped;
  {
    const base::MutexLock lock(mutex_);
    if (halted_) return notice;
    notices_.push_back(std::move(notice));
    if (notices_.size() > core::limits::kHookQueueMax) {
      dropped = std::move(notices_.front());
      notices_.pop_front();
      ++stats_.dropped;
    }
  }
  changed_.notify_all();
  return dropped;
}

std::optional<Notice> HookQueue::next() {
  base::MutexLock lock(mutex_);
  changed_.wait(lock,
                [this]() REQUIRES(mutex_) { return halted_ || draining_ || !notices_.empty(); });
  if (halted_ || notices_.empty()) return std::nullopt;
  Notice notice = std::move(notices_.front());
  notices_.pop_front();
  under_way_ = true;
  return notice;
}

void HookQueue::done(bool delivered) {
  const base::MutexLock lock(mutex_);
  under_way_ = false;
  ++(delivered ? stats_.delivered : stats_.failed);
}

bool HookQueue::wait(core::Duration time) {
  base::MutexLock lock(mutex_);
  // Whoever stops wants to be gone, and a receiver that failed just now is not waited for.
  if (changed_.wait_for(lock, time, [this]() REQUIRES(mutex_) { return halted_ || draining_; }))
    return false;
  ++stats_.retries;
  return true;
}

void HookQueue::drain() {
  {
    const base::MutexLock lock(mutex_);
    draining_ = true;
  }
  changed_.notify_all();
}

std::deque<Notice> HookQueue::halt() {
  std::deque<Notice> dropped;
  {
    const base::MutexLock lock(mutex_);
    halted_ = true;
    dropped.swap(notices_);
    stats_.dropped += dropped.size();
  }
  changed_.notify_all();
  return dropped;
}

bool HookQueue::halted() const {
  const base::MutexLock lock(mutex_);
  return halted_;
}

core::HookStats HookQueue::stats() const {
  const base::MutexLock lock(mutex_);
  core::HookStats stats = stats_;
  stats.queued = notices_.size() + (under_way_ ? 1 : 0);
  return stats;
}

}  // namespace rpoguard::notify
