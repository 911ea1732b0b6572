// What the copies prove: the middle steps of an evaluation.
#include <algorithm>
#include <utility>

#include "exporter/core/evaluator.hpp"

namespace rpoguard::core {

// Where each copy is, by the latest reading: its own, or the writer's while the copy itself does
// not answer.
void Evaluator::locate_copies() {
  for (std::size_t node = 0; node < spec_->nodes.size(); ++node) {
    NodeMemory& memory = memory_.nodes[node];
    const bool answered =
        fresh_[node] && std::holds_alternative<NodeFacts>(observations_.nodes[node]->outcome);
    if (answered && memory_.source) {
      memory.position =
          own_position(facts_of(*memory.last_success), memory_.source->system_identifier);
      memory.position_as_of = memory.last_success->asked;
    }
    const NodeFacts* writer = writer_facts();
    if (writer == nullptr) {
      memory.row_trusted = false;  // who connects meanwhile under that name is not seen
      memory.disagreement_bytes.reset();
    } else if (node != *verdict_.writer) {
      locate_by_row(node, row_of(*writer, spec_->nodes[node].application_name));
    }
  }
}

void Evaluator::locate_by_row(std::size_t node, const ReplicationRow* row) {
  const auto reported = row == nullptr ? std::nullopt : reported_position(*row, source_place());
  NodeMemory& memory = memory_.nodes[node];
  // The next row under that name may be a stranger's, and so may the next connection's.
  if (!reported || row->pid != memory.row_pid) memory.row_trusted = false;
  memory.row_pid = row == nullptr ? std::nullopt : row->pid;
  if (!reported || !current(node)) memory.disagreement_bytes.reset();
  if (!reported) return;
  const NodeObservation& writer = *writer_observation();
  const bool comparable = memory.last_success && memory.last_success->asked >= writer.answered;
  if (current(node)) {
    // Asked later, the copy must have at least what the writer was told, and on the same timeline.
    // If it has less, the row is another's.
    if (comparable && memory.position) {
      memory.disagreement_bytes =
          std::max<std::int64_t>(0, bytes_between(memory.position->flushed, reported->flushed));
    }
    if (comparable) {
      memory.row_trusted = memory.position && memory.position->timeline == reported->timeline &&
                           memory.position->flushed >= reported->flushed;
    }
    return;
  }
  // A row that stands still may be a dead connection's last word: only one that moves on says
  // something new.
  const bool advanced = !memory.position || memory.position->timeline != reported->timeline ||
                        reported->flushed > memory.position->flushed;
  if (!memory.row_trusted || !advanced) return;
  memory.position = reported;
  memory.position_as_of = writer.asked;
}

// May this node's proof count? Only outside the writer's region, where the policy allows it, and as
// a standby.
bool Evaluator::counted(std::size_t node) const {
  const NodeSpec& spec = spec_->nodes[node];
  const std::string& writer_region = memory_.writer ? memory_.writer->region : spec_->home_region;
  const NodeState state = verdict_.states[node];
  return spec.durability_target && spec.region != writer_region &&
         region_allowed(*spec_, spec.region) &&
         (state == NodeState::standby || state == NodeState::unreachable);
}

// Where the copy is and what that proves, by its last reading.
std::optional<CopyProof> Evaluator::proof_of(const NodeMemory& copy, Durability durability) const {
  const auto position = copy.position ? durable_part(*copy.position, durability) : std::nullopt;
  if (!position || !memory_.source || !shared_up_to(*copy.position, source_place(), *position))
    return std::nullopt;
  auto until = memory_.wal_clock.proven_until(*position);
  const bool bootstrapped = !until;
  if (bootstrapped) until = bootstrap_until(copy);
  if (!until) return std::nullopt;
  // An idle writer's bound stands still while its clock goes on: an old reading must not go on with
  // it.
  return CopyProof{*position, std::min(*until, copy.position_as_of), bootstrapped};
}

void Evaluator::prove() {
  std::vector<CopyProof> proofs;
  for (std::size_t node = 0; node < spec_->nodes.size(); ++node) {
    if (!counted(node)) continue;
    if (const auto proof = proof_of(memory_.nodes[node], spec_->durability))
      proofs.push_back(*proof);
  }
  const ArchiveView& archive = view_.archive;
  if (archive.counted && archive.recovery_point && archive.frontier)
    proofs.push_back({*archive.frontier, *archive.recovery_point});
  const auto proof = kth_best(std::move(proofs), spec_->copies);
  if (proof) {
    view_.recovery_point = proof->proven_until;
    view_.bootstrapped = proof->bootstrapped;
    const auto missing = memory_.wal_clock.first_beyond(proof->position);
    if (missing) view_.oldest_known_missing = missing->first_seen;
  }
  if (writer_facts() != nullptr && memory_.sample) {
    view_.last_possible_ack = memory_.sample->seen;
  } else if (memory_.source) {
    // A writer that was seen down acknowledges nothing since; one that is merely silent may.
    for (std::size_t node = 0; node < spec_->nodes.size(); ++node) {
      if (spec_->nodes[node].name == memory_.source->node && down(node))
        view_.last_possible_ack = memory_.nodes[node].failing_since;
    }
  }
}

}  // namespace rpoguard::core
