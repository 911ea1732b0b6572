// What happened between two views of a shard.
#pragma once

#include <vector>

#include "exporter/core/model/view.hpp"
#include "exporter/core/tell/event.hpp"

namespace rpoguard::core {

/// Pure. One event per change, never one per look. In the order of a reading: what happened to
/// nodes, the writer and what stands around them, then what the gate made of it. `before` may be
/// null (the first view since the start): then `from` is "unknown" for the gate, and only what is
/// wrong counts as having happened. What is unknown is not news.
std::vector<Event> events_between(const ShardView* before, const ShardView& after);

}  // namespace rpoguard::core
