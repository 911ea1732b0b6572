// What changed between two views of a shard, as log lines: one per change, never one per probe.
#pragma once

#include <vector>

#include "exporter/core/view.hpp"
#include "exporter/run/log.hpp"

namespace rpoguard::run {

/// `before` may be null (the first view). Pure.
std::vector<LogLine> changes_between(const core::ShardView* before, const core::ShardView& after);

}  // namespace rpoguard::run
