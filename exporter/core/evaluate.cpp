#include "exporter/core/evaluate.hpp"

#include <algorithm>
#include <utility>

#include "exporter/core/check.hpp"
#include "exporter/core/evaluator.hpp"
#include "exporter/core/limits.hpp"

namespace rpoguard::core {

Evaluator::Evaluator(std::shared_ptr<const ShardSpec> spec, ShardMemory memory,
                     const ShardObservations& observations, const ProbeSpec& probe, Instant now,
                     WallTime wall)
    : spec_(std::move(spec)),
      memory_(std::move(memory)),
      observations_(observations),
      probe_(probe),
      now_(now),
      wall_(wall),
      fresh_(spec_->nodes.size(), false) {
  RPOGUARD_CHECK(observations.nodes.size() == spec_->nodes.size());
  memory_.nodes.resize(spec_->nodes.size());
  view_.spec = spec_;
  view_.evaluated = now;
}

Evaluation Evaluator::run() {
  take_observations();
  judge_writer();
  follow_writer();
  locate_copies();
  prove();
  prove_archive();
  account();
  decide_waiver();
  decide_gate();
  note_outage();
  describe_nodes();
  memory_.last_evaluated = now_;
  return {std::move(view_), std::move(memory_)};
}

// The node's latest answer says that it takes no writes now.
bool Evaluator::down(std::size_t node) const {
  const auto& latest = observations_.nodes[node];
  const auto* error = latest ? std::get_if<ProbeError>(&latest->outcome) : nullptr;
  return error != nullptr && says_down(error->reason);
}

// The node's last facts still tell what it is: recent, and nothing says that it went down since.
bool Evaluator::current(std::size_t node) const {
  const NodeMemory& memory = memory_.nodes[node];
  return memory.last_success && !down(node) &&
         now_ - memory.last_success->asked <=
             limits::kStaleIntervals * probe_.interval + probe_.timeout;
}

void Evaluator::take_observations() {
  for (std::size_t node = 0; node < spec_->nodes.size(); ++node) {
    const auto& observation = observations_.nodes[node];
    NodeMemory& memory = memory_.nodes[node];
    if (!observation || memory.seen_asked == observation->asked) continue;
    memory.seen_asked = observation->asked;
    fresh_[node] = true;
    if (const auto* error = std::get_if<ProbeError>(&observation->outcome)) {
      ++memory.failures.at(static_cast<std::size_t>(error->reason));
      if (!memory.failing_since) memory.failing_since = observation->answered;
      if (says_down(error->reason)) memory.accepting_since.reset();
    } else {
      memory.last_success = observation;
      memory.failing_since.reset();
      if (facts_of(*observation).in_recovery) {
        memory.accepting_since.reset();
      } else if (!memory.accepting_since) {
        memory.accepting_since = observation->answered;
      }
    }
  }
}

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

// The time since the last evaluation, judged by what was known to be kept then: a stall is not
// forgiven afterwards.
void Evaluator::account() {
  const auto before = memory_.kept_until;
  if (memory_.last_evaluated) {
    const Duration elapsed = now_ - *memory_.last_evaluated;
    memory_.slo.total += elapsed;
    if (!before) {
      memory_.slo.unknown += elapsed;
    } else {
      memory_.slo.exceeded += std::clamp(now_ - *before, Duration{0}, elapsed);
    }
  }
  view_.slo = memory_.slo;
  if (writer_changed_) memory_.kept_until.reset();  // another writer's promise
  if (spec_->rpo == Duration{0}) {
    prove_synchronous();
  } else if (view_.recovery_point) {
    memory_.kept_until = *view_.recovery_point + spec_->rpo;
  } else {
    memory_.kept_until.reset();
  }
}

void Evaluator::decide_waiver() {
  auto& durable = memory_.durable;
  if (view_.writer) {
    const Epoch epoch = view_.writer->epoch;
    const bool promoted = durable.confirmed_epoch && epoch > *durable.confirmed_epoch;
    durable.confirmed_epoch = std::max(durable.confirmed_epoch.value_or(epoch), epoch);
    if (promoted && spec_->after_failover == AfterFailover::waive &&
        spec_->epoch_source == EpochSource::table) {
      const auto length = std::chrono::duration_cast<WallTime::duration>(spec_->waive_for);
      const auto& stamped = writer_facts()->stamped;
      durable.waiver = {wall_ + length, "epoch " + std::to_string(epoch.value) +
                                            " was stamped for region " + stamped->writer_region +
                                            " by " + stamped->promoted_by};
    }
  }
  const auto exposure = exposure_at(view_, now_);
  const bool proven = spec_->rpo == Duration{0} ? memory_.kept_until && *memory_.kept_until > now_
                                                : exposure && *exposure <= spec_->gate.reopen_below;
  const bool expired = durable.waiver && durable.waiver->until <= wall_;
  if (view_.writer && (proven || expired)) durable.waiver.reset();
  if (durable.waiver)
    view_.waiver = WaiverView{now_ + (durable.waiver->until - wall_), durable.waiver->why};
}

void Evaluator::decide_gate() {
  LeaseInput input;
  input.verdict_reason = verdict_.reason;
  input.verdict_detail = verdict_.detail;
  input.kept_until = memory_.kept_until;
  input.exposure = exposure_at(view_, now_);
  input.writer_changed = writer_changed_;
  if (view_.recovery_point && spec_->rpo > Duration{0}) {
    const auto share = static_cast<double>(spec_->rpo.count()) * spec_->gate.shed_low_priority_at;
    input.shed_low_priority_from =
        *view_.recovery_point + Duration(static_cast<std::int64_t>(share));
  }
  if (spec_->archive_max_age && view_.archive.recovery_point) {
    input.archive_until = *view_.archive.recovery_point + *spec_->archive_max_age;
  }
  if (view_.waiver) {
    const Duration trust = spec_->rpo > Duration{0} ? spec_->rpo : spec_->proof_ttl;
    const auto* writer = writer_observation();
    input.waived_until =
        std::min(view_.waiver->until, writer == nullptr ? now_ : writer->asked + trust);
  }
  view_.gate = decide_lease(*spec_, memory_.lease, input, now_);
  view_.writes_usable =
      view_.writer.has_value() && view_.gate.reasons.empty() && now_ < view_.gate.open_until;
}

void Evaluator::note_outage() {
  if (view_.writes_usable) {
    if (memory_.write_outage_since && memory_.ever_usable)
      memory_.last_write_outage = now_ - *memory_.write_outage_since;
    memory_.write_outage_since.reset();
    memory_.ever_usable = true;
  } else if (!memory_.write_outage_since) {
    memory_.write_outage_since = now_;
  }
  view_.write_outage_since = memory_.write_outage_since;
  view_.last_write_outage = memory_.last_write_outage;
}

Evaluation evaluate(std::shared_ptr<const ShardSpec> spec, ShardMemory memory,
                    const ShardObservations& observations, const ProbeSpec& probe, Instant now,
                    WallTime wall) {
  return Evaluator(std::move(spec), std::move(memory), observations, probe, now, wall).run();
}

ShardMemory adopt(ShardMemory memory, const ShardSpec& before, const ShardSpec& after) {
  std::vector<NodeMemory> nodes(after.nodes.size());
  for (std::size_t to = 0; to < after.nodes.size(); ++to) {
    for (std::size_t from = 0; from < before.nodes.size() && from < memory.nodes.size(); ++from) {
      const bool same = before.nodes[from].name == after.nodes[to].name &&
                        before.nodes[from].connect.host == after.nodes[to].connect.host &&
                        before.nodes[from].connect.port == after.nodes[to].connect.port;
      if (same) nodes[to] = std::move(memory.nodes[from]);
    }
  }
  memory.nodes = std::move(nodes);
  return memory;
}

}  // namespace rpoguard::core
