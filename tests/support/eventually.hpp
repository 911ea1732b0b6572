// Waiting for a condition: the only place of the tests that sleeps.
#pragma once

#include <chrono>
#include <thread>
#include <utility>

namespace rpoguard::test {

/// Calls `predicate` until it is true or `deadline` has passed; says whether it became true. It is
/// called at least once, and once more after the deadline, so a slow machine gets a last chance.
template <typename Predicate>
[[nodiscard]] bool eventually(std::chrono::nanoseconds deadline, Predicate&& predicate,
                              std::chrono::nanoseconds poll = std::chrono::milliseconds(10)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (std::chrono::steady_clock::now() < end) {
    if (std::forward<Predicate>(predicate)()) return true;
    std::this_thread::sleep_for(poll);
  }
  return std::forward<Predicate>(predicate)();
}

/// True when `predicate` holds at every poll for the whole `time`. For facts that must not change;
/// keep `time` short.
template <typename Predicate>
[[nodiscard]] bool holds_for(std::chrono::nanoseconds time, Predicate&& predicate,
                             std::chrono::nanoseconds poll = std::chrono::milliseconds(20)) {
  return !eventually(
      time, [&] { return !std::forward<Predicate>(predicate)(); }, poll);
}

}  // namespace rpoguard::test
