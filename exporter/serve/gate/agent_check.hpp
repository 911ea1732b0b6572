// HAProxy's agent-check (its configuration manual, "agent-check"): a line in, a line out.
#pragma once

#include "exporter/serve/gate/gate_verdict.hpp"
#include "exporter/serve/http/stream_server.hpp"

namespace rpoguard::serve {

/// The client sends a shard and a line end (`agent-send "184\n"`), if it likes with the gate's
/// query
/// ("184?epoch=7&priority=low"), and gets "up" or "down #REASON": the verdict of /gate/SHARD, and
/// counted with those. Unknown shards and nonsense are down.
///
/// Never says "ready" nor "100%": those would undo what an operator has set in HAProxy (maint,
/// drain, weight), and "down" is undone by "up" alone.
Protocol make_agent_protocol(const GateContext& gate);

/// The limits that go with it. Who names no shard in time is told "down".
StreamOptions agent_stream_options();

}  // namespace rpoguard::serve
