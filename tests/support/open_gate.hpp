// A shard whose gate is open: where most tests of the whole program begin, and often end.
#pragma once

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {

/// Whether the gate of the shard is open within `deadline`. If not, it shows the program's log.
[[nodiscard]] inline testing::AssertionResult opens(
    const Rpoguard& rpoguard, std::chrono::nanoseconds deadline = std::chrono::seconds(20),
    const std::string& shard = "184") {
  std::string why;
  try {
    if (eventually(deadline, [&] { return rpoguard.gate_open(shard); }))
      return testing::AssertionSuccess();
    why = rpoguard.gate_reason(shard);
  } catch (const NoAnswer& error) {
    why = error.what();
  }
  return testing::AssertionFailure() << "the gate of " << shard << " does not open; " << why << "\n"
                                     << rpoguard.log();
}

/// The same of a program that has just been started. Throws when it does not serve at all.
[[nodiscard]] inline testing::AssertionResult starts_open(
    Rpoguard& rpoguard, std::chrono::nanoseconds deadline = std::chrono::seconds(20),
    const std::string& shard = "184") {
  rpoguard.wait_until_serving();
  return opens(rpoguard, deadline, shard);
}

}  // namespace rpoguard::test
