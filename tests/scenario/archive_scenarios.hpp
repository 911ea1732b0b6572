// The list of archive scenarios: what goes wrong, and what has to be true of the rows.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/scenario/archive_world.hpp"

namespace rpoguard::test {

struct ArchiveScenario {
  std::string name;
  std::string what;  ///< one line for a failure's text
  std::function<void(ArchiveWorld&)> run;
  /// More than archive.max_age is really missing at some time.
  bool breaches = true;
  /// No alarm, nothing unknown, the gate open all the time.
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
