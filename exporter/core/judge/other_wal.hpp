// What a look shows of other WAL than the writer's: of rivals, of whom they feed, of what a copy
// has that the writer has not, and of what it lacks. A part of lineage.hpp.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>

#include "exporter/core/judge/lineage_input.hpp"
#include "exporter/core/judge/node_lineage.hpp"
#include "exporter/core/judge/stamp_mark.hpp"
#include "exporter/core/judge/track.hpp"
#include "exporter/core/judge/writer_run.hpp"

namespace rpoguard::core {

/// Another node that accepts writes, or did when last seen, on a timeline of the same number: what
/// it writes has the positions of the writer's own WAL. REQUIRES: a writer is confirmed.
bool is_rival(const LineageInput& input, std::size_t node);

/// Who is seen to send WAL to the node whose track this is, and accepts writes on its timeline, but
/// for the last writer in its run: by name. Also while nobody is confirmed: of two that write on
/// one timeline, one may have fed a copy that is connected to the other by the time it is
/// confirmed.
std::set<std::string> feeders_of(const LineageInput& input, std::size_t node, const Track& track,
                                 const std::optional<WriterRun>& last);

/// Has another than the writer fed it, on its timeline? REQUIRES: a writer is confirmed.
bool was_fed_by_another(const LineageInput& input, const Track& track);

/// What parts a node from the last writer, whose run it was, while nobody is confirmed; absent:
/// nothing does.
std::optional<NodeLineage> parted(const LineageInput& input, std::size_t node,
                                  const std::optional<WriterRun>& run);

/// What is known of a node beside the confirmed writer. What is found again at each look was found
/// at the first. REQUIRES: a writer is confirmed, the node is another one, and has answered once.
NodeLineage beside_writer(NodeLineage known, const LineageInput& input, std::size_t node,
                          const Track& track, const std::optional<StampMark>& stamp);

/// Does its control file name a checkpoint on the run's timeline that a stop has made, or the end
/// of a crash recovery, and that the run did not begin with? The node has accepted writes itself,
/// or the writer has begun another run.
bool has_own_checkpoint(const NodeFacts& facts, const WriterRun& run);

/// What a node shows that no copy of this run of the writer can: that it has passed the mark of the
/// run and does not hold it, or that it has accepted writes itself. REQUIRES: as beside_writer(),
/// and that the writer is in that run.
NodeLineage unlike_run(NodeLineage known, const LineageInput& input, std::size_t node,
                       const RunMemory& memory, const WriterRun& run);

/// What of it is found again was found at the first.
NodeLineage accuse(NodeLineage known, NodeLineage found);

}  // namespace rpoguard::core
