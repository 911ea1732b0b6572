#include "exporter/core/judge/describe.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "exporter/base/check.hpp"

namespace rpoguard::core {
namespace {

void add_note(NodeView& out, const std::string& text) {
  if (text.empty()) return;
  out.note += (out.note.empty() ? "" : "; ") + text;
}

void describe_probe(NodeView& out, const std::optional<NodeObservation>& latest,
                    const Reading& reading) {
  out.probe_failures = reading.failures;
  if (reading.last_success) out.last_answer = reading.last_success->answered;
  if (!latest) return;
  out.probe_duration = latest->answered - latest->asked;
  const auto* error = std::get_if<ProbeError>(&latest->outcome);
  out.up = error == nullptr && reading.current;
  if (error != nullptr) out.failure = *error;
}

void describe_facts(NodeView& out, const NodeFacts& facts, const Reading& reading,
                    const Copy& copy) {
  out.server_version = facts.server_version;
  out.in_recovery = facts.in_recovery;
  out.timeline = facts.timeline;
  out.replay_lsn = facts.replay_lsn;
  out.replay_paused = facts.replay_paused;
  out.apply_delay = facts.apply_delay;
  out.wal_position = facts.in_recovery && copy.position ? copy.position->flushed : facts.insert_lsn;
  out.last_transaction_seen = reading.last_transaction;
  out.history_problem = facts.history_problem;
  add_note(out, facts.history_problem);
  out.mark_problem = facts.mark_problem;
  add_note(out, facts.mark_problem);
  // Where nothing is known of its stamp, the verdict says so.
  if (facts.epoch_lock && facts.stamped)
    add_note(out, render_lock(*facts.epoch_lock) + "; its epoch is the one that was read before");
  if (!facts.settings_lock.empty())
    add_note(out, "pg_db_role_setting or pg_database cannot be read: " + facts.settings_lock +
                      "; what roles have set is as it was read before");
}

TimelinePlace place_of(const NodeFacts& facts) {
  return {.timeline = facts.timeline, .history = facts.history ? &*facts.history : nullptr};
}

// One timeline number alone does not show that it is one timeline.
bool past_is_known(const NodeFacts& facts) {
  return facts.history || facts.timeline == Timeline{1};
}

// How far the node's WAL has gone where the writer's never went.
void describe_fork(NodeView& out, const NodeFacts& facts, const NodeFacts& writer) {
  const auto fork = fork_of(place_of(facts), place_of(writer));
  if (!fork || (!fork->point && !(past_is_known(facts) && past_is_known(writer)))) return;
  out.fork_point = fork->point;
  const auto end = facts.in_recovery ? std::max(facts.receive_lsn, facts.replay_lsn)
                                     : std::max(facts.insert_lsn, facts.flushed_lsn);
  if (!fork->point) {
    out.diverged_bytes = 0;
  } else if (end) {
    out.diverged_bytes = std::max<std::int64_t>(0, bytes_between(*fork->point, *end));
  }
  if (out.diverged_bytes.value_or(0) == 0) return;
  if (out.lineage == Lineage::diverged) return;
  out.lineage = Lineage::diverged;
  out.lineage_note = "its WAL leaves the writer's at " + render_lsn(*fork->point) +
                     " and goes on for " + std::to_string(*out.diverged_bytes) +
                     " bytes: " + kDivergedRemedy;
}

// Who chooses the next writer while there is none must know what is held against a node.
void describe_lineage(NodeView& out, const NodeLineage& lineage, bool has_writer) {
  if (!has_writer && is_sound(lineage.state)) return;
  out.lineage = lineage.state;
  out.lineage_note = render_lineage(lineage);
}

// Bytes that the copy is behind the writer; absent where its WAL is not the writer's, by its place.
std::optional<std::int64_t> lag_of(const Copy& copy, std::optional<Lsn> position,
                                   const NodeFacts& writer, const WalSource& source) {
  if (!position || !writer.insert_lsn || !shared_up_to(*copy.position, source.place(), *position))
    return std::nullopt;
  return std::max<std::int64_t>(0, bytes_between(*position, *writer.insert_lsn));
}

std::optional<Instant> recovery_point_of(const Copy& copy, Durability durability,
                                         const WalSource& source) {
  const auto proof = proof_of(copy, durability, source);
  return proof ? std::optional(proof->proven_until) : std::nullopt;
}

// What the writer says of the copy.
void describe_row(NodeView& out, const ReplicationRow* row, const Copy& copy) {
  if (row == nullptr) return;
  out.synchronous = row->sync_state == "sync" || row->sync_state == "quorum";
  // The writer's row outlives a dead connection: alone it can deny streaming, not confirm it.
  if (row->state != "streaming") out.streaming = false;
  if (out.up) out.evidence_disagreement_bytes = copy.disagreement_bytes;
}

void describe_copy(NodeView& out, const Reading& reading, const Copy& copy,
                   const std::optional<ConfirmedWriter>& writer, const WalSource& source) {
  out.recovery_point_flush = recovery_point_of(copy, Durability::flush, source);
  out.recovery_point_replay = recovery_point_of(copy, Durability::replay, source);
  if (out.up && out.in_recovery == true) out.streaming = reading.facts().streaming;
  if (!writer) return;
  // A distance between two histories is none.
  if (copy.position && out.lineage && is_sound(*out.lineage)) {
    out.lag_bytes_flush = lag_of(copy, copy.position->flushed, writer->facts(), source);
    out.lag_bytes_replay = lag_of(copy, copy.position->replayed, writer->facts(), source);
  }
  describe_row(out, row_of(writer->facts(), copy.row_name), copy);
}

// A second name of a server that is named before, or that goes by the name of a silent node.
void describe_server(NodeView& out, const ShardSpec& spec, std::size_t node,
                     const Servers& servers) {
  for (std::size_t other = 0; other < spec.nodes.size() && out.same_server_as.empty(); ++other) {
    const bool named_before = other < node && servers.are_one(spec.nodes[other], spec.nodes[node]);
    if (named_before || servers.goes_by_name_of(spec, node, other))
      out.same_server_as = spec.nodes[other].name;
  }
}

}  // namespace

std::vector<NodeView> describe_nodes(const ShardSpec& spec, const ShardObservations& observations,
                                     const Readings& readings, const Servers& servers,
                                     const Copies& copies, const WriterVerdict& verdict,
                                     const LineageVerdict& lineage, const WalSource& source) {
  RPOGUARD_CHECK(readings.size() == spec.nodes.size() && copies.size() == spec.nodes.size());
  std::vector<NodeView> views;
  views.reserve(spec.nodes.size());
  const auto& writer = verdict.writer;
  for (std::size_t node = 0; node < spec.nodes.size(); ++node) {
    const Reading& reading = readings[node];
    NodeView& out = views.emplace_back();
    out.name = spec.nodes[node].name;
    out.region = spec.nodes[node].region;
    out.state = verdict.epochs.states[node];
    out.note = verdict.epochs.notes[node];
    out.counted = copies[node].counted;
    if (const SlowFacts* slow = slow_facts(observations, node)) out.slow = *slow;
    describe_probe(out, observations.nodes[node], reading);
    const bool is_writer = writer && writer->node == node;
    if (!is_writer) describe_lineage(out, lineage.nodes[node], writer.has_value());
    if (out.up) {
      const NodeFacts& facts = reading.facts();
      describe_facts(out, facts, reading, copies[node]);
      out.epoch = is_writer ? writer->epoch : epoch_of(spec.epoch_source, facts);
      if (writer && !is_writer && out.state != NodeState::foreign)
        describe_fork(out, facts, writer->facts());
    }
    out.readmitted = lineage.readmitted[node];
    if (!is_writer && out.state != NodeState::foreign)
      describe_copy(out, reading, copies[node], writer, source);
    describe_server(out, spec, node, servers);
  }
  return views;
}

}  // namespace rpoguard::core
