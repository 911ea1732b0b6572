#include "exporter/core/judge/lease.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace rpoguard::core {
namespace {

constexpr Duration kRetryAfterDefault = std::chrono::seconds(1);
// An estimate further ahead is not worth waiting for.
constexpr Duration kRetryAfterMax = std::chrono::seconds(60);

// The shortest cycle of opening and closing: one transition in each, however fast the cause comes
// and goes.
constexpr int kReopenAftersPerCycle = 2;

// What a waiver takes away.
bool is_of_proof(std::optional<Reason> reason) {
  return reason == Reason::rpo_exceeded || reason == Reason::unproven;
}

// Remembers how long the exposure has been low, and whether that is long enough.
//
// Example: rpo 5 s, reopen_below 2.5 s, reopen_after 5 s.
//   at 10  the lease has run out: the gate closes and must settle.
//   at 12  the exposure is 1 s: low since 12. At 14 it is 3 s: not low any more.
//   at 15  the exposure is 1 s: low since 15.
//   at 20  it has been low for 5 s: settled. The gate may open, if nothing else speaks against it.
LeaseMemory settle(LeaseMemory memory, const ShardSpec& spec, const LeaseInput& input,
                   Instant now) {
  if (input.writer_changed) {
    memory.must_settle = false;
    memory.has_opened = false;
    memory.reopened.reset();
  }
  if (input.waived_until) {
    // The waiver has taken the place of the proof; what the proof says meanwhile closes nothing.
    memory.must_settle = false;
    // Whoever waives the cause of the closing does not wait for it to come and go.
    if (!memory.waived && is_of_proof(memory.closed_for)) memory.reopened.reset();
    return memory;
  }
  // The lease ran out since the last look: the gate was closed then, whether or not anybody looked.
  const bool expired =
      memory.was_open && memory.open_until <= now && memory.when_expired == Reason::rpo_exceeded;
  const bool exceeded = input.kept_until && *input.kept_until <= now;
  if (expired || exceeded) {
    memory.must_settle = true;
    memory.settled_since.reset();  // it was not low while nobody looked
  }
  // An RPO of zero is not judged by an exposure: its proof is there or it is not.
  const bool low = spec.rpo == Duration{0}
                       ? input.kept_until && !exceeded
                       : input.exposure && *input.exposure < spec.gate.reopen_below;
  if (!low) memory.settled_since.reset();
  if (low && !memory.settled_since) memory.settled_since = now;
  if (memory.settled_since && now - *memory.settled_since >= spec.gate.reopen_after)
    memory.must_settle = false;
  return memory;
}

// When a gate that is closed may open again; absent: as soon as nothing speaks against it. What an
// operator closes and opens does not flap.
std::optional<Instant> opens_again(const ShardSpec& spec, const LeaseMemory& memory) {
  if (memory.was_open || !memory.reopened || memory.closed_for == Reason::frozen)
    return std::nullopt;
  return *memory.reopened + kReopenAftersPerCycle * spec.gate.reopen_after;
}

struct Limit {
  Instant until;
  Reason reason;
};

// The earliest of what ends an open gate, and what to say then.
Limit open_limit(const LeaseInput& input) {
  Limit limit = input.waived_until ? Limit{.until = *input.waived_until, .reason = Reason::unproven}
                                   : Limit{.until = input.kept_until.value_or(Instant{}),
                                           .reason = Reason::rpo_exceeded};
  if (input.archive_until && *input.archive_until < limit.until)
    limit = {*input.archive_until, Reason::archive_too_old};
  if (input.confirmed_until && *input.confirmed_until < limit.until)
    limit = {*input.confirmed_until, Reason::stale_epoch};
  if (input.endpoint_until && *input.endpoint_until < limit.until)
    limit = {*input.endpoint_until, Reason::endpoint_misrouted};
  return limit;
}

std::vector<Reason> reasons_to_close(const ShardSpec& spec, const LeaseMemory& memory,
                                     const LeaseInput& input, Instant now) {
  std::vector<Reason> reasons;
  if (input.verdict_reason) reasons.push_back(*input.verdict_reason);
  if (!input.freeze_detail.empty()) reasons.push_back(Reason::frozen);
  if (!input.waived_until) {
    if (!input.kept_until) {
      reasons.push_back(Reason::unproven);
    } else if (*input.kept_until <= now) {
      reasons.push_back(Reason::rpo_exceeded);
    }
  } else if (*input.waived_until <= now) {
    reasons.push_back(Reason::unproven);
  }
  if (spec.archive.max_age && (!input.archive_until || *input.archive_until <= now)) {
    reasons.push_back(Reason::archive_too_old);
  }
  const bool misrouted = input.endpoint_watched && !input.verdict_reason &&
                         (!input.endpoint_until || *input.endpoint_until <= now);
  if (misrouted) reasons.push_back(Reason::endpoint_misrouted);
  const bool settling = !input.waived_until && memory.must_settle;
  const auto opens = opens_again(spec, memory);
  if (reasons.empty() && (settling || (opens && now < *opens)))
    reasons.push_back(Reason::reopening);
  std::ranges::sort(reasons);
  return reasons;
}

std::string detail_of(const LeaseInput& input, Reason shown) {
  if (input.verdict_reason) return input.verdict_detail;
  if (shown == Reason::frozen) return input.freeze_detail;
  if (shown == Reason::archive_too_old && !input.archive_detail.empty())
    return input.archive_detail;
  if (shown == Reason::endpoint_misrouted && !input.endpoint_detail.empty())
    return input.endpoint_detail;
  if (is_of_proof(shown) && !input.proof_detail.empty()) return input.proof_detail;
  return meaning_of(shown);
}

LeaseMemory closed(LeaseMemory memory, Reason reason) {
  memory.was_open = false;
  memory.closed_for = reason;
  ++memory.transitions[{false, reason}];
  return memory;
}

// The lease ran out since the last look: the callers have found the gate closed.
LeaseMemory note_expiry(LeaseMemory memory, Instant now) {
  if (!memory.was_open) return memory;
  const Reason expired = memory.when_expired;
  if (memory.open_until <= now) return closed(std::move(memory), expired);
  if (memory.limit <= now) return closed(std::move(memory), Reason::unproven);
  return memory;
}

LeaseMemory count_transition(LeaseMemory memory, const GateView& gate, Instant now) {
  const bool open = gate.reasons.empty();
  if (open && !memory.was_open) {
    if (memory.closed_for) ++memory.transitions[{true, *memory.closed_for}];
    if (memory.has_opened) memory.reopened = now;
    memory.was_open = memory.has_opened = true;
  } else if (!open && (memory.was_open || !memory.closed_for)) {
    return closed(std::move(memory), gate.reasons.front());
  }
  return memory;
}

// Until the exposure is below reopen_below, if it goes on falling as it does; 0 when it does not
// fall, or nobody knows.
Duration catch_up_time(const ShardSpec& spec, const LeaseInput& input) {
  if (!input.exposure || !input.exposure_growth || *input.exposure_growth >= 0) return {};
  const Duration above = *input.exposure - spec.gate.reopen_below;
  const double seconds = to_seconds(above) / -*input.exposure_growth;
  if (seconds >= to_seconds(kRetryAfterMax)) return kRetryAfterMax;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

std::optional<Duration> retry_hint(const ShardSpec& spec, const LeaseMemory& memory,
                                   const LeaseInput& input, const GateView& gate, Instant now) {
  if (gate.reasons.empty()) return std::nullopt;
  Duration hint = kRetryAfterDefault;
  if (gate.reasons.front() == Reason::rpo_exceeded)
    hint = catch_up_time(spec, input) + spec.gate.reopen_after;
  if (gate.reasons.front() == Reason::reopening) {
    if (memory.must_settle && memory.settled_since)
      hint = std::max(hint, *memory.settled_since + spec.gate.reopen_after - now);
    if (const auto opens = opens_again(spec, memory)) hint = std::max(hint, *opens - now);
  }
  return std::clamp(hint, kRetryAfterDefault, kRetryAfterMax);
}

}  // namespace

RenewedLease renew_lease(LeaseMemory memory, const ShardSpec& spec, const LeaseInput& input,
                         Instant now) {
  memory = settle(std::move(memory), spec, input, now);
  memory = note_expiry(std::move(memory), now);
  GateView gate;
  gate.reasons = reasons_to_close(spec, memory, input, now);
  const Limit limit = open_limit(input);
  if (gate.reasons.empty()) {
    gate.open_until = limit.until;
    gate.waived = input.waived_until.has_value();
    if (!gate.waived) gate.shed_low_priority_from = input.shed_low_priority_from;
  } else {
    gate.detail = detail_of(input, gate.reasons.front());
  }
  gate.when_expired = limit.reason;
  gate.retry_after = retry_hint(spec, memory, input, gate, now);
  memory = count_transition(std::move(memory), gate, now);
  gate.transitions = memory.transitions;
  memory.open_until = gate.open_until;
  memory.when_expired = gate.when_expired;
  memory.limit = lease_limit(spec.gate, now);
  memory.waived = input.waived_until.has_value();
  return {.memory = std::move(memory), .gate = std::move(gate)};
}

}  // namespace rpoguard::core
