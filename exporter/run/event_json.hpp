// An event as everybody outside gets to see it: the journal, webhooks, commands, SQL.
#pragma once

#include <string>

#include "exporter/core/tell/event.hpp"

namespace rpoguard::run {

/// {"id","type":"rpoguard.gate_closed","timestamp","data":{"kind","shard","node","from","to",
/// "reason","text"}} on one line; a field that is empty is null. Well-formed UTF-8 whatever the
/// event holds.
std::string render_event(const core::RecordedEvent& recorded);

}  // namespace rpoguard::run
