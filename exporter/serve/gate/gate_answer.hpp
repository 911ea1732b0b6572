// How a verdict of the gate is written over HTTP: the same headers and JSON in every dialect.
#pragma once

#include <cstdint>
#include <string>

#include "exporter/serve/gate/gate_verdict.hpp"
#include "exporter/serve/http/http_message.hpp"

namespace rpoguard::serve {

/// Headers Rpoguard-Gate, -Open-For-Ms, -Epoch, -Timeline and -Writer (where known), -Rpo (under a
/// waiver), and when closed -Reason and, if retryable, Retry-After.
void add_gate_headers(HttpResponse& response, const GateVerdict& verdict);

/// Appends the JSON object. Unknown values are null.
void append_gate_json(std::string& out, const GateVerdict& verdict, core::Instant now);

/// Whole milliseconds, rounded down: a caller must never cache for longer than it may.
std::int64_t whole_ms(core::Duration duration);

}  // namespace rpoguard::serve
