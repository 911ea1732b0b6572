// Runs simulated worlds of one kind until one breaks or the hours are full, at least one:
// mutation_runner PROFILE HOURS SEED. Exit code 1: an invariant broke; 0: none did.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "tests/sim/profiles.hpp"
#include "tests/sim/world.hpp"

int main(int argc, char** argv) {
  using namespace rpoguard;
  const auto* profile = argc == 4 ? sim::find_profile(argv[1]) : nullptr;
  if (profile == nullptr) {
    std::fputs("usage: mutation_runner PROFILE HOURS SEED\n", stderr);
    return 2;
  }
  const core::Duration enough = std::chrono::hours(std::atol(argv[2]));
  core::Duration simulated{};
  auto seed = static_cast<std::uint64_t>(std::atoll(argv[3]));
  do {
    sim::World world(seed, profile->profile);
    if (const auto broken = world.run()) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), broken->c_str());
      return 1;
    }
    simulated += world.tally().simulated;
    ++seed;
  } while (simulated < enough);
  std::puts("nothing broke");
  return 0;
}
