#include "exporter/core/gate.hpp"

#include <algorithm>

namespace rpoguard::core {
namespace {

// An "off" gate asks to be asked again soon, so that switching it on takes effect soon.
constexpr Duration kOffOpenFor = std::chrono::seconds(1);

// Why this caller is refused although the gate is open for others.
std::optional<Reason> fenced(const ShardView& shard, const GateRequest& request) {
  // Higher than ours is refused as well: then it is rpoguard that has not seen the latest
  // promotion.
  if (request.epoch && (!shard.writer || shard.writer->epoch != *request.epoch))
    return Reason::stale_epoch;
  // No witness of the generation is configured: it cannot be confirmed.
  if (request.generation) return Reason::stale_generation;
  return std::nullopt;
}

Instant deadline_for(const GateView& gate, bool low_priority) {
  if (low_priority && gate.shed_low_priority_from)
    return std::min(gate.open_until, *gate.shed_low_priority_from);
  return gate.open_until;
}

}  // namespace

GateDecision decide(const ShardSpec& spec, const ShardView* shard, const GateRequest& request,
                    Instant now) {
  GateDecision decision;
  if (spec.gate.mode == GateMode::off) {
    decision.open = true;
    decision.open_for = kOffOpenFor;
    return decision;
  }
  if (shard == nullptr) {
    decision.reason = Reason::unproven;
  } else {
    const GateView& gate = shard->gate;
    const Instant deadline = deadline_for(gate, request.low_priority);
    decision.waived = gate.waived;
    if (gate.retry_after) decision.retry_after = *gate.retry_after;
    if (!gate.reasons.empty()) {
      decision.reason = gate.reasons.front();
    } else if (now >= deadline) {
      decision.reason = gate.when_expired;
    } else {
      decision.reason = fenced(*shard, request);
      if (!decision.reason) decision.open_for = deadline - now;
    }
  }
  decision.would_refuse = decision.reason.has_value();
  decision.open = !decision.would_refuse || spec.gate.mode == GateMode::shadow;
  return decision;
}

}  // namespace rpoguard::core
