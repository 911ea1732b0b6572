// Who is the writer, and what its WAL clock says: the first steps of an evaluation.
#include <chrono>
#include <map>
#include <string>
#include <utility>

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

// What the verdict over the epochs needs from before.
EpochMemory Evaluator::remember_epochs() const {
  const DurableMemory& durable = memory_.durable;
  EpochMemory remembered;
  remembered.highest = durable.highest_epoch;
  remembered.system_identifier = durable.system_identifier;
  remembered.confirmed = durable.confirmed_epoch;
  remembered.confirmed_node = durable.confirmed_node;
  for (std::size_t node = 0; node < spec_->nodes.size(); ++node) {
    const auto rival = durable.rivals.find(spec_->nodes[node].name);
    if (rival != durable.rivals.end() && !current(node) && !down(node))
      remembered.unseen_rivals[node] = rival->second;
  }
  if (spec_->epoch_source == EpochSource::http) remember_authority(remembered);
  return remembered;
}

void Evaluator::judge_writer() {
  std::vector<const NodeFacts*> facts(spec_->nodes.size(), nullptr);
  for (std::size_t node = 0; node < facts.size(); ++node) {
    if (current(node)) facts[node] = &facts_of(*memory_.nodes[node].last_success);
  }
  verdict_ = judge_epochs(*spec_, remember_epochs(), facts);
  remember_rivals();
  tell_writers_apart();
  memory_.durable.highest_epoch = verdict_.highest;
  if (verdict_.writer) memory_.durable.confirmed_node = spec_->nodes[*verdict_.writer].name;
  view_.highest_epoch = verdict_.highest;
  view_.writers = verdict_.writers;
  view_.epoch_agreement = verdict_.writer.has_value() && verdict_.writers == 1;
}

// A rival stays one while nothing is heard of it, also across a restart of rpoguard.
void Evaluator::remember_rivals() {
  std::map<std::string, std::optional<Epoch>> rivals;
  for (std::size_t node = 0; node < spec_->nodes.size(); ++node) {
    const auto known = memory_.durable.rivals.find(spec_->nodes[node].name);
    const bool was = known != memory_.durable.rivals.end();
    if (!current(node)) {
      if (was && !down(node)) rivals.insert(*known);
    } else if (verdict_.states[node] == NodeState::split_brain && (was || overlaps_another(node))) {
      rivals[spec_->nodes[node].name] =
          epoch_of(spec_->epoch_source, facts_of(*memory_.nodes[node].last_success));
    }
  }
  memory_.durable.rivals = std::move(rivals);
}

// Who of several writers is in use. For people only: a dormant one may wake up at any moment, so
// nothing is decided by it.
void Evaluator::tell_writers_apart() {
  const auto ago = [this](Instant then) {
    return render_duration(std::chrono::round<std::chrono::seconds>(now_ - then)) + " ago";
  };
  std::string who;
  for (std::size_t node = 0; node < spec_->nodes.size(); ++node) {
    const NodeMemory& memory = memory_.nodes[node];
    const NodeState state = verdict_.states[node];
    if (state != NodeState::stale_writer && state != NodeState::split_brain) continue;
    std::string use;
    if (memory.last_transaction) {
      use = "was last seen to commit " + ago(*memory.last_transaction);
    } else if (memory.accepting_since) {
      use = "has not been seen to commit since it was found to accept writes " +
            ago(*memory.accepting_since);
    } else {
      continue;
    }
    verdict_.notes[node] += "; it " + use;
    if (state == NodeState::split_brain)
      who += (who.empty() ? "" : ", ") + spec_->nodes[node].name + " " + use;
  }
  if (!who.empty()) verdict_.detail += ": " + who;
}

const NodeObservation* Evaluator::writer_observation() const {
  if (!verdict_.writer) return nullptr;
  return &*memory_.nodes[*verdict_.writer].last_success;
}

const NodeFacts* Evaluator::writer_facts() const {
  const NodeObservation* observation = writer_observation();
  return observation == nullptr ? nullptr : &facts_of(*observation);
}

// Another's WAL. What the old writer had acknowledged before the new one began is in the new
// history as far as that goes on from the old one: those pairs stay true. What was acknowledged
// beyond is lost, and no bound for what the new one acknowledges.
void Evaluator::change_source(const ShardMemory::Source& source, const NodeFacts& writer) {
  const auto& before = memory_.source;
  const auto& began_after = memory_.nodes[*verdict_.writer].in_recovery_at;
  bool goes_on = before && before->system_identifier == source.system_identifier && began_after &&
                 writer.history && !writer.history->steps.empty();
  if (goes_on) {
    // Only from the very parent: on any timeline between, a third writer may have acknowledged.
    const TimelineStep& parent = writer.history->steps.back();
    const auto fork = fork_of(source_place(), {source.timeline, &*writer.history});
    goes_on = parent.timeline == before->timeline && fork && fork->point == parent.end;
    if (goes_on) memory_.wal_clock.cut(*began_after, parent.end);
  }
  if (!goes_on) memory_.wal_clock.clear();
  writer_changed_ = before.has_value();
  memory_.source = source;
  memory_.source_history = writer.history;
  memory_.sample.reset();
  memory_.synchronous_since.reset();
  memory_.writer_clock = {};
  memory_.writer_since = writer_observation()->answered;
  memory_.endpoint_good.reset();
  for (NodeMemory& each : memory_.nodes) {
    each.row_trusted = false;
    each.bootstrap = {};
  }
}

TimelinePlace Evaluator::source_place() const {
  return {memory_.source->timeline, memory_.source_history ? &*memory_.source_history : nullptr};
}

// Continues the WAL clock with what the confirmed writer says; starts a new one when it is
// another's WAL.
void Evaluator::follow_writer() {
  const NodeFacts* facts = writer_facts();
  if (facts == nullptr) return;
  const NodeSpec& node = spec_->nodes[*verdict_.writer];
  const ShardMemory::Source source{node.name, facts->timeline, facts->system_identifier};
  if (memory_.source != source) change_source(source, *facts);
  if (facts->history) memory_.source_history = facts->history;
  memory_.durable.system_identifier = facts->system_identifier;
  memory_.writer = WriterView{node.name, node.region, *verdict_.epoch, facts->timeline};
  view_.writer = memory_.writer;

  const NodeObservation& observation = *writer_observation();
  const auto latest = memory_.wal_clock.latest();
  if (latest && observation.asked <= latest->t) return;  // taken into account already
  memory_.writer_clock.watch(facts->server_now, observation.asked, observation.answered);
  const auto sample =
      sample_writer(memory_.sample, *facts, observation.asked, observation.answered);
  if (!sample) return;
  memory_.sample = sample;
  memory_.wal_clock.push(observation.asked, sample->bound, sample->seen);
}

}  // namespace rpoguard::core
