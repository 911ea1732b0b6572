#include "exporter/core/judge/writer_verdict.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "exporter/base/check.hpp"
#include "exporter/base/human.hpp"

namespace rpoguard::core {
namespace {

// EpochSource::http: why nobody knows who the authority says the writer is.
std::string silence_of(const WitnessReading& witness, Instant now) {
  if (!witness.view) return "no epoch witness is configured";
  if (witness.view->number) return "the epoch witness names no writer";
  std::string silence = "the epoch witness has given no good answer";
  silence +=
      witness.good ? " for " + base::render_short(now - witness.good->asked) : std::string(" yet");
  if (const auto& failure = witness.view->failure)
    silence += std::string(" (") + name_of(failure->reason) + ": " + failure->message + ")";
  return silence;
}

void ask_authority(EpochMemory& remembered, const WitnessReading& witness, Instant now) {
  const auto& view = witness.view;
  if (view && view->number && !view->writer.empty()) {
    remembered.authority = {.epoch = Epoch{*view->number}, .writer = view->writer};
  } else {
    remembered.authority_silence = silence_of(witness, now);
  }
}

// By its identity, not its name.
bool is_confirmed_server(const EpochRecord& record, const NodeFacts& facts) {
  return record.confirmed_started && facts.started == record.confirmed_started &&
         facts.system_identifier == record.system_identifier;
}

// The name leads to another node's server, as far as is known: what is said there is not said by
// the server that was meant once.
bool leads_elsewhere(std::size_t node, const ShardSpec& spec, const Servers& servers) {
  return std::ranges::any_of(spec.nodes, [&](const NodeSpec& other) {
    return other.name != spec.nodes[node].name && servers.are_one(other, spec.nodes[node]);
  });
}

// The last confirmed writer says that it is in recovery, asked at this moment; absent: it does not.
std::optional<Instant> in_recovery_when(const EpochRecord& record, const ShardSpec& spec,
                                        const Readings& readings, const Servers& servers) {
  const auto last = std::ranges::find(spec.nodes, record.confirmed_node, &NodeSpec::name);
  if (last == spec.nodes.end()) return std::nullopt;
  const auto node = static_cast<std::size_t>(last - spec.nodes.begin());
  const Reading& reading = readings[node];
  const bool said = reading.current && reading.facts().in_recovery &&
                    reading.facts().system_identifier == record.system_identifier;
  if (!said || leads_elsewhere(node, spec, servers)) return std::nullopt;
  return reading.last_success->asked;
}

bool is_promoted_since_stamp(const Reading& reading) {
  const auto& stamped = reading.facts().stamped;
  return reading.accepting_since && stamped && reading.epoch_in_recovery &&
         stamped->epoch <= *reading.epoch_in_recovery;
}

// What ties those who accept writes now to the last confirmed writer. What that one said before
// another was found to accept writes is no answer to it: it may have been promoted since.
void remember_succession(EpochMemory& remembered, const EpochRecord& record, const ShardSpec& spec,
                         const Readings& readings, const Servers& servers) {
  const auto in_recovery = in_recovery_when(record, spec, readings, servers);
  for (std::size_t node = 0; node < readings.size(); ++node) {
    const Reading& reading = readings[node];
    if (!reading.current) continue;
    if (is_confirmed_server(record, reading.facts())) remembered.confirmed_server.insert(node);
    if (in_recovery && reading.accepting_since && *in_recovery >= *reading.accepting_since)
      remembered.yielded_to.insert(node);
    if (is_promoted_since_stamp(reading)) remembered.promoted_since_stamp.insert(node);
  }
}

// What the verdict over the epochs needs from before, and from the witness.
EpochMemory remember(const EpochRecord& record, const ShardSpec& spec, const Readings& readings,
                     const Servers& servers, const WitnessReading& epoch_witness, Instant now) {
  EpochMemory remembered;
  remembered.highest = record.highest;
  if (const auto reached = number_reached(epoch_witness))
    remembered.highest = std::max(record.highest, std::optional(Epoch{*reached}));
  remembered.system_identifier = record.system_identifier;
  remembered.confirmed = record.confirmed;
  remembered.confirmed_node = record.confirmed_node;
  remembered.confirmed_place = record.confirmed_place;
  for (std::size_t node = 0; node < spec.nodes.size(); ++node) {
    const auto rival = record.rivals.find(spec.nodes[node].name);
    if (rival != record.rivals.end()) remembered.rivals[node] = rival->second;
  }
  if (spec.epoch_source == EpochSource::http) ask_authority(remembered, epoch_witness, now);
  remember_succession(remembered, record, spec, readings, servers);
  return remembered;
}

// It was asked, and accepted writes, after another of the split brain had been seen to do so. Facts
// that only look simultaneous because a lost writer is still within the stale window do not
// overlap.
bool overlaps_another(std::size_t node, const std::vector<NodeState>& states,
                      const Readings& readings) {
  for (std::size_t other = 0; other < readings.size(); ++other) {
    const auto& since = readings[other].accepting_since;
    if (other != node && states[other] == NodeState::split_brain && since &&
        readings[node].last_success->asked >= *since) {
      return true;
    }
  }
  return false;
}

bool is_configured(const ShardSpec& spec, const std::string& name) {
  return std::ranges::find(spec.nodes, name, &NodeSpec::name) != spec.nodes.end();
}

// The node that is meant says what it is.
bool is_heard(std::size_t node, const EpochVerdict& verdict, const Readings& readings) {
  return readings[node].current && verdict.states[node] != NodeState::foreign;
}

// The name of a rival leads to the server of a node that was none: that this one is in recovery is
// not the rival's word.
bool speaks_for_another(std::size_t node, const EpochRecord& record, const ShardSpec& spec,
                        const Readings& readings, const Servers& servers) {
  const NodeSpec& named = spec.nodes[node];
  if (!record.rivals.contains(named.name) || !readings[node].current ||
      !readings[node].facts().in_recovery)
    return false;
  return std::ranges::any_of(spec.nodes, [&](const NodeSpec& other) {
    return !record.rivals.contains(other.name) && servers.are_one(other, named);
  });
}

// A writer is confirmed on a higher stamp than the one that the rival showed last. Where only an
// authority counts, rivals show none: it may come to name the whole region again.
bool is_outranked(const std::optional<Epoch>& shown, const EpochVerdict& verdict) {
  return shown && verdict.writer && *shown < *verdict.epoch;
}

// A rival stays one until it is heard to be none, or is outranked: while nothing is heard of it,
// while its way refuses, while the authority is silent, and across a restart of rpoguard.
std::map<std::string, std::optional<Epoch>> rivals_now(const EpochRecord& before,
                                                       const ShardSpec& spec,
                                                       const EpochVerdict& verdict,
                                                       const Readings& readings,
                                                       const Servers& servers) {
  std::map<std::string, std::optional<Epoch>> rivals;
  for (const auto& rival : before.rivals) {
    if (!is_configured(spec, rival.first) && !is_outranked(rival.second, verdict))
      rivals.insert(rival);
  }
  for (std::size_t node = 0; node < readings.size(); ++node) {
    const auto known = before.rivals.find(spec.nodes[node].name);
    const bool was = known != before.rivals.end();
    if (!is_heard(node, verdict, readings) ||
        speaks_for_another(node, before, spec, readings, servers)) {
      if (was && !is_outranked(known->second, verdict)) rivals.insert(*known);
      continue;
    }
    const NodeState state = verdict.states[node];
    const bool may_be = state == NodeState::split_brain || state == NodeState::unconfirmed;
    const bool proven =
        state == NodeState::split_brain && overlaps_another(node, verdict.states, readings);
    if (proven || (was && may_be))
      rivals[spec.nodes[node].name] = epoch_of(spec.epoch_source, readings[node].facts());
  }
  return rivals;
}

// How a node that accepts writes is used, as far as that was seen; empty: nothing was.
std::string use_of(const Reading& reading, Instant now) {
  if (reading.last_transaction)
    return "was last seen to commit " + base::render_short(now - *reading.last_transaction) +
           " ago";
  if (!reading.accepting_since) return "";
  return "has not been seen to commit since it was found to accept writes " +
         base::render_short(now - *reading.accepting_since) + " ago";
}

// Who of several writers is in use. For people only: a dormant one may wake up at any moment, so
// nothing is decided by it.
void tell_writers_apart(EpochVerdict& verdict, const ShardSpec& spec, const Readings& readings,
                        Instant now) {
  std::string who;
  for (std::size_t node = 0; node < readings.size(); ++node) {
    const NodeState state = verdict.states[node];
    if (state != NodeState::stale_writer && state != NodeState::split_brain) continue;
    const std::string use = use_of(readings[node], now);
    if (use.empty()) continue;
    verdict.notes[node] += "; it " + use;
    if (state == NodeState::split_brain)
      who += (who.empty() ? "" : ", ") + spec.nodes[node].name + " " + use;
  }
  if (!who.empty()) verdict.detail += ": " + who;
}

// What the operator may do about a rival that cannot be asked.
std::string how_to_forget(const ShardSpec& spec, const std::string& name) {
  return "; " + name + " cannot be reached and may still accept writes: fence it first, then run " +
         "`rpoguard forget-rival " + spec.id + "/" + name + " --reason TEXT`";
}

void tell_how_to_forget(EpochVerdict& verdict, const std::vector<std::string>& removed,
                        const ShardSpec& spec) {
  for (const std::size_t node : verdict.unseen_rivals)
    verdict.detail += how_to_forget(spec, spec.nodes[node].name);
  for (const std::string& name : removed)
    verdict.detail += how_to_forget(spec, name) +
                      (is_configured(spec, name) ? " (its name leads to another server now)"
                                                 : " (it is not in the configuration any more)");
}

// To take a rival out of the configuration, or its name from it, does not stop it: nobody is
// confirmed beside it.
void recall_removed_rivals(EpochVerdict& verdict, const std::vector<std::string>& removed,
                           const ShardSpec& spec) {
  if (removed.empty()) return;
  const std::size_t node = *verdict.writer;
  std::string all = spec.nodes[node].name;
  for (const std::string& name : removed) all += " and " + name;
  verdict.writer.reset();
  verdict.epoch.reset();
  verdict.states[node] = NodeState::split_brain;
  verdict.notes[node] = "accepts writes, as another did when last seen: " + all;
  verdict.reason = Reason::split_brain;
  verdict.detail = all + " accepted writes at the same time when last seen";
}

// Those beside whom the writer may not be confirmed. An authority that names a node has told all
// others from it.
std::vector<std::string> removed_rivals(const EpochVerdict& verdict, const EpochRecord& record,
                                        const ShardSpec& spec, const EpochMemory& remembered,
                                        const Readings& readings, const Servers& servers) {
  std::vector<std::string> removed;
  const bool named = remembered.authority && is_configured(spec, remembered.authority->writer);
  if (!verdict.writer || named) return removed;
  for (const auto& [name, shown] : record.rivals) {
    const auto node = std::ranges::find(spec.nodes, name, &NodeSpec::name);
    const bool removed_now = node == spec.nodes.end() ||
                             speaks_for_another(static_cast<std::size_t>(node - spec.nodes.begin()),
                                                record, spec, readings, servers);
    if (removed_now && !is_outranked(shown, verdict)) removed.push_back(name);
  }
  return removed;
}

// An unknown timeline is not another one, and another name of the same server is not another node.
bool has_moved(const EpochRecord& record, const ShardSpec& spec, const Servers& servers,
               const NodeSpec& node, const NodeFacts& facts) {
  const auto& timeline = record.confirmed_place.timeline;
  const auto last = std::ranges::find(spec.nodes, record.confirmed_node, &NodeSpec::name);
  const bool same_node = (last != spec.nodes.end() && servers.are_one(*last, node)) ||
                         is_confirmed_server(record, facts);
  return !same_node || (timeline && *timeline != facts.timeline);
}

// The place is that of the first look at this node and timeline on this epoch that shows it.
void confirm(EpochRecord& record, const ConfirmedWriter& writer) {
  const NodeFacts& facts = writer.facts();
  const EpochPlace& place = record.confirmed_place;
  const bool known = !writer.moved && record.confirmed == writer.epoch && place.timeline &&
                     (place.position || !epoch_place(facts).position);
  if (!known) record.confirmed_place = epoch_place(facts);
  record.confirmed = std::max(record.confirmed, std::optional(writer.epoch));
  record.confirmed_node = writer.spec.name;
  record.confirmed_started = facts.started;
  record.system_identifier = facts.system_identifier;
}

}  // namespace

std::string forget_rival(EpochRecord& record, const ShardSpec& spec, const Readings& readings,
                         const std::string& name) {
  if (!record.rivals.contains(name)) {
    if (!is_configured(spec, name)) return "shard " + spec.id + " has no node " + name;
    return name + " is no rival of a split brain: there is nothing to forget";
  }
  const auto node = std::ranges::find(spec.nodes, name, &NodeSpec::name);
  const auto index = static_cast<std::size_t>(node - spec.nodes.begin());
  const Reading* reading = index < readings.size() ? &readings[index] : nullptr;
  const bool heard = reading != nullptr && reading->current && !reading->facts().in_recovery &&
                     (!record.system_identifier ||
                      reading->facts().system_identifier == *record.system_identifier);
  if (heard)
    return name + " answers and accepts writes, so it would be a rival again at once: stop it, " +
           "make it a standby, or stamp the node that stays";
  record.rivals.erase(name);
  return "";
}

WriterVerdict judge_writer(EpochRecord before, const ShardSpec& spec, const Readings& readings,
                           const Servers& servers, const WitnessReading& epoch_witness,
                           Instant now) {
  RPOGUARD_CHECK(readings.size() == spec.nodes.size());
  std::vector<const NodeFacts*> facts(readings.size(), nullptr);
  for (std::size_t node = 0; node < facts.size(); ++node) {
    if (readings[node].current) facts[node] = &readings[node].facts();
  }
  WriterVerdict verdict;
  EpochVerdict& epochs = verdict.epochs;
  const auto remembered = remember(before, spec, readings, servers, epoch_witness, now);
  epochs = judge_epochs(spec, remembered, facts);
  const auto removed = removed_rivals(epochs, before, spec, remembered, readings, servers);
  recall_removed_rivals(epochs, removed, spec);
  auto rivals = rivals_now(before, spec, epochs, readings, servers);
  tell_writers_apart(epochs, spec, readings, now);
  tell_how_to_forget(epochs, removed, spec);

  EpochRecord& record = verdict.record = std::move(before);
  record.rivals = std::move(rivals);
  record.highest = epochs.highest;
  if (!epochs.writer) return verdict;
  const bool promoted = record.confirmed && *epochs.epoch > *record.confirmed;
  const std::size_t node = *epochs.writer;
  const bool moved = has_moved(record, spec, servers, spec.nodes[node], *facts[node]);
  verdict.writer.emplace(
      ConfirmedWriter{node, spec.nodes[node], readings[node], *epochs.epoch, promoted, moved});
  confirm(record, *verdict.writer);
  return verdict;
}

}  // namespace rpoguard::core
