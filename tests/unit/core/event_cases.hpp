// Pairs of views that differ: tests/testdata/golden/events.txt says what is told of each.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "exporter/core/model/view.hpp"

namespace rpoguard::core::test {

inline NodeView node_view(const std::string& name, NodeState state) {
  NodeView view;
  view.name = name;
  view.state = state;
  view.up = true;
  return view;
}

/// iad-a writes in epoch 7, phx-a copies, the gate is open, the exposure is 1 s of 5 s.
inline ShardView quiet_view() {
  ShardView view;
  auto spec = std::make_shared<ShardSpec>();
  spec->id = "184";
  view.spec = spec;
  view.evaluated = Instant(std::chrono::seconds(100));
  view.recovery_point = Instant(std::chrono::seconds(99));
  view.nodes = {node_view("iad-a", NodeState::writer), node_view("phx-a", NodeState::standby)};
  view.writer = WriterView{"iad-a", "iad", Epoch{7}, Timeline{1}};
  view.highest_epoch = Epoch{7};
  view.gate.open_until = Instant(std::chrono::seconds(104));
  return view;
}

using Change = void (*)(ShardView&);

/// One thing that happened, by what it does to the quiet view.
struct EventCase {
  const char* name;
  Change before;  ///< of the quiet view; null: there was no view
  Change after;   ///< of the quiet view
};

inline void nothing(ShardView&) {}
inline void close_gate(ShardView& view) {
  view.evaluated = Instant(std::chrono::seconds(105));
  view.gate.reasons = {Reason::rpo_exceeded};
  view.gate.detail = "why";
}
inline void close_to_reopen(ShardView& view) {
  view.gate.reasons = {Reason::reopening};
  view.gate.detail = "2 s more";
}
inline void open_under_waiver(ShardView& view) {
  view.gate.waived = true;
}
inline void lose_proof(ShardView& view) {
  view.recovery_point.reset();
  view.gate.reasons = {Reason::unproven, Reason::no_writer};
}
inline void split_brain(ShardView& view) {
  view.nodes[1].state = NodeState::split_brain;
  view.nodes[1].note = "accepts writes on epoch 7 too";
  view.gate.reasons = {Reason::split_brain, Reason::stale_epoch};
  view.gate.detail = "iad-a and phx-a both accept writes";
}
inline void refuse_connections(ShardView& view) {
  view.nodes[1].up = false;
  view.nodes[1].failure = ProbeError{ProbeFailure::refused, "connection refused"};
}
inline void refuse_otherwise(ShardView& view) {
  refuse_connections(view);
  view.nodes[1].failure->message = "connection refused: \"no\"";
}
inline void time_out(ShardView& view) {
  refuse_connections(view);
  view.nodes[1].failure->reason = ProbeFailure::timeout;
}
inline void freeze_for_an_hour(ShardView& view) {
  view.freeze = Freeze{"jo", "a move", {}, WallTime(std::chrono::hours(1))};
}
inline void freeze_for_good(ShardView& view) {
  view.freeze = Freeze{"ana", "a longer move", {}, std::nullopt};
}
inline void after_unfreezing(ShardView& view) {
  view.freeze_ended = "unfrozen by ana";
}
inline void lose_writer(ShardView& view) {
  view.writer.reset();
}
inline void fail_over(ShardView& view) {
  view.writer = WriterView{"phx-a", "phx", Epoch{8}, Timeline{2}};
  view.highest_epoch = Epoch{8};
}
inline void stamp_again(ShardView& view) {
  view.writer->epoch = Epoch{8};
}
inline void forget_epoch(ShardView& view) {
  view.highest_epoch.reset();
}
inline void grant_waiver(ShardView& view) {
  view.waiver = WaiverView{Instant(std::chrono::seconds(160)), "epoch 8"};
}
inline void waive_for_an_hour(ShardView& view) {
  view.waiver = WaiverView{Instant(std::chrono::seconds(3700)), "by jo: phx is gone",
                           WallTime(std::chrono::hours(2)), "jo"};
}
inline void waive_for_longer(ShardView& view) {
  waive_for_an_hour(view);
  view.waiver->until += std::chrono::hours(1);
  view.waiver->ends += std::chrono::hours(1);
}
inline void keep_waiver(ShardView& view) {
  waive_for_an_hour(view);
  view.waiver->until += std::chrono::milliseconds(3);  // our clock is read twice
}
inline void after_waiver(ShardView& view) {
  view.waiver_ended = "a copy is proven again";
}
inline void find_no_divergence(ShardView& view) {
  view.nodes[1].diverged_bytes = 0;
}
inline void diverge(ShardView& view) {
  view.nodes[1].fork_point = Lsn{0x3A000000};
  view.nodes[1].diverged_bytes = 12345;
  view.nodes[1].lineage = Lineage::diverged;
  view.nodes[1].lineage_note = "its WAL leaves the writer's: rebuild it";
}
inline void diverge_somewhere(ShardView& view) {
  view.nodes[1].diverged_bytes = 512;
}
inline void diverge_further(ShardView& view) {
  diverge(view);
  view.nodes[1].diverged_bytes = 99999;
}
inline void hold_lost_wal(ShardView& view) {
  view.nodes[1].lineage = Lineage::diverged;
  view.nodes[1].lineage_note = "it had WAL beyond 0/300: rebuild it";
}
inline void follow_after_all(ShardView& view) {
  view.nodes[1].lineage = Lineage::follows;
}
inline void be_unseen_at_a_start(ShardView& view) {
  view.nodes[1].lineage = Lineage::unknown;
  view.nodes[1].lineage_note = "nobody saw it: rebuild it";
}
inline void lose_wal(ShardView& view) {
  view.wal_losses = {.count = 1, .last = WalLoss{"iad-a", Lsn{0x500}, Lsn{0x300}, view.evaluated}};
}
inline void lose_wal_again(ShardView& view) {
  view.wal_losses = {.count = 2, .last = WalLoss{"iad-a", Lsn{0x700}, Lsn{0x400}, view.evaluated}};
}
inline void answer_of_witnesses(ShardView& view) {
  const Instant now(std::chrono::seconds(100));
  view.epoch_witness = WitnessView{7, "iad", now, std::nullopt};
  view.generation_witness = WitnessView{12, "", now, std::nullopt};
}
inline void silence_epoch_witness(ShardView& view) {
  answer_of_witnesses(view);
  view.epoch_witness->failure = ProbeError{ProbeFailure::timeout, "no answer in time"};
}
inline void garble_generation_witness(ShardView& view) {
  answer_of_witnesses(view);
  view.generation_witness->failure = ProbeError{ProbeFailure::bad_answer, "not JSON"};
}
inline void have_endpoint(ShardView& view) {
  view.endpoint = EndpointView{};
}
inline void refuse_at_endpoint(ShardView& view) {
  have_endpoint(view);
  view.endpoint->failure = ProbeError{ProbeFailure::missing_privilege, "grant it"};
}
inline void lead_to_writer(ShardView& view) {
  have_endpoint(view);
  view.endpoint->on_writer = true;
}
inline void lead_astray(ShardView& view) {
  have_endpoint(view);
  view.endpoint->on_writer = false;
  view.endpoint->note = "it leads to a standby";
}
inline void keep_history(ShardView& view) {
  view.nodes[0].history_problem = "grant it";
}
inline void count_again(ShardView& view) {
  view.nodes[1].lineage = Lineage::assumed;
  view.nodes[1].readmitted = "it holds the mark of this run";
}
inline void lose_marks(ShardView& view) {
  view.nodes[1].mark_problem = "table rpoguard.run_mark belongs to mallory";
}
inline void downgrade(ShardView& view) {
  view.synchronous = {true, true, "synchronous_standby_names is empty"};
}
inline void keep_synchronous(ShardView& view) {
  view.synchronous.promised = true;
}
inline void lose_downgraded_writer(ShardView& view) {
  keep_synchronous(view);
  lose_writer(view);
}
inline void have_lister(ShardView& view) {
  auto spec = std::make_shared<ShardSpec>(*view.spec);
  spec->archive.source = ArchiveSource::command;
  view.spec = spec;
}
inline void fail_lister(ShardView& view) {
  have_lister(view);
  view.archive.failure = ProbeError{ProbeFailure::query_failed, "lister failed with exit code 1"};
}
inline void fail_lister_otherwise(ShardView& view) {
  fail_lister(view);
  view.archive.failure->message = "lister failed with exit code 2";
}
inline void fail_archive_of_postgres(ShardView& view) {
  view.archive.failure = ProbeError{ProbeFailure::query_failed, "no answer"};
}
inline void miss_segments(ShardView& view) {
  view.archive.note = "2 segments missing from 0/5000000 on";
}
inline void miss_more_segments(ShardView& view) {
  view.archive.note = "13 segments missing from 0/5A00000 on";
}
inline void hold_wal_of_others(ShardView& view) {
  view.archive.note = "the archive holds WAL of another cluster";
}
inline void let_archive_age(ShardView& view) {
  view.gate.reasons = {Reason::archive_too_old};
  view.gate.detail = "too old";
  view.archive.recovery_point = view.evaluated;
}
inline void let_archive_with_hole_age(ShardView& view) {
  let_archive_age(view);
  miss_segments(view);
}
inline void be_foreign(ShardView& view) {
  view.nodes[1].state = NodeState::foreign;
  view.nodes[1].note = "system identifier 78 \"other\"\n";
}
inline void be_unreachable(ShardView& view) {
  view.nodes[1] = node_view("phx-a", NodeState::unreachable);
  refuse_connections(view);
}
inline void not_looked_at(ShardView& view) {
  view.nodes[1] = node_view("phx-a", NodeState::unreachable);
  view.nodes[1].up = false;
}
inline void add_node(ShardView& view) {
  view.nodes.push_back(node_view("phx-b", NodeState::standby));
}
inline void swap_nodes(ShardView& view) {
  std::swap(view.nodes[0], view.nodes[1]);
}
inline void swap_diverged_nodes(ShardView& view) {
  diverge(view);
  swap_nodes(view);
}
inline void break_everything(ShardView& view) {
  be_foreign(view);
  diverge(view);
  keep_history(view);
  view.nodes[0].failure = ProbeError{ProbeFailure::connection_lost, "gone"};
  view.nodes[0].up = false;
  view.writer.reset();
  view.highest_epoch = Epoch{9};
  silence_epoch_witness(view);
  lead_astray(view);
  downgrade(view);
  have_lister(view);
  fail_lister(view);
  miss_segments(view);
  grant_waiver(view);
  freeze_for_good(view);
  lose_proof(view);
}

inline const std::vector<EventCase>& event_cases() {
  static const std::vector<EventCase> cases{
      {"nothing has changed", nothing, nothing},
      {"a first view introduces the shard", nullptr, nothing},
      {"a first view of a closed gate", nullptr, lose_proof},
      {"a first view of an open waiver", nullptr, open_under_waiver},
      {"the gate closes", nothing, close_gate},
      {"the gate stays closed", close_gate, close_gate},
      {"the gate stays closed for another reason", close_gate, close_to_reopen},
      {"the gate opens", close_to_reopen, nothing},
      {"the gate opens under a waiver", close_gate, open_under_waiver},
      {"a waiver is no news while the gate is open", nothing, open_under_waiver},
      {"the gate closes with nothing proven", nothing, lose_proof},
      {"a split brain begins", nothing, split_brain},
      {"a split brain goes on", split_brain, split_brain},
      {"a split brain ends", split_brain, close_to_reopen},
      {"a node stops answering", nothing, refuse_connections},
      {"a node stays silent with another message", refuse_connections, refuse_otherwise},
      {"a node stays silent for another reason", refuse_connections, time_out},
      {"a node answers again", refuse_connections, nothing},
      {"a first view of a silent node", nullptr, be_unreachable},
      {"a first view of a node that was not looked at", nullptr, not_looked_at},
      {"an operator freezes", nothing, freeze_for_an_hour},
      {"an operator freezes anew", freeze_for_an_hour, freeze_for_good},
      {"a first view of a frozen shard", nullptr, freeze_for_good},
      {"a freeze ends", freeze_for_good, after_unfreezing},
      {"the writer is lost", nothing, lose_writer},
      {"the writer stays lost", lose_writer, lose_writer},
      {"the writer is back", lose_writer, nothing},
      {"another node becomes the writer", nothing, fail_over},
      {"the same writer has a new epoch", nothing, stamp_again},
      {"an epoch becomes unknown", nothing, forget_epoch},
      {"an epoch becomes known", forget_epoch, nothing},
      {"a waiver is granted", nothing, grant_waiver},
      {"a waiver ends", grant_waiver, after_waiver},
      {"an operator waives the RPO", nothing, waive_for_an_hour},
      {"an operator waives the RPO for longer", waive_for_an_hour, waive_for_longer},
      {"a waiver goes on", waive_for_an_hour, keep_waiver},
      {"an operator waives what a promotion has waived", grant_waiver, waive_for_an_hour},
      {"a node of another history that can follow", nothing, find_no_divergence},
      {"a node diverges", find_no_divergence, diverge},
      {"a node diverges at an unknown point", nothing, diverge_somewhere},
      {"a node diverges further", diverge, diverge_further},
      {"a diverged node is silent for a look", diverge, be_unreachable},
      {"a first view of a diverged node", nullptr, diverge},
      {"a node has what its writer lost", nothing, hold_lost_wal},
      {"a node that has what its writer lost goes on", hold_lost_wal, hold_lost_wal},
      {"a node that had what its writer lost is readmitted", hold_lost_wal, follow_after_all},
      {"nobody can tell whose WAL a node holds", follow_after_all, be_unseen_at_a_start},
      {"nobody can tell it yet", be_unseen_at_a_start, be_unseen_at_a_start},
      {"what was not known of a node is bad", be_unseen_at_a_start, hold_lost_wal},
      {"a first view of a node of which nobody can tell", nullptr, be_unseen_at_a_start},
      {"the writer has lost WAL", nothing, lose_wal},
      {"the writer has lost no more WAL", lose_wal, lose_wal},
      {"the writer has lost WAL again", lose_wal, lose_wal_again},
      {"a first view of a writer that has lost WAL", nullptr, lose_wal},
      {"a diverged node counts again by a mark", diverge, count_again},
      {"a node has marks that are of no use", nothing, lose_marks},
      {"marks go on being of no use", lose_marks, lose_marks},
      {"marks are of use again", lose_marks, nothing},
      {"a first view of marks that are of no use", nullptr, lose_marks},
      {"a witness falls silent", answer_of_witnesses, silence_epoch_witness},
      {"a witness stays silent", silence_epoch_witness, silence_epoch_witness},
      {"a witness answers again", silence_epoch_witness, answer_of_witnesses},
      {"another witness answers garbage", answer_of_witnesses, garble_generation_witness},
      {"a witness is configured and silent", nothing, silence_epoch_witness},
      {"a witness is no longer configured", silence_epoch_witness, nothing},
      {"a first view of a witness that answers garbage", nullptr, garble_generation_witness},
      {"an endpoint refuses", have_endpoint, refuse_at_endpoint},
      {"an endpoint goes on refusing", refuse_at_endpoint, refuse_at_endpoint},
      {"an endpoint answers again", refuse_at_endpoint, have_endpoint},
      {"a first view of an endpoint that refuses", nullptr, refuse_at_endpoint},
      {"an endpoint is configured and leads astray", nothing, lead_astray},
      {"an endpoint turns out right", have_endpoint, lead_to_writer},
      {"an endpoint turns out wrong", have_endpoint, lead_astray},
      {"an endpoint goes wrong", lead_to_writer, lead_astray},
      {"an endpoint stays wrong", lead_astray, lead_astray},
      {"an endpoint becomes unknown", lead_astray, have_endpoint},
      {"an endpoint is right again", lead_astray, lead_to_writer},
      {"a node keeps its history", nothing, keep_history},
      {"a node goes on keeping its history", keep_history, keep_history},
      {"a node tells its history again", keep_history, nothing},
      {"a synchronous promise is broken", nothing, downgrade},
      {"a synchronous promise is kept again", downgrade, keep_synchronous},
      {"the writer of a broken synchronous promise is lost", downgrade, lose_downgraded_writer},
      {"a synchronous promise is given up", downgrade, nothing},
      {"a lister fails", have_lister, fail_lister},
      {"a lister fails otherwise", fail_lister, fail_lister_otherwise},
      {"a lister answers again", fail_lister, have_lister},
      {"a lister is given up", fail_lister, nothing},
      {"what PostgreSQL says of its archive fails", nothing, fail_archive_of_postgres},
      {"the archive has a hole", nothing, miss_segments},
      {"the hole grows", miss_segments, miss_more_segments},
      {"the archive has another problem", miss_segments, hold_wal_of_others},
      {"the archive is in order again", miss_segments, nothing},
      {"the archive is too old", nothing, let_archive_age},
      {"the archive with a hole is too old", miss_segments, let_archive_with_hole_age},
      {"the archive is young again and keeps its hole", let_archive_with_hole_age, miss_segments},
      {"a node turns out foreign", nothing, be_foreign},
      {"a node is itself again", be_foreign, nothing},
      {"a node is out of reach", nothing, be_unreachable},
      {"a node is in reach again", be_unreachable, nothing},
      {"a node is added", nothing, add_node},
      {"a node is taken away", add_node, nothing},
      {"nodes stand in another order", nothing, swap_nodes},
      {"nodes stand in another order while one has diverged", diverge, swap_diverged_nodes},
      {"everything breaks", nothing, break_everything},
      {"everything is in order again", break_everything, nothing},
      {"a first view of everything broken", nullptr, break_everything},
  };
  return cases;
}

inline ShardView view_after(const EventCase& one) {
  ShardView view = quiet_view();
  one.after(view);
  return view;
}
/// The quiet view where there was none.
inline ShardView view_before(const EventCase& one) {
  ShardView view = quiet_view();
  if (one.before != nullptr) one.before(view);
  return view;
}

}  // namespace rpoguard::core::test
