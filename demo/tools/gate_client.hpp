// How a gateway asks rpoguard's gate, and what it may conclude.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "demo/tools/net.hpp"

#include "exporter/core/model/units.hpp"

namespace rpoguard::demo {

/// One answer of the gate.
struct GateAnswer {
  bool open = false;
  /// Until when an open answer may be relied on: counted from before the question was sent, so that
  /// a slow answer is a short lease.
  core::Instant until{};
  std::optional<std::int64_t> epoch;
  std::string writer;  ///< the node to write to; empty if there is none
  std::string reason;  ///< why it is closed
  core::Duration retry_after{};
};

struct GateQuestion {
  Address gate;
  std::string shard;
  std::optional<std::int64_t> epoch;  ///< the epoch the caller routes by; a stale one is refused
  core::Duration timeout{};
};

/// Asks once. nullopt: no answer, or one that cannot be understood. Both mean: do not write.
/// Thread-safe.
std::optional<GateAnswer> ask_gate(const GateQuestion& question);

}  // namespace rpoguard::demo
