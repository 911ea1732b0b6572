// A failing world made small enough for a person to read.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/world.hpp"

namespace rpoguard::sim {

/// Makes the world of a seed with some of its faults left out.
using WorldMaker = std::function<std::unique_ptr<World>(Replay)>;

struct Shrunk {
  std::string broken;            ///< the invariant that still breaks
  std::set<std::size_t> faults;  ///< those that are left, by number
  std::size_t of = 0;            ///< how many there were
  std::string trace;
};

/// Leaves out faults, in halves first and at last one by one, as long as the same invariant still
/// breaks (its message is the same up to the first digit). Bounded: at most a few hundred runs.
/// REQUIRES: the world breaks with all of its faults.
Shrunk shrink(const WorldMaker& make, const std::string& broken);

}  // namespace rpoguard::sim
