// The gate's answer to one caller, decided at request time from an immutable view: if the probing
// stops, the lease still runs out on time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

/// What a caller may state. Whatever it states fences it: the confirmed writer must be of this
/// epoch, on this timeline and this node, and the shard map of this generation.
struct GateRequest {
  std::optional<Epoch> epoch;
  std::optional<Timeline> timeline{};
  std::optional<std::string> writer{};  ///< a node's name
  std::optional<std::int64_t> generation;
  bool low_priority = false;
};

struct GateDecision {
  bool open = false;  ///< what the caller is told (shadow and off say open)
  /// What enforce would have refused; differs from !open in shadow mode.
  bool would_refuse = false;
  std::optional<Reason> reason;  ///< set whenever would_refuse
  /// How long an open answer may be cached, never beyond lease_limit(); 0 when closed.
  Duration open_for{};
  /// For people: how long the gate stays open if rpoguard goes on judging and nothing new is
  /// proven; 0 when closed.
  Duration stays_open_for{};
  Duration retry_after = std::chrono::seconds(1);  ///< a hint, when closed
  bool waived = false;
};

/// Pure; same input, same answer. `shard` null (not evaluated yet) is a closed gate with reason
/// unproven.
GateDecision check_gate(const ShardSpec& spec, const ShardView* shard, const GateRequest& request,
                        Instant now);

}  // namespace rpoguard::core
