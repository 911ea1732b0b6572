// The only source of chance in the simulation: the same seed gives the same world on every machine.
#pragma once

#include <cstdint>

#include "exporter/core/model/units.hpp"

namespace rpoguard::sim {

/// SplitMix64. Not thread-safe.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  /// A stream of its own: what others draw does not change it.
  Random(std::uint64_t seed, std::uint64_t stream)
      : state_(Random(seed).next() ^ Random(~stream).next()) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }
  /// 0 .. count - 1; count > 0.
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(next() % count); }
  /// True once in `n` on average.
  bool one_in(std::size_t n) { return below(n) == 0; }
  /// Uniform in [low, high].
  core::Duration between(core::Duration low, core::Duration high) {
    const auto span = static_cast<std::uint64_t>((high - low).count()) + 1;
    return low + core::Duration(static_cast<std::int64_t>(next() % span));
  }

 private:
  std::uint64_t state_;
};

}  // namespace rpoguard::sim
