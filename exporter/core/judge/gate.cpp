#include "exporter/core/judge/gate.hpp"

#include <algorithm>

namespace rpoguard::core {
namespace {

// An "off" gate asks to be asked again soon, so that switching it on takes effect soon.
constexpr Duration kOffOpenFor = std::chrono::seconds(1);

// How long the generation that the witness gave is good; absent: none is known.
std::optional<Instant> generation_until(const ShardSpec& spec, const ShardView& shard) {
  const auto& witness = shard.generation_witness;
  if (!spec.generation_witness || !witness || !witness->number || !witness->as_of)
    return std::nullopt;
  return *witness->as_of + spec.generation_witness->ttl;
}

// Does the caller follow the writer's history, as far as it says? A number can be used twice (by
// two promotions, or after a restore), so each part of the history fences for itself. Higher than
// ours is refused as well: then it is rpoguard that has not seen the latest promotion.
bool follows(const GateRequest& request, const std::optional<WriterView>& writer) {
  if (!request.epoch && !request.timeline && !request.writer) return true;
  if (!writer) return false;
  if (request.epoch && *request.epoch != writer->epoch) return false;
  if (request.timeline && *request.timeline != writer->timeline) return false;
  return !request.writer || *request.writer == writer->node;
}

// Why this caller is refused although the gate is open for others.
std::optional<Reason> fenced(const ShardSpec& spec, const ShardView& shard,
                             const GateRequest& request, Instant now) {
  if (!follows(request, shard.writer)) return Reason::stale_epoch;
  if (!request.generation) return std::nullopt;
  const auto until = generation_until(spec, shard);
  if (!until || now >= *until || shard.generation_witness->number != request.generation)
    return Reason::stale_generation;
  return std::nullopt;
}

Instant deadline_for(const GateView& gate, bool low_priority) {
  if (low_priority && gate.shed_low_priority_from)
    return std::min(gate.open_until, *gate.shed_low_priority_from);
  return gate.open_until;
}

// How long the caller may rely on an open answer.
Duration open_for(const ShardSpec& spec, const ShardView& shard, const GateRequest& request,
                  Instant now) {
  const Instant deadline = deadline_for(shard.gate, request.low_priority);
  const Instant end = std::min(deadline, lease_limit(spec.gate, shard.evaluated));
  const auto good = request.generation ? generation_until(spec, shard) : std::nullopt;
  return (good ? std::min(end, *good) : end) - now;
}

}  // namespace

GateDecision check_gate(const ShardSpec& spec, const ShardView* shard, const GateRequest& request,
                        Instant now) {
  GateDecision decision;
  if (spec.gate.mode == GateMode::off) {
    decision.open = true;
    decision.open_for = std::min(kOffOpenFor, spec.gate.max_lease);
    decision.stays_open_for = kOffOpenFor;
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
    } else if (now >= lease_limit(spec.gate, shard->evaluated)) {
      decision.reason = Reason::unproven;
    } else {
      decision.reason = fenced(spec, *shard, request, now);
      if (!decision.reason) {
        decision.open_for = open_for(spec, *shard, request, now);
        decision.stays_open_for = deadline - now;
      }
    }
  }
  decision.would_refuse = decision.reason.has_value();
  decision.open = !decision.would_refuse || spec.gate.mode == GateMode::shadow;
  return decision;
}

}  // namespace rpoguard::core
