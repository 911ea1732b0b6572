// Contradictions in how servers are reached.
#pragma once

#include "exporter/config/report.hpp"
#include "exporter/config/resolver.hpp"

namespace rpoguard::config {

/// Reports those of the nodes and of the writer endpoint of one shard.
void check_connections(const KeyResolver& resolver, ShardAt at, Report& report);

}  // namespace rpoguard::config
