// Contradictions in where a shard's facts come from: epochs, witnesses, the archive, the writer
// endpoint.
#pragma once

#include "exporter/config/report.hpp"
#include "exporter/config/resolver.hpp"

namespace rpoguard::config {

/// Reports those of one shard.
void check_sources(const KeyResolver& resolver, ShardAt at, Report& report);

}  // namespace rpoguard::config
