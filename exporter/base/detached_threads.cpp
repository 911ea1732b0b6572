#include "exporter/base/detached_threads.hpp"

#include <cstddef>
#include <system_error>
#include <thread>
#include <utility>

#include "exporter/base/mutex.hpp"

namespace rpoguard::base {

// How many there are. They own it too.
class DetachedThreads::Running {
 public:
  void begin() {
    const MutexLock lock(mutex_);
    ++count_;
  }
  void end() {
    const MutexLock lock(mutex_);
    --count_;
    changed_.notify_all();
  }
  bool wait_for_none(std::chrono::nanoseconds patience) {
    MutexLock lock(mutex_);
    return changed_.wait_for(lock, patience, [this]() REQUIRES(mutex_) { return count_ == 0; });
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::size_t count_ GUARDED_BY(mutex_) = 0;
};

DetachedThreads::DetachedThreads() : running_(std::make_shared<Running>()) {}

void DetachedThreads::start(std::function<void()> body) {
  running_->begin();
  try {
    std::thread([body = std::move(body), running = running_]() mutable {
      std::exchange(body, nullptr)();
      running->end();
    }).detach();
  } catch (const std::system_error&) {  // uncovered: only a machine without a thread to give
    running_->end();                    // uncovered: as above
    throw;                              // uncovered: as above
  }
}

bool DetachedThreads::wait_for_end(std::chrono::nanoseconds patience) {
  return running_->wait_for_none(patience);
}

}  // namespace rpoguard::base
