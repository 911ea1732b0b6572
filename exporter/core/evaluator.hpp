// One evaluation of one shard, step by step. Private to core: callers use evaluate()
// (evaluate.hpp).
//
// evaluate.cpp holds the order of the steps; the steps stand in judge_*.cpp (who is the writer),
// prove*.cpp (what is proven), account.cpp, decide.cpp and describe.cpp (as people see it).
#pragma once

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "exporter/core/epoch.hpp"
#include "exporter/core/evaluate.hpp"

namespace rpoguard::core {

/// REQUIRES: the observation carries facts.
inline const NodeFacts& facts_of(const NodeObservation& observation) {
  return std::get<NodeFacts>(observation.outcome);
}

/// Failures that tell at once that this server takes no writes now. Any other may be the network's.
inline bool says_down(ProbeFailure reason) {
  return reason == ProbeFailure::refused || reason == ProbeFailure::not_accepting;
}

// One evaluation of one shard. The steps run in the order of their declaration; each reads what
// those before found.
class Evaluator {
 public:
  /// REQUIRES: `observations` and `probe` outlive this.
  Evaluator(std::shared_ptr<const ShardSpec> spec, ShardMemory memory,
            const ShardObservations& observations, const ProbeSpec& probe, Instant now,
            WallTime wall);
  /// Once only: it hands the memory over.
  Evaluation run();

 private:
  void take_observations();
  void take_witnesses();
  void judge_writer();
  EpochMemory remember_epochs() const;
  void remember_authority(EpochMemory& remembered) const;
  void remember_rivals();
  void tell_writers_apart();
  void follow_writer();
  void change_source(const ShardMemory::Source& source, const NodeFacts& writer);
  void judge_endpoint();
  void judge_endpoint_answer(const EndpointFacts& facts, const NodeFacts& writer,
                             EndpointView& view);
  void locate_copies();
  void follow_commits();
  void locate_by_row(std::size_t node, const ReplicationRow* row);
  void prove_archive();
  void prove();
  void prove_synchronous();
  void account();
  void decide_waiver();
  void decide_freeze();
  void decide_gate();
  void note_outage();
  void describe_nodes();
  void describe_fork(NodeView& out, const NodeFacts& facts) const;
  void describe_copy(std::size_t node, NodeView& out) const;

  bool down(std::size_t node) const;
  bool current(std::size_t node) const;
  bool overlaps_another(std::size_t node) const;
  bool counted(std::size_t node) const;
  TimelinePlace source_place() const;
  std::optional<CopyProof> proof_of(const NodeMemory& copy, Durability durability) const;
  std::optional<Instant> bootstrap_until(const NodeMemory& copy) const;
  const NodeObservation* writer_observation() const;
  const NodeFacts* writer_facts() const;

  std::shared_ptr<const ShardSpec> spec_;
  ShardMemory memory_;
  const ShardObservations& observations_;
  const ProbeSpec& probe_;
  const Instant now_;
  const WallTime wall_;
  std::vector<bool> fresh_;  // the node's observation is new since the last evaluation
  EpochVerdict verdict_;
  bool writer_changed_ = false;
  ShardView view_;
};

}  // namespace rpoguard::core
