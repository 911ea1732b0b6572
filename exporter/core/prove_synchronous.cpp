// RPO 0: what the writer waits for. A step of an evaluation.
#include <algorithm>

#include "exporter/core/evaluator.hpp"

namespace rpoguard::core {

// RPO 0: the promise is kept as long as the writer waits for a counted copy with each commit, and
// the copy has what was acknowledged before the waiting began.
void Evaluator::prove_synchronous() {
  const NodeFacts* writer = writer_facts();
  if (writer == nullptr) {
    memory_.synchronous_since.reset();
    return;
  }
  const std::string& level = writer->synchronous_commit;
  const bool waits =
      level == "remote_apply" || (level == "on" && spec_->durability == Durability::flush);
  const Instant asked = writer_observation()->asked;
  const Instant since = memory_.synchronous_since.value_or(asked);
  int waited_for = 0;
  int caught_up = 0;
  for (std::size_t node = 0; node < spec_->nodes.size(); ++node) {
    const ReplicationRow* row = row_of(*writer, spec_->nodes[node].application_name);
    if (row == nullptr || !counted(node) || row->state != "streaming") continue;
    if (row->sync_state != "sync" && row->sync_state != "quorum") continue;
    ++waited_for;
    if (!memory_.nodes[node].row_trusted) continue;  // the name may be a stranger's
    // A copy is called synchronous as soon as the setting says so, however far behind it is. And a
    // setting that was changed and changed back between two looks must not go unnoticed for long.
    const auto position = spec_->durability == Durability::flush ? row->flush_lsn : row->replay_lsn;
    const auto proven = position ? memory_.wal_clock.proven_until(*position) : std::nullopt;
    if (proven && *proven >= std::max(since, asked - spec_->proof_ttl)) ++caught_up;
  }
  const bool required =
      waits && !writer->synchronous_standby_names.empty() && waited_for >= spec_->copies;
  memory_.synchronous_since = required ? std::optional(since) : std::nullopt;
  if (required && caught_up >= spec_->copies) {
    memory_.kept_until = asked + spec_->proof_ttl;
  } else if (!required || memory_.kept_until) {
    memory_.kept_until = asked;
  }  // else: it has only begun to wait, and nothing is proven yet
}

}  // namespace rpoguard::core
