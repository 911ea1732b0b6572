// What a caller of the gate states about itself.
#pragma once

#include "exporter/base/result.hpp"
#include "exporter/core/judge/gate.hpp"
#include "exporter/serve/http/http_message.hpp"

namespace rpoguard::serve {

/// Reads epoch, generation and priority from the query and from the headers Rpoguard-Epoch,
/// Rpoguard-Generation and Rpoguard-Priority. Strict: a malformed value, one that is given twice in
/// the query, and a header that contradicts the query are errors, since ignoring one would let a
/// fenced caller in. epoch and generation: decimal, not negative. priority: low, normal or high.
base::Result<core::GateRequest> parse_gate_request(const HttpQuery& query,
                                                   const HttpHeaders& headers);

}  // namespace rpoguard::serve
