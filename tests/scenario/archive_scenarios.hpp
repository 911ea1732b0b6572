// The list of archive scenarios: what goes wrong, and what has to be true of the rows.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/scenario/archive_world.hpp"

namespace rpoguard::test {

struct ArchiveScenario {
  std::string name;
  std::string what;  ///< one line for a failure's text
  std::function<void(ArchiveWorld&)> run;
  /// More than archive.max_age is really missing at some time; absent: how long the failover takes
  /// decides.
  std::optional<bool> breaches = true;
  /// No alarm, and nothing unknown.
  bool quiet = false;
  /// The writer is away for a while: nobody can prove that nothing is missing.
  bool silence = false;
  /// rpoguard cannot look at the repository for a while: a look that fails proves nothing.
  bool hidden = false;
  /// The archiver's word is not what the repository holds: source postgres cannot know.
  bool archiver_lies = false;
};

const std::vector<ArchiveScenario>& archive_scenarios();

}  // namespace rpoguard::test
