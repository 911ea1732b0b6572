#include "exporter/core/judge/proof.hpp"

#include <utility>
#include <vector>

#include "exporter/base/check.hpp"

namespace rpoguard::core {
namespace {

/// With the default of 200 ms, WAL that no commit waits for is flushed soon.
constexpr Duration kWalWriterDelayMax = std::chrono::seconds(1);

// The writer has nothing on its own disk that is not proven, and does not say yes before that.
bool proves_all_flushed(Lsn proven, const NodeFacts& writer) {
  const bool says_yes_before = writer.synchronous_commit == "off" ||
                               (writer.weakest_commit && writer.weakest_commit->level == "off");
  return writer.flushed_lsn && *writer.flushed_lsn <= proven && !says_yes_before;
}

std::string who_lets_it_wait(const SlowFacts* slow) {
  if (slow == nullptr || slow->wal_writer_delay.value_or(Duration{0}) <= kWalWriterDelayMax)
    return "";
  return "; it flushes what no commit waits for after wal_writer_delay, which is " +
         render_duration(*slow->wal_writer_delay) + " there: set it to 200ms";
}

}  // namespace

Proof prove(const ShardSpec& spec, const Copies& copies, const ArchiveView& archive,
            const std::optional<ConfirmedWriter>& writer, const WalSource& source) {
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
  const auto missing = source.clock.first_beyond(best->position);
  if (missing && !(writer && proves_all_flushed(best->position, writer->facts())))
    proof.oldest_known_missing = missing->first_seen;
  return proof;
}

std::string what_is_not_known(const ShardSpec& spec, const Copies& copies,
                              const std::vector<NodeLineage>& lineages,
                              const std::optional<ConfirmedWriter>& writer, const SlowFacts* slow,
                              const WalSource& source) {
  RPOGUARD_CHECK(copies.size() == spec.nodes.size() && lineages.size() == spec.nodes.size());
  for (std::size_t node = 0; node < spec.nodes.size(); ++node) {
    const bool could_count = spec.nodes[node].durability_target &&
                             spec.nodes[node].region != writer_region(spec, source) &&
                             (!writer || writer->node != node);
    if (could_count && !is_sound(lineages[node].state) && !lineages[node].why.empty())
      return spec.nodes[node].name + " is not counted: " + render_lineage(lineages[node]);
  }
  const auto flushed = writer ? writer->facts().flushed_lsn : std::nullopt;
  if (!flushed || !source.sample || *flushed >= source.sample->bound) return "";
  return "the writer has flushed its WAL up to " + render_lsn(*flushed) + " only, and may have " +
         "acknowledged commits up to " + render_lsn(source.sample->bound) + who_lets_it_wait(slow);
}

std::optional<Instant> last_possible_ack(const std::optional<ConfirmedWriter>& writer,
                                         const WalSource& source) {
  if (!writer || !source.sample) return std::nullopt;
  return source.sample->seen;
}

}  // namespace rpoguard::core
