#include "exporter/serve/gate/gate_verdict.hpp"

#include <algorithm>

namespace rpoguard::serve {
namespace {

constexpr std::string_view kClosedCode = "writer_unavailable";
constexpr std::string_view kShuttingDown = "shutting_down";
constexpr core::Duration kShutdownRetryAfter = std::chrono::seconds(1);
constexpr core::Duration kStartRetryAfter = std::chrono::seconds(1);

}  // namespace

GateMoment gate_moment(const GateContext& context) {
  return {
      .view = context.views.current(), .now = context.clock.now(), .stopping = context.stopping};
}

GateVerdict refusal(std::string_view shard, std::string_view reason) {
  return {.shard = shard, .code = reason, .reason = reason, .retryable = false};
}

GateVerdict not_yet_known(std::string_view shard) {
  return {.shard = shard,
          .retry_after = kStartRetryAfter,
          .code = kClosedCode,
          .reason = name_of(core::Reason::unproven)};
}

GateVerdict verdict_on(const GateMoment& moment, std::size_t index,
                       const core::GateRequest& caller) {
  const core::ShardSpec& spec = moment.view->spec->shards[index];
  GateVerdict verdict{.shard = spec.id,
                      .spec = &spec,
                      .view = moment.view->shards[index].get(),
                      .code = kClosedCode};
  if (moment.stopping) {
    verdict.reason = kShuttingDown;
    verdict.retry_after = kShutdownRetryAfter;
    return verdict;
  }
  const core::GateDecision decision = core::check_gate(spec, verdict.view, caller, moment.now);
  verdict.open = decision.open;
  verdict.open_for = decision.open ? decision.open_for : core::Duration{0};
  verdict.retry_after = decision.retry_after;
  verdict.shadow_denial = decision.open && decision.would_refuse;
  verdict.waived = decision.waived;
  if (decision.reason) verdict.reason = name_of(*decision.reason);
  return verdict;
}

GateVerdict verdict_on(const GateMoment& moment, std::string_view id,
                       const core::GateRequest& caller) {
  if (!moment.view) return not_yet_known(id);
  const auto shard = find_shard(*moment.view->spec, id);
  return shard ? verdict_on(moment, *shard, caller) : refusal(id, kUnknownShard);
}

void count(GateCounters& counters, const GateVerdict& verdict) {
  if (verdict.spec == nullptr || verdict.spec->gate.mode == core::GateMode::off) return;
  counters.count(verdict.spec->id, verdict.open, verdict.shadow_denial);
}

}  // namespace rpoguard::serve
