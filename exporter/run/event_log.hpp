// An event as a log line.
#pragma once

#include <optional>

#include "exporter/core/tell/event.hpp"
#include "exporter/run/log.hpp"

namespace rpoguard::run {

/// By the row of its kind: level, title, the shard if there is one, and the row's fields. nullopt
/// if the log does not tell of this kind. Pure.
std::optional<LogLine> log_line_of(const core::Event& event);

}  // namespace rpoguard::run
