// What the commits that the copies have replayed prove: a step of an evaluation.
#include "exporter/core/evaluator.hpp"

namespace rpoguard::core {

void Evaluator::follow_commits() {
  const auto writer = writer_facts() != nullptr ? std::optional(source_place()) : std::nullopt;
  for (std::size_t node = 0; node < spec_->nodes.size(); ++node) {
    NodeMemory& memory = memory_.nodes[node];
    const bool answered =
        fresh_[node] && std::holds_alternative<NodeFacts>(observations_.nodes[node]->outcome);
    if (!answered) continue;
    const NodeFacts& facts = facts_of(*memory.last_success);
    const bool follows = facts.in_recovery && memory.position && facts.replay_lsn &&
                         (!writer || shared_up_to(*memory.position, *writer, *facts.replay_lsn));
    if (follows) {
      follow_commit(memory.bootstrap, facts, writer ? &*writer : nullptr);
    } else {
      memory.bootstrap = {};
    }
  }
}

std::optional<Instant> Evaluator::bootstrap_until(const NodeMemory& copy) const {
  if (!copy.bootstrap.by_writer) return std::nullopt;
  return memory_.writer_clock.when(*copy.bootstrap.by_writer);
}

}  // namespace rpoguard::core
