// Threads that may outlive whoever started them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace rpoguard::base {

/// For calls that may hang for ever: nobody joins such a thread, so its body must own what it uses.
/// Thread-safe.
class DetachedThreads {
 public:
  DetachedThreads();

  /// Runs `body` on a thread of its own, then destroys it. Throws std::system_error when the
  /// machine has no thread to give.
  void start(std::function<void()> body);

  /// Waits until all of them have ended; false: `patience` is over and some have not.
  bool wait_for_end(std::chrono::nanoseconds patience);

 private:
  class Running;
  std::shared_ptr<Running> running_;
};

}  // namespace rpoguard::base
