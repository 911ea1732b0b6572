#include "exporter/core/judge/promise.hpp"

#include <cstdint>
#include <utility>

#include "exporter/core/judge/synchronous.hpp"

namespace rpoguard::core {
namespace {

// What the writer waited for at its last look stays kept for proof_ttl; without a writer nothing
// new is known.
Promise keep_synchronous(Promise promise, const ShardSpec& spec, const Copies& copies,
                         const std::optional<ConfirmedWriter>& writer, const WalSource& source) {
  const bool was_downgraded = std::exchange(promise.synchronous, {}).downgraded;
  promise.synchronous.promised = true;
  if (!writer) {
    promise.synchronous_since.reset();
    return promise;
  }
  const Instant asked = writer->asked();
  const Instant since = promise.synchronous_since.value_or(asked);
  SynchronousLook look = look_at_waiting(spec, copies, *writer, source.clock, since);
  const bool waits = look.problem.empty();
  promise.synchronous.unknown = look.unknown;
  promise.synchronous.downgraded = look.unknown ? was_downgraded : !waits;
  promise.synchronous.problem = std::move(look.problem);
  promise.synchronous_since = waits ? std::optional(since) : std::nullopt;
  if (waits && look.caught_up >= spec.copies) {
    promise.kept_until = asked + spec.proof_ttl;
  } else if ((!waits && !look.unknown) || promise.kept_until) {
    promise.kept_until = asked;
  }  // else: it has only begun to wait, or nobody has told for whom, and nothing is proven yet
  return promise;
}

}  // namespace

Promise keep_promise(Promise before, const ShardSpec& spec, const Proof& proof,
                     const Copies& copies, const std::optional<ConfirmedWriter>& writer,
                     const WalSource& source) {
  Promise promise;
  if (!source.changed) promise = std::move(before);
  if (spec.rpo == Duration{0})
    return keep_synchronous(std::move(promise), spec, copies, writer, source);
  promise.synchronous = {};
  promise.kept_until.reset();
  if (proof.recovery_point) promise.kept_until = *proof.recovery_point + spec.rpo;
  return promise;
}

bool proven_for_this_writer(const ShardSpec& spec, const Proof& proof, const Promise& promise,
                            const WalSource& source, Instant now) {
  if (spec.rpo == Duration{0}) return promise.kept_until && *promise.kept_until > now;
  return proof.recovery_point && source.writer_since &&
         *proof.recovery_point >= *source.writer_since &&
         now - *proof.recovery_point <= spec.gate.reopen_below;
}

std::optional<Instant> shed_low_priority_from(const ShardSpec& spec, const Proof& proof) {
  if (!proof.recovery_point || spec.rpo <= Duration{0}) return std::nullopt;
  const auto share = static_cast<double>(spec.rpo.count()) * spec.gate.shed_low_priority_at;
  return *proof.recovery_point + Duration(static_cast<std::int64_t>(share));
}

}  // namespace rpoguard::core
