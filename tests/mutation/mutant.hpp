// A deliberate mistake in exporter/core/judge.
#pragma once

#include <cstdint>
#include <ostream>

namespace rpoguard::test {

struct Mutant {
  const char* name;
  const char* file;      ///< in exporter/core/judge
  const char* original;  ///< stands there exactly once
  const char* changed;
  const char* breaks;  ///< what is lost
  /// The kind of world that shows it (tests/sim/profiles.hpp). Empty: no simulated world does, the
  /// unit tests of core do.
  const char* profile;
  int hours;  ///< simulated at most
  std::uint64_t seed = 9'000'000;

  constexpr bool by_unit_tests() const { return *profile == '\0'; }
};

inline std::ostream& operator<<(std::ostream& out, const Mutant& mutant) {
  return out << mutant.name;
}

}  // namespace rpoguard::test
