// Waiting for a condition: the only place of the tests that sleeps.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace rpoguard::test {

/// Somebody was asked and did not answer: that is neither yes nor no.
class NoAnswer : public std::runtime_error {
 public:
  explicit NoAnswer(const std::string& from) : std::runtime_error("no answer from " + from) {}
};

/// Calls `predicate` until it is true or `deadline` has passed; says whether it became true. It is
/// called at least once, and once more after the deadline, so a slow machine gets a last chance.
/// NoAnswer out of it is not true yet; out of the last call it is thrown on.
template <typename Predicate>
[[nodiscard]] bool eventually(std::chrono::nanoseconds deadline, Predicate&& predicate,
                              std::chrono::nanoseconds poll = std::chrono::milliseconds(10)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (std::chrono::steady_clock::now() < end) {
    try {
      if (std::forward<Predicate>(predicate)()) return true;
    } catch (const NoAnswer&) {
    }
    std::this_thread::sleep_for(poll);
  }
  return std::forward<Predicate>(predicate)();
}

/// True when `predicate` holds at every poll for the whole `time`. For facts that must not change;
/// keep `time` short. Whatever it throws ends the wait: of who does not answer, nothing is known.
template <typename Predicate>
[[nodiscard]] bool holds_for(std::chrono::nanoseconds time, Predicate&& predicate,
                             std::chrono::nanoseconds poll = std::chrono::milliseconds(20)) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    if (!std::forward<Predicate>(predicate)()) return false;
    std::this_thread::sleep_for(poll);
  }
  return std::forward<Predicate>(predicate)();
}

}  // namespace rpoguard::test
