// Who is the writer, and what its WAL clock says: the first steps of an evaluation.
#include <algorithm>

#include "exporter/core/evaluator.hpp"

namespace rpoguard::core {

// It was asked, and accepted writes, after another of the split brain had been seen to do so. Facts
// that only look simultaneous because a lost writer is still within the stale window do not
// overlap.
bool Evaluator::overlaps_another(std::size_t node) const {
  for (std::size_t other = 0; other < spec_->nodes.size(); ++other) {
    const auto& since = memory_.nodes[other].accepting_since;
    if (other != node && verdict_.states[other] == NodeState::split_brain && since &&
        memory_.nodes[node].last_success->asked >= *since) {
      return true;
    }
  }
  return false;
}

void Evaluator::judge_writer() {
  std::vector<const NodeFacts*> facts(spec_->nodes.size(), nullptr);
  EpochMemory remembered{memory_.durable.highest_epoch, memory_.durable.system_identifier, {}};
  remembered.unseen_rivals.resize(spec_->nodes.size(), nullptr);
  for (std::size_t node = 0; node < facts.size(); ++node) {
    NodeMemory& memory = memory_.nodes[node];
    if (current(node)) {
      facts[node] = &facts_of(*memory.last_success);
    } else if (down(node)) {
      memory.split_brain = false;
    } else if (memory.split_brain) {
      remembered.unseen_rivals[node] = &facts_of(*memory.last_success);
    }
  }
  verdict_ = judge_epochs(*spec_, remembered, facts);
  for (std::size_t node = 0; node < facts.size(); ++node) {
    if (facts[node] == nullptr) continue;
    bool& remembered_as_rival = memory_.nodes[node].split_brain;
    remembered_as_rival = verdict_.states[node] == NodeState::split_brain &&
                          (remembered_as_rival || overlaps_another(node));
  }
  memory_.durable.highest_epoch = verdict_.highest;
  view_.highest_epoch = verdict_.highest;
  view_.writers = verdict_.writers;
  view_.epoch_agreement = verdict_.writer.has_value() && verdict_.writers == 1;
}

const NodeObservation* Evaluator::writer_observation() const {
  if (!verdict_.writer) return nullptr;
  return &*memory_.nodes[*verdict_.writer].last_success;
}

const NodeFacts* Evaluator::writer_facts() const {
  const NodeObservation* observation = writer_observation();
  return observation == nullptr ? nullptr : &facts_of(*observation);
}

// Continues the WAL clock with what the confirmed writer says; starts a new one when it is
// another's WAL.
void Evaluator::follow_writer() {
  const NodeFacts* facts = writer_facts();
  if (facts == nullptr) return;
  const NodeSpec& node = spec_->nodes[*verdict_.writer];
  const ShardMemory::Source source{node.name, facts->timeline, facts->system_identifier};
  if (memory_.source != source) {
    writer_changed_ = memory_.source.has_value();
    memory_.source = source;
    memory_.wal_clock.clear();
    memory_.sample.reset();
    memory_.synchronous_since.reset();
    for (NodeMemory& each : memory_.nodes) each.row_trusted = false;
  }
  memory_.durable.system_identifier = facts->system_identifier;
  memory_.writer =
      WriterView{node.name, node.region, *epoch_of(spec_->epoch_source, *facts), facts->timeline};
  view_.writer = memory_.writer;

  const NodeObservation& observation = *writer_observation();
  const auto latest = memory_.wal_clock.latest();
  if (latest && observation.asked <= latest->t) return;  // taken into account already
  const auto sample =
      sample_writer(memory_.sample, *facts, observation.asked, observation.answered);
  if (!sample) return;
  memory_.sample = sample;
  memory_.wal_clock.push(observation.asked, sample->bound, sample->seen);
}

}  // namespace rpoguard::core
