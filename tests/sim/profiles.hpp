// The kinds of worlds that are simulated, by name.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "tests/sim/world.hpp"

namespace rpoguard::sim {

struct NamedProfile {
  std::string_view name;
  Profile profile;
  std::uint64_t first_seed;
};

inline constexpr std::array kProfiles{
    NamedProfile{"faults", {}, 1'000'000},
    NamedProfile{"idle", {.mostly_idle = true}, 2'000'000},
    NamedProfile{"failovers", {.failovers = true, .length = std::chrono::minutes(20)}, 3'000'000},
    NamedProfile{"timelines",
                 {.failovers = true, .timeline_epochs = true, .length = std::chrono::minutes(20)},
                 4'000'000},
    NamedProfile{"synchronous", {.synchronous = true}, 5'000'000},
    NamedProfile{"synchronous_failovers",
                 {.synchronous = true, .failovers = true, .length = std::chrono::minutes(20)},
                 6'000'000},
    NamedProfile{"archive",
                 {.failovers = true, .archive = true, .length = std::chrono::minutes(20)},
                 7'000'000},
    NamedProfile{"histories",
                 {.failovers = true, .histories = true, .length = std::chrono::minutes(20)},
                 8'000'000},
};

inline const NamedProfile* find_profile(std::string_view name) {
  for (const NamedProfile& each : kProfiles) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

}  // namespace rpoguard::sim
