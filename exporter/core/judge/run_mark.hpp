// The mark of the writer's run, on a copy: what it answers of what is held against that copy. A
// part of lineage.hpp.
#pragma once

#include <cstddef>
#include <string>

#include "exporter/core/judge/lineage_input.hpp"
#include "exporter/core/judge/node_lineage.hpp"
#include "exporter/core/judge/track.hpp"
#include "exporter/core/judge/writer_run.hpp"

namespace rpoguard::core {

/// Why a node counts again of which `known` is held against: it holds the mark of the writer's run
/// `run`. Empty: it does not, or nothing is held against it. REQUIRES: a writer is confirmed, in
/// that run, and the node has answered once.
std::string readmitted_by_mark(const NodeLineage& known, const LineageInput& input,
                               std::size_t node, const Track& track, const WriterRun& run);

/// What is still known of the node then. What was seen before it showed the mark was seen of WAL
/// that it may not have any more.
Track seen_with_mark(const Track& track, const Reading& reading, const WriterRun& run);

}  // namespace rpoguard::core
