// The list of scenarios: what goes wrong, and what has to be true of the row.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/scenario/world.hpp"

namespace rpoguard::test {

struct Scenario {
  std::string name;
  std::string what;  ///< one line for the table's legend
  WorldOptions options{};
  std::function<void(World&)> run;
  /// Writer and counted copy answer rpoguard all the time: nothing may be unprovable.
  bool both_answer = false;
  /// More than the RPO is really at risk at some time. Absent: only if a commit was under way when
  /// the writer stopped, and nobody can tell beforehand.
  std::optional<bool> breaches = true;
  /// Nothing is ever at risk and nobody is silent: no alarm at all.
  bool quiet = false;
  /// The writer's WAL is not flushed: no commit waits for that at synchronous_commit = off, and
  /// nobody can see that none is set so. The gate has to close (docs/decisions/0003).
  bool unflushed = false;
};

/// Part of them.
std::vector<Scenario> replay_scenarios();
const std::vector<Scenario>& scenarios();

}  // namespace rpoguard::test
