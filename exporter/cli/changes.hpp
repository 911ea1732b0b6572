// What changed between two views of a shard, as log lines: one per change, never one per probe.
#pragma once

#include <vector>

#include "exporter/cli/log.hpp"
#include "exporter/core/view.hpp"

namespace rpoguard::cli {

/// `before` may be null (the first view). Pure.
std::vector<LogLine> changes_between(const core::ShardView* before, const core::ShardView& after);

}  // namespace rpoguard::cli
