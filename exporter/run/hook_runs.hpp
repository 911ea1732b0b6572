// The hooks that need the parts of observe/: programs, and SQL on the writer.
#pragma once

#include <chrono>
#include <memory>

#include "exporter/core/model/clock.hpp"
#include "exporter/notify/attempt.hpp"
#include "exporter/serve/view_store.hpp"

namespace rpoguard::run {

/// How often a delivery under way looks whether rpoguard is stopping.
inline constexpr std::chrono::milliseconds kLookForStop{50};
/// How long an event waits for its shard to have a confirmed writer that SQL may run on: a failover
/// that is under way may end so long after it.
inline constexpr std::chrono::seconds kWriterPatience{30};

/// Runs HookSpec::command without a shell, in a process group of its own that is killed at the
/// deadline: the event's JSON on standard input, of the environment only PATH, HOME, LANG=C and
/// RPOGUARD_EVENT, _SHARD, _NODE, _FROM, _TO and _REASON. Delivered: it ends with 0.
notify::Deliver run_command_hook();

/// Runs HookSpec::sql, one statement after the other, on the shard's confirmed writer as the latest
/// view has it. Each statement reads the event as current_setting('rpoguard.event'). Refuses when
/// there is no confirmed writer or the view is old, and when the server is in recovery or on
/// another timeline than the writer was confirmed on; while the event is younger than
/// kWriterPatience that is worth another try. It cannot see a promotion that no node has
/// shown yet.
notify::Deliver run_sql_hook(std::shared_ptr<const core::Clock> clock,
                             std::shared_ptr<const serve::ViewStore> views);

}  // namespace rpoguard::run
