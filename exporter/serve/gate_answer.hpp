// One verdict of the gate, and how it is written: the same headers and JSON in every dialect.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/core/gate.hpp"
#include "exporter/serve/http_server.hpp"

namespace rpoguard::serve {

/// Refers to the shard's id and view: must not outlive them.
struct GateAnswer {
  std::string_view shard;
  const core::ShardSpec* spec = nullptr;  ///< null: no such shard, or none known yet
  const core::ShardView* view = nullptr;  ///< null: not evaluated yet
  bool open = false;
  bool shadow_denial = false;  ///< open, but enforcing would have refused
  core::Duration open_for{};
  core::Duration retry_after{};
  bool waived = false;
  std::string_view code;    ///< when closed: what a gateway tells its own callers
  std::string_view reason;  ///< when closed
  bool retryable = true;
};

/// Headers Rpoguard-Gate, -Open-For-Ms, -Epoch and -Writer (where known), -Rpo (under a waiver),
/// and when closed -Reason and, if retryable, Retry-After.
void add_gate_headers(HttpResponse& response, const GateAnswer& answer);

/// Appends the JSON object. Unknown values are null.
void append_gate_json(std::string& out, const GateAnswer& answer, core::Instant now);

/// Whole milliseconds, rounded down: a caller must never cache for longer than it may.
std::int64_t whole_ms(core::Duration duration);

}  // namespace rpoguard::serve
