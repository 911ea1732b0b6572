#include "exporter/core/judge/proof.hpp"

#include <utility>
#include <vector>

#include "exporter/base/check.hpp"

namespace rpoguard::core {

Proof prove(const ShardSpec& spec, const Copies& copies, const ArchiveView& archive,
            const WalSource& source) {
  RPOGUARD_CHECK(copies.size() == spec.nodes.size());
  std::vector<CopyProof> proofs;
  for (const Copy& copy : copies) {
    if (!copy.counted) continue;
    if (const auto proof = proof_of(copy, spec.durability, source)) proofs.push_back(*proof);
  }
  if (archive.counted && archive.recovery_point && archive.frontier)
    proofs.push_back({.position = *archive.frontier, .proven_until = *archive.recovery_point});
  const auto best = kth_best(std::move(proofs), spec.copies);
  if (!best) return {};
  Proof proof{.recovery_point = best->proven_until,
              .bootstrapped = best->bootstrapped,
              .oldest_known_missing = std::nullopt};
  if (const auto missing = source.clock.first_beyond(best->position))
    proof.oldest_known_missing = missing->first_seen;
  return proof;
}

std::optional<Instant> last_possible_ack(const std::optional<ConfirmedWriter>& writer,
                                         const WalSource& source) {
  if (!writer || !source.sample) return std::nullopt;
  return source.sample->seen;
}

}  // namespace rpoguard::core
