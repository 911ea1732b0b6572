#include "exporter/core/evaluate.hpp"

#include <algorithm>
#include <utility>

#include "exporter/core/check.hpp"
#include "exporter/core/evaluator.hpp"
#include "exporter/core/limits.hpp"

namespace rpoguard::core {
namespace {

// Between two looks at one start of the server, something was committed, aborted or prepared.
bool transacted(const NodeFacts& before, const NodeFacts& after) {
  const bool one_start =
      before.session == after.session || (before.started && before.started == after.started);
  return one_start && before.snapshot && after.snapshot && before.snapshot != after.snapshot;
}

}  // namespace

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
  take_witnesses();
  judge_writer();
  follow_writer();
  judge_endpoint();
  locate_copies();
  follow_commits();
  prove_archive();
  prove();
  account();
  decide_waiver();
  decide_freeze();
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
      if (memory.last_success && transacted(facts_of(*memory.last_success), facts_of(*observation)))
        memory.last_transaction = observation->answered;
      memory.last_success = observation;
      memory.failing_since.reset();
      if (facts_of(*observation).in_recovery) {
        memory.in_recovery_at = observation->asked;
        memory.accepting_since.reset();
        memory.last_transaction.reset();
      } else if (!memory.accepting_since) {
        memory.accepting_since = observation->answered;
      }
    }
  }
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
  // Another witness may mean something else by its numbers.
  if (before.epoch_witness != after.epoch_witness) memory.epoch_witness = {};
  if (before.generation_witness != after.generation_witness) memory.generation_witness = {};
  if (before.archive != after.archive) {  // another repository, which has not answered yet either
    ArchiveMemory archive;
    archive.failure = std::move(memory.archive.failure);
    memory.archive = std::move(archive);
  }
  return memory;
}

}  // namespace rpoguard::core
