// The gate over HTTP: one verdict, two dialects.
#pragma once

#include "exporter/serve/gate/gate_verdict.hpp"
#include "exporter/serve/http/http_message.hpp"

namespace rpoguard::serve {

/// /gate /gate/{shard} /authz/{shard}[/any/suffix]. A query behind a suffix is not the caller's own
/// and is not read. /gate speaks to health checks (200/503), /authz to authorisation hooks
/// (200/403, never a 5xx for a decision).
HttpHandler make_gate_handler(const GateContext& context);

}  // namespace rpoguard::serve
