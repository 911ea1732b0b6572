#include "exporter/serve/gate/agent_check.hpp"

#include <string>

#include "exporter/serve/gate/gate_request.hpp"
#include "exporter/serve/http/http_target.hpp"

namespace rpoguard::serve {
namespace {

constexpr std::size_t kLineBytesMax = 512;

std::string down(std::string_view reason) {
  return "down #" + std::string(reason) + "\n";
}

std::string answer(const GateContext& gate, std::string_view line) {
  const HttpTarget target = parse_target(line);
  if (target.path.empty() || target.path_cut) return down(kUnknownShard);
  const auto caller = parse_gate_request(target.query, {});
  if (!caller) return down(kBadRequest);
  const GateMoment moment = gate_moment(gate);
  const GateVerdict verdict = verdict_on(moment, target.path, caller.value());
  count(gate.counters, verdict);
  return verdict.open ? "up\n" : down(verdict.reason);
}

}  // namespace

Protocol make_agent_protocol(const GateContext& gate) {
  return [gate](std::string_view received, const Client&) -> Exchange {
    const std::size_t end = received.find_first_of("\r\n");
    if (end == std::string_view::npos) return {};
    return {.consumed = received.size(),
            .answer = answer(gate, received.substr(0, end)),
            .close = true};
  };
}

StreamOptions agent_stream_options() {
  StreamOptions options;
  // HAProxy itself waits for agent-inter, 2 s unless configured.
  options.idle_timeout = options.request_timeout = std::chrono::seconds(1);
  options.request_bytes_max = kLineBytesMax;
  options.too_silent = options.too_slow = options.too_large = down(kUnknownShard);
  return options;
}

}  // namespace rpoguard::serve
