#include "exporter/core/tell/compare.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "exporter/base/text.hpp"

namespace rpoguard::core {
namespace {

using Events = std::vector<Event>;

std::string seconds_text(std::optional<Duration> duration) {
  if (!duration) return "unknown";
  using std::chrono::milliseconds;
  return render_duration(std::chrono::duration_cast<milliseconds>(*duration));
}

std::string first_reason(const ShardView& view) {
  return view.gate.reasons.empty() ? "" : name_of(view.gate.reasons.front());
}

bool has_reason(const ShardView& view, Reason reason) {
  return std::ranges::find(view.gate.reasons, reason) != view.gate.reasons.end();
}

Event event_of(EventKind kind, const ShardView& after, std::string text = {}) {
  return {.kind = kind,
          .shard = after.spec->id,
          .reason = first_reason(after),
          .text = std::move(text)};
}

Event change_of(EventKind kind, const ShardView& after, std::string from, std::string to,
                std::string text) {
  Event event = event_of(kind, after, std::move(text));
  event.from = std::move(from);
  event.to = std::move(to);
  return event;
}

// What is told when a thing stops answering, and when it answers again.
struct Answering {
  EventKind fails;
  EventKind answers;
};

std::string reason_of(const std::optional<ProbeError>& failure) {
  return failure ? name_of(failure->reason) : "";
}

// Another message with the same reason is no news. `before` is null where there was no such thing.
std::optional<Event> compare_failures(const std::optional<ProbeError>* before,
                                      const std::optional<ProbeError>& is, const Answering& kinds,
                                      const ShardView& after) {
  if (reason_of(is) == (before == nullptr ? "" : reason_of(*before))) return std::nullopt;
  if (!is) return event_of(kinds.answers, after);
  Event event = event_of(kinds.fails, after);
  event.details = {{"reason", reason_of(is)}, {"error", is->message}};
  return event;
}

// The bytes may grow at every look: that is no change. While the node does not answer nothing is
// known: that is no news about its WAL either.
std::optional<Event> compare_divergence(const NodeView* before, const NodeView& node,
                                        const ShardView& after) {
  if (!has_diverged(node) || (before != nullptr && has_diverged(*before))) return std::nullopt;
  Event event = event_of(EventKind::node_diverged, after,
                         node.name + " " + render_divergence(node) + render_lineage_note(node));
  // None, where positions do not show it.
  if (node.diverged_bytes.value_or(0) > 0)
    event.details = {{"bytes", std::to_string(*node.diverged_bytes)}};
  if (node.fork_point) event.details.emplace_back("fork_point", render_lsn(*node.fork_point));
  return event;
}

bool has_unknown_lineage(const NodeView& node) {
  return node.lineage == Lineage::unknown;
}

std::optional<Event> compare_lineages(const NodeView* before, const NodeView& node,
                                      const ShardView& after) {
  const bool was = before != nullptr && has_unknown_lineage(*before);
  if (was || !has_unknown_lineage(node)) return std::nullopt;
  return event_of(EventKind::node_lineage_unknown, after, node.lineage_note);
}

// An operator's word is told where it is given (run/monitor).
std::optional<Event> compare_readmission(const NodeView& node, const ShardView& after) {
  if (node.readmitted.empty()) return std::nullopt;
  const NodeWord word{.node = node.name, .by = "rpoguard", .reason = node.readmitted};
  Event event = event_of(EventKind::node_readmitted, after, render_readmitted(word));
  event.details = {{"by", word.by}, {"reason", word.reason}};
  return event;
}

std::optional<Event> compare_marks(const NodeView* before, const NodeView& node,
                                   const ShardView& after) {
  const bool worked = before == nullptr || before->mark_problem.empty();
  if (node.mark_problem.empty() || !worked) return std::nullopt;
  Event event = event_of(EventKind::node_marks_unusable, after);
  event.details = {{"error", node.mark_problem}};
  return event;
}

std::optional<Event> compare_histories(const NodeView* before, const NodeView& node,
                                       const ShardView& after) {
  const bool knew = before == nullptr || before->history_problem.empty();
  if (node.history_problem.empty() || !knew) return std::nullopt;
  Event event = event_of(EventKind::node_history_unknown, after);
  event.details = {{"error", node.history_problem}};
  return event;
}

std::optional<Event> compare_states(const NodeView* before, const NodeView& node,
                                    const ShardView& after) {
  const bool looked_at = before != nullptr || node.up;
  if (!looked_at || (before != nullptr && before->state == node.state)) return std::nullopt;
  const bool good = node.state == NodeState::writer || node.state == NodeState::standby;
  Event event = event_of(good ? EventKind::node_in_order : EventKind::node_out_of_order, after);
  event.details = {{"state", name_of(node.state)}};
  if (!node.note.empty()) event.details.emplace_back("detail", node.note);
  return event;
}

Events compare_node(const NodeView* before, const NodeView& node, const ShardView& after) {
  Events events;
  const Answering kinds{EventKind::node_silent, EventKind::node_answers};
  for (const auto& event :
       {compare_failures(before == nullptr ? nullptr : &before->failure, node.failure, kinds,
                         after),
        compare_divergence(before, node, after), compare_lineages(before, node, after),
        compare_readmission(node, after), compare_histories(before, node, after),
        compare_marks(before, node, after), compare_states(before, node, after)}) {
    if (event) events.emplace_back(*event).node = node.name;
  }
  return events;
}

Events compare_nodes(const ShardView* before, const ShardView& after) {
  Events events;
  for (const NodeView& node : after.nodes) {
    const auto same = [&](const NodeView& then) { return then.name == node.name; };
    const NodeView* then = nullptr;
    if (before != nullptr) {
      const auto found = std::ranges::find_if(before->nodes, same);
      if (found != before->nodes.end()) then = &*found;
    }
    std::ranges::move(compare_node(then, node, after), std::back_inserter(events));
  }
  return events;
}

Events compare_split_brains(const ShardView* before, const ShardView& after) {
  const bool was = before != nullptr && has_reason(*before, Reason::split_brain);
  const bool is = has_reason(after, Reason::split_brain);
  if (was == is) return {};
  return {is ? event_of(EventKind::split_brain, after, after.gate.detail)
             : event_of(EventKind::split_brain_ended, after, "the split brain is over")};
}

Events compare_epochs(const ShardView* before, const ShardView& after) {
  if (before == nullptr || !before->highest_epoch || !after.highest_epoch) return {};
  if (before->highest_epoch == after.highest_epoch) return {};
  const std::string to = std::to_string(after.highest_epoch->value);
  return {change_of(EventKind::epoch_changed, after, std::to_string(before->highest_epoch->value),
                    to, "the highest epoch is now " + to)};
}

Events compare_writers(const ShardView* before, const ShardView& after) {
  const auto* was = before != nullptr && before->writer ? &*before->writer : nullptr;
  const std::string from = was == nullptr ? "" : was->node;
  if (!after.writer) {
    if (was == nullptr) return {};
    return {change_of(EventKind::writer_lost, after, from, "", "no writer is confirmed any more")};
  }
  const WriterView& is = *after.writer;
  if (was != nullptr && was->node == is.node && was->epoch == is.epoch) return {};
  const std::string epoch = std::to_string(is.epoch.value);
  Event event = change_of(EventKind::writer_changed, after, from, is.node,
                          is.node + " in " + is.region + " is the writer of epoch " + epoch);
  event.node = is.node;
  event.details = {
      {"region", is.region}, {"epoch", epoch}, {"timeline", std::to_string(is.timeline.value)}};
  return {event};
}

Events compare_wal_losses(const ShardView* before, const ShardView& after) {
  const std::uint64_t known = before == nullptr ? 0 : before->wal_losses.count;
  if (after.wal_losses.count <= known) return {};
  const WalLoss& loss = *after.wal_losses.last;
  Event event =
      change_of(EventKind::writer_lost_wal, after, render_lsn(loss.flushed),
                render_lsn(loss.goes_on_from), loss.node + " has lost WAL: " + render_loss(loss));
  event.node = loss.node;
  return {event};
}

Events compare_witnesses(const ShardView* before, const ShardView& after) {
  Events events;
  const auto compare = [&](const char* number, std::optional<WitnessView> ShardView::*which) {
    const auto& is = after.*which;
    if (!is) return;
    const bool had = before != nullptr && before->*which;
    auto event = compare_failures(had ? &(before->*which)->failure : nullptr, is->failure,
                                  {EventKind::witness_silent, EventKind::witness_answers}, after);
    if (event) events.emplace_back(*event).details.emplace_back("witness", number);
  };
  compare("epoch", &ShardView::epoch_witness);
  compare("generation", &ShardView::generation_witness);
  return events;
}

// Unknown (not asked yet, or no answer) is not news about where the endpoint leads.
Events compare_endpoints(const ShardView* before, const ShardView& after) {
  if (!after.endpoint) return {};
  Events events;
  const EndpointView* was = before != nullptr && before->endpoint ? &*before->endpoint : nullptr;
  const EndpointView& is = *after.endpoint;
  if (auto event =
          compare_failures(was == nullptr ? nullptr : &was->failure, is.failure,
                           {EventKind::endpoint_silent, EventKind::endpoint_answers}, after))
    events.push_back(*event);
  const bool was_right = was == nullptr || was->on_writer.value_or(true);
  if (is.on_writer.value_or(was_right) == was_right) return events;
  events.push_back(was_right ? event_of(EventKind::endpoint_misrouted, after, is.note)
                             : event_of(EventKind::endpoint_on_writer, after));
  return events;
}

// Without a confirmed writer nobody knows: that is no news about the promise.
Events compare_promises(const ShardView* before, const ShardView& after) {
  const bool was = before != nullptr && before->synchronous.downgraded;  // also while unknown
  const bool is = downgraded(after).value_or(was);
  if (was == is) return {};
  return {is ? event_of(EventKind::synchronous_downgraded, after, after.synchronous.problem)
             : event_of(EventKind::synchronous_kept, after)};
}

// The note without its numbers: positions and counts move at every look.
std::string wording(const std::string& note) {
  std::string text;
  std::ranges::copy_if(note, std::back_inserter(text), [](char c) {
    return !(base::is_hex_digit(c) && !base::is_lower_letter(c)) && c != '/';
  });
  return text;
}

std::optional<Event> compare_archive_notes(const ShardView* before, const ShardView& after) {
  const std::string& note = after.archive.note;
  if (wording(note) == (before == nullptr ? "" : wording(before->archive.note)))
    return std::nullopt;
  return note.empty() ? event_of(EventKind::archive_in_order, after)
                      : event_of(EventKind::archive_noted, after, note);
}

bool stalled(const ShardView& view) {
  return !view.archive.note.empty() || has_reason(view, Reason::archive_too_old);
}

std::optional<Event> compare_stalls(const ShardView* before, const ShardView& after) {
  const bool is = stalled(after);
  if (is == (before != nullptr && stalled(*before))) return std::nullopt;
  if (!is) return event_of(EventKind::archive_recovered, after, "the archive is in order again");
  const std::string unknown = why_archive_age_unknown(after.archive);
  const std::string& text = after.archive.note.empty() ? unknown : after.archive.note;
  return event_of(EventKind::archive_stalled, after,
                  text.empty() ? meaning_of(Reason::archive_too_old) : text);
}

Events compare_archives(const ShardView* before, const ShardView& after) {
  Events events;
  // What PostgreSQL says of its archive fails together with the writer, which is told as that.
  if (after.spec->archive.source != ArchiveSource::postgres) {
    auto event = compare_failures(before == nullptr ? nullptr : &before->archive.failure,
                                  after.archive.failure,
                                  {EventKind::archive_silent, EventKind::archive_answers}, after);
    if (event) events.push_back(*event);
  }
  for (const auto& event : {compare_archive_notes(before, after), compare_stalls(before, after)}) {
    if (event) events.push_back(*event);
  }
  return events;
}

Events compare_waivers(const ShardView* before, const ShardView& after) {
  const WaiverView* had = before != nullptr && before->waiver ? &*before->waiver : nullptr;
  if (!after.waiver && had == nullptr) return {};
  if (!after.waiver) return {event_of(EventKind::waiver_ended, after, after.waiver_ended)};
  const WaiverView& is = *after.waiver;
  if (had != nullptr && had->ends == is.ends && had->why == is.why) return {};
  Event event = event_of(EventKind::waiver_granted, after, is.why);
  event.details = {{"for", seconds_text(is.until - after.evaluated)}};
  return {event};
}

Events compare_freezes(const ShardView* before, const ShardView& after) {
  const std::optional<Freeze> none;
  const std::optional<Freeze>& is = after.freeze;
  if ((before == nullptr ? none : before->freeze) == is) return {};
  if (!is) return {event_of(EventKind::unfrozen, after, after.freeze_ended)};
  Event event = event_of(EventKind::frozen, after, render_freeze(*is));
  event.details = {{"by", is->by},
                   {"reason", is->reason},
                   {"until", is->until ? render_time(*is->until) : "unfrozen"}};
  return {event};
}

Event turn_of_gate(const ShardView* before, const ShardView& after) {
  const std::string was = before == nullptr ? "" : first_reason(*before);
  const std::string is = first_reason(after);
  const std::string from = before == nullptr ? "unknown" : was.empty() ? "open" : "closed";
  const std::string& why = after.gate.detail;
  if (is.empty())
    return change_of(
        EventKind::gate_opened, after, from, "open",
        after.gate.waived ? "open under a waiver, without proof of a remote copy" : "open");
  if (was.empty()) return change_of(EventKind::gate_closed, after, from, "closed", why);
  return change_of(EventKind::gate_reason_changed, after, was, is, why);
}

Events compare_gates(const ShardView* before, const ShardView& after) {
  if (before != nullptr && first_reason(*before) == first_reason(after)) return {};
  Event event = turn_of_gate(before, after);
  event.details = {{"exposure", seconds_text(exposure_at(after, after.evaluated))},
                   {"rpo", render_duration(after.spec->rpo)}};
  if (after.gate.waived) event.details.emplace_back("waived", "true");
  return {event};
}

}  // namespace

std::vector<Event> events_between(const ShardView* before, const ShardView& after) {
  Events events;
  for (const auto compare :
       {compare_nodes, compare_split_brains, compare_epochs, compare_writers, compare_wal_losses,
        compare_witnesses, compare_endpoints, compare_promises, compare_archives, compare_waivers,
        compare_freezes, compare_gates})
    std::ranges::move(compare(before, after), std::back_inserter(events));
  return events;
}

}  // namespace rpoguard::core
