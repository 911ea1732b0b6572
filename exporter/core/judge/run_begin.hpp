// What the begin of a run of the writer proves of the WAL that each node holds: a part of
// lineage.hpp.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "exporter/core/judge/lineage_input.hpp"
#include "exporter/core/judge/node_lineage.hpp"
#include "exporter/core/judge/track.hpp"
#include "exporter/core/judge/writer_run.hpp"

namespace rpoguard::core {

/// What is known of all nodes, by name, once the writer's run has begun. `run` and `memory`: as
/// follow_run() has found them. `tracks`: parallel to the nodes. REQUIRES: `memory.begun`, so a
/// writer is confirmed, and in that run.
std::map<std::string, NodeLineage> judge_at_begin(std::map<std::string, NodeLineage> known,
                                                  const LineageInput& input,
                                                  const std::vector<Track>& tracks,
                                                  const RunMemory& memory, const WriterRun& run);

}  // namespace rpoguard::core
