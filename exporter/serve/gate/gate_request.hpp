// What a caller of the gate states about itself.
#pragma once

#include "exporter/base/result.hpp"
#include "exporter/core/judge/gate.hpp"
#include "exporter/serve/http/http_message.hpp"

namespace rpoguard::serve {

/// Reads epoch, timeline, writer, generation and priority from the query and from the headers
/// Rpoguard-Epoch, -Timeline, -Writer, -Generation and -Priority. Strict: a malformed value, one
/// that is given twice in the query, a header that came twice (`repeated`) or contradicts the
/// query, and what only looks like one of them ("EPOCH=7", "epochs=7", "amp;epoch=7",
/// "x=1;epoch=7", Rpoguard_Epoch) are errors, since ignoring one would let a fenced caller in.
/// epoch and generation: decimal, not negative. timeline: decimal, of 32 bits, not 0. writer: a
/// node's name. priority: low, normal or high.
base::Result<core::GateRequest> parse_gate_request(const HttpQuery& query,
                                                   const HttpHeaders& headers,
                                                   const HttpNames& repeated = {});

}  // namespace rpoguard::serve
