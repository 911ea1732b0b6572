// The nodes as people and dashboards see them: the last step of an evaluation. Decides nothing.
#pragma once

#include <vector>

#include "exporter/core/judge/copies.hpp"
#include "exporter/core/judge/lineage.hpp"
#include "exporter/core/judge/readings.hpp"
#include "exporter/core/judge/servers.hpp"
#include "exporter/core/judge/wal_source.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

/// One view per node, in the order of the spec. REQUIRES: observations, readings and copies are
/// parallel to the spec's nodes; `source` has followed the verdict's writer.
std::vector<NodeView> describe_nodes(const ShardSpec& spec, const ShardObservations& observations,
                                     const Readings& readings, const Servers& servers,
                                     const Copies& copies, const WriterVerdict& verdict,
                                     const LineageVerdict& lineage, const WalSource& source);

}  // namespace rpoguard::core
