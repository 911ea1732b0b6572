// What each node said last, and whether that still tells what it is: the first step of an
// evaluation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// What is known of one node. The first part goes on from one evaluation to the next.
struct Reading {
  std::optional<Instant> seen_asked;            ///< of the last observation taken into account
  std::optional<NodeObservation> last_success;  ///< carries facts
  std::optional<Instant> failing_since;
  std::array<std::uint64_t, kProbeFailureCount> failures{};  ///< since start, by ProbeFailure
  std::optional<Instant> in_recovery_at;   ///< it was still in recovery when asked at this moment
  std::optional<Epoch> epoch_in_recovery;  ///< of the stamp that it showed then
  /// It has been seen to accept writes, and not otherwise since; when that was first known.
  std::optional<Instant> accepting_since;
  /// It was seen to commit, abort or prepare since then; when the last of these was first known.
  std::optional<Instant> last_transaction;

  // Judged anew at each evaluation.
  bool answered = false;  ///< `last_success` has come in since the last evaluation
  /// The latest attempt found no way in: refused, or told that no connection is accepted now. It
  /// ends what `last_success` tells of now, so that a stopped writer is missed at once. It says
  /// nothing of what the server acknowledges to others: the way there may refuse while the server
  /// works, and a smart shutdown turns newcomers away and lets everybody else go on.
  bool turned_away = false;
  bool current = false;  ///< `last_success` still tells what it is: recent, and not turned away

  /// Of the last success. REQUIRES: there was one.
  const NodeFacts& facts() const;
};

/// Parallel to ShardSpec::nodes.
using Readings = std::vector<Reading>;

/// Continues the readings with the latest observation of each node; one that was taken before (same
/// `asked`) counts once.
Readings take_observations(Readings readings,
                           const std::vector<std::optional<NodeObservation>>& latest,
                           const ProbeSpec& probe, Instant now);

}  // namespace rpoguard::core
