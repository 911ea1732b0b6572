// evaluate(spec, memory, observations, probe, now, wall) -> {view, memory'}: the whole judgement of
// one shard, pure.
#pragma once

#include <memory>

#include "exporter/core/judge/memory.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

struct Evaluation {
  ShardView view;
  ShardMemory memory;
};

/// Pure: the same input gives the same output. Call it whenever an observation arrives and at least
/// once per probe interval; an observation already taken into account (same `asked`) is not counted
/// twice. `wall` is used only to give waivers and freezes an expiry that survives restarts.
/// REQUIRES: observations.nodes.size() == spec->nodes.size(); `now` never runs backwards.
Evaluation evaluate(std::shared_ptr<const ShardSpec> spec, ShardMemory memory,
                    const ShardObservations& observations, const ProbeSpec& probe, Instant now,
                    WallTime wall);

}  // namespace rpoguard::core
