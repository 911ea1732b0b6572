// The nodes as people and dashboards see them: the last step of an evaluation. Decides nothing.
#include <algorithm>
#include <utility>

#include "exporter/core/evaluator.hpp"

namespace rpoguard::core {

void Evaluator::describe_nodes() {
  view_.nodes.reserve(spec_->nodes.size());
  for (std::size_t node = 0; node < spec_->nodes.size(); ++node) {
    const NodeMemory& memory = memory_.nodes[node];
    const auto& latest = observations_.nodes[node];
    NodeView out;
    out.name = spec_->nodes[node].name;
    out.region = spec_->nodes[node].region;
    out.state = verdict_.states[node];
    out.note = verdict_.notes[node];
    out.counted = counted(node);
    out.probe_failures = memory.failures;
    if (latest) {
      out.probe_duration = latest->answered - latest->asked;
      out.up = std::holds_alternative<NodeFacts>(latest->outcome);
      if (const auto* error = std::get_if<ProbeError>(&latest->outcome)) out.failure = *error;
    }
    if (memory.last_success) out.last_answer = memory.last_success->answered;
    if (out.up && current(node)) {
      const NodeFacts& facts = facts_of(*memory.last_success);
      out.server_version = facts.server_version;
      out.in_recovery = facts.in_recovery;
      out.timeline = facts.timeline;
      out.epoch = node == verdict_.writer ? verdict_.epoch : epoch_of(spec_->epoch_source, facts);
      out.replay_lsn = facts.replay_lsn;
      out.replay_paused = facts.replay_paused;
      out.apply_delay = facts.apply_delay;
      out.wal_position =
          facts.in_recovery && memory.position ? memory.position->flushed : facts.insert_lsn;
      out.last_transaction_seen = memory.last_transaction;
      out.history_problem = facts.history_problem;
      if (!facts.history_problem.empty())
        out.note += (out.note.empty() ? "" : "; ") + facts.history_problem;
      if (node != verdict_.writer && out.state != NodeState::foreign) describe_fork(out, facts);
    } else {
      out.up = false;
    }
    if (node < observations_.slow.size() && observations_.slow[node]) {
      const auto* facts = std::get_if<SlowFacts>(&observations_.slow[node]->outcome);
      if (facts != nullptr) out.slow = *facts;
    }
    describe_copy(node, out);
    view_.nodes.push_back(std::move(out));
  }
}

// How far the node's WAL has gone where the writer's never went.
void Evaluator::describe_fork(NodeView& out, const NodeFacts& facts) const {
  const NodeFacts* writer = writer_facts();
  if (writer == nullptr) return;
  const auto place = [](const NodeFacts& of) {
    return TimelinePlace{of.timeline, of.history ? &*of.history : nullptr};
  };
  const auto known = [](const NodeFacts& of) { return of.history || of.timeline == Timeline{1}; };
  const auto fork = fork_of(place(facts), place(*writer));
  // One timeline number alone does not show that it is one timeline.
  if (!fork || (!fork->point && !(known(facts) && known(*writer)))) return;
  out.fork_point = fork->point;
  const auto end = facts.in_recovery ? std::max(facts.receive_lsn, facts.replay_lsn)
                                     : std::max(facts.insert_lsn, facts.flushed_lsn);
  if (!fork->point) {
    out.diverged_bytes = 0;
  } else if (end) {
    out.diverged_bytes = std::max<std::int64_t>(0, bytes_between(*fork->point, *end));
  }
  if (out.diverged_bytes.value_or(0) == 0) return;
  out.note += (out.note.empty() ? "" : "; ") + std::string("its WAL leaves the writer's at ") +
              render_lsn(*fork->point) + " and goes on for " + std::to_string(*out.diverged_bytes) +
              " bytes: pg_rewind or re-seed it";
}

void Evaluator::describe_copy(std::size_t node, NodeView& out) const {
  if (out.state == NodeState::writer || out.state == NodeState::foreign) return;
  const NodeMemory& memory = memory_.nodes[node];
  const auto until = [&](Durability durability) -> std::optional<Instant> {
    const auto proof = proof_of(memory, durability);
    return proof ? std::optional(proof->proven_until) : std::nullopt;
  };
  out.recovery_point_flush = until(Durability::flush);
  out.recovery_point_replay = until(Durability::replay);
  const NodeFacts* writer = writer_facts();
  if (out.up && out.in_recovery == true) out.streaming = facts_of(*memory.last_success).streaming;
  if (writer == nullptr) return;
  const auto lag = [&](std::optional<Lsn> position) -> std::optional<std::int64_t> {
    if (!position || !writer->insert_lsn ||
        !shared_up_to(*memory.position, source_place(), *position))
      return std::nullopt;
    return std::max<std::int64_t>(0, bytes_between(*position, *writer->insert_lsn));
  };
  if (memory.position) {
    out.lag_bytes_flush = lag(memory.position->flushed);
    out.lag_bytes_replay = lag(memory.position->replayed);
  }
  const ReplicationRow* row = row_of(*writer, spec_->nodes[node].application_name);
  if (row == nullptr) {
    out.synchronous = false;
    return;
  }
  out.synchronous = row->sync_state == "sync" || row->sync_state == "quorum";
  // The writer's row outlives a dead connection: alone it can deny streaming, not confirm it.
  if (row->state != "streaming") out.streaming = false;
  if (out.up) out.evidence_disagreement_bytes = memory.disagreement_bytes;
}

}  // namespace rpoguard::core
