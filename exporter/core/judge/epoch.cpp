#include "exporter/core/judge/epoch.hpp"

#include <algorithm>
#include <map>

#include "exporter/base/check.hpp"

namespace rpoguard::core {
namespace {

// Before a writer has ever been confirmed, the system identifier most nodes agree on; the first
// named wins a tie.
std::optional<std::uint64_t> majority_identifier(const std::vector<const NodeFacts*>& current) {
  std::map<std::uint64_t, int> votes;
  std::optional<std::uint64_t> best;
  for (const NodeFacts* facts : current) {
    if (facts != nullptr) ++votes[facts->system_identifier];
  }
  for (const NodeFacts* facts : current) {
    if (facts == nullptr) continue;
    if (!best || votes[facts->system_identifier] > votes[*best]) best = facts->system_identifier;
  }
  return best;
}

std::string text(Epoch epoch) {
  return std::to_string(epoch.value);
}

// As long as nobody is confirmed, a stamp would make it the writer.
bool may_be_stamped(const EpochVerdict& verdict, std::size_t node) {
  const NodeState state = verdict.states[node];
  return state == NodeState::standby || state == NodeState::unconfirmed ||
         state == NodeState::split_brain || std::ranges::count(verdict.perhaps_promoted, node) > 0;
}

/// What a server is that accepts writes on a lower epoch than the highest.
enum class Lower {
  old_writer,  ///< it was the writer before
  promoted,    ///< since its stamp was made: somebody wants it to be the writer
  either,      ///< nothing tells which of the two
};

struct Judge {
  const ShardSpec& spec;
  const EpochMemory& memory;
  const std::vector<const NodeFacts*>& current;
  EpochVerdict verdict;
  std::vector<std::size_t> candidates;  // nodes of this shard that accept writes, or may still

  bool foreign(std::size_t node) const { return verdict.states[node] == NodeState::foreign; }
  // It is heard of, and by the server that is meant.
  bool seen(std::size_t node) const { return current[node] != nullptr && !foreign(node); }
  std::optional<Epoch> epoch(std::size_t node) const {
    if (memory.authority) return memory.authority->epoch;
    return seen(node) ? epoch_of(spec.epoch_source, *current[node]) : memory.rivals.at(node);
  }
  // A node that is not heard of stays unreachable or foreign, whatever else is said of it.
  void mark(std::size_t node, NodeState state, const std::string& note) {
    if (seen(node)) verdict.states[node] = state;
    std::string& known = verdict.notes[node];
    known += (known.empty() ? "" : "; ") + note;
  }

  void sort_by_role();
  void raise_highest();
  bool named(std::size_t node) const;
  std::string outranked(std::size_t node) const;
  std::optional<Timeline> timeline_of_highest() const;
  Lower tell_lower(std::size_t node) const;
  void report_lower(std::size_t node);
  void rank_candidates();
  std::string foreign_stamp(std::size_t node) const;
  bool is_raised(std::size_t node) const;
  bool may_take_over(std::size_t node) const;
  std::string takeover(std::size_t node) const;
  std::string repeated_number(std::size_t node) const;
  std::string late_promotion(std::size_t node) const;
  std::string borrowed_stamp(std::size_t node) const;
  std::string stamp_it(std::size_t node) const;
  std::string doubt_about(std::size_t node) const;
  void confirm_alone(std::size_t node);
  void report_silence();
  void report_nobody_on_top(const std::vector<std::size_t>& lower);
  void report_split_brain(const std::vector<std::size_t>& top);
};

void Judge::sort_by_role() {
  for (std::size_t node = 0; node < current.size(); ++node) {
    if (seen(node) && current[node]->system_identifier != verdict.system_identifier) {
      mark(node, NodeState::foreign,
           "its system identifier is " + std::to_string(current[node]->system_identifier) +
               ", this shard's is " + std::to_string(*verdict.system_identifier) +
               ": it holds another cluster's data");
    }
    if (!seen(node)) {
      if (memory.rivals.contains(node)) candidates.push_back(node);
    } else if (current[node]->in_recovery) {
      verdict.states[node] = NodeState::standby;
    } else {
      candidates.push_back(node);
      ++verdict.writers;
    }
  }
}

void Judge::raise_highest() {
  if (spec.epoch_source == EpochSource::http) return;  // the authority's answers raised it
  const auto witness = [&](std::size_t node) {
    const auto reported = epoch(node);
    if (reported && (!verdict.highest || *reported > *verdict.highest)) verdict.highest = reported;
  };
  if (spec.epoch_source == EpochSource::timeline) {
    // Whoever promotes a test copy raises a timeline, so only a lone writer may raise the mark, and
    // what was said of a rival that is out of sight may be no writer's.
    if (candidates.size() == 1 && seen(candidates.front())) witness(candidates.front());
    return;
  }
  for (std::size_t node = 0; node < current.size(); ++node) {
    if (seen(node)) witness(node);
  }
}

// Does the authority mean this node?
bool Judge::named(std::size_t node) const {
  const std::string& writer = memory.authority->writer;
  const bool by_name = std::ranges::find(spec.nodes, writer, &NodeSpec::name) != spec.nodes.end();
  return writer == (by_name ? spec.nodes[node].name : spec.nodes[node].region);
}

// Why this candidate is surely not the writer; empty: it may be.
std::string Judge::outranked(std::size_t node) const {
  if (memory.authority) {
    if (named(node)) return "";
    return "it accepts writes, but the epoch witness names " + memory.authority->writer +
           " as the writer of epoch " + text(memory.authority->epoch);
  }
  if (spec.epoch_source == EpochSource::timeline && candidates.size() > 1) return "";
  const auto reported = epoch(node);
  // An unknown epoch cannot be outranked, so it counts as a rival.
  if (!reported || !verdict.highest || *reported >= *verdict.highest) return "";
  return "it accepts writes on epoch " + text(*reported) + ", the highest seen is " +
         text(*verdict.highest);
}

// On which timeline the server is, or was, that was stamped with the highest epoch.
std::optional<Timeline> Judge::timeline_of_highest() const {
  if (memory.confirmed == verdict.highest && memory.confirmed_place.timeline)
    return memory.confirmed_place.timeline;
  for (std::size_t node = 0; node < current.size(); ++node) {
    if (!seen(node) || !current[node]->stamped) continue;
    const StampedEpoch& stamped = *current[node]->stamped;
    if (stamped.epoch == verdict.highest && stamped.timeline) return stamped.timeline;
  }
  return std::nullopt;
}

// Example. Epoch 3 was stamped on timeline 1, and is lost with its server. phx-a had not received
// that stamp when somebody promoted it: it is on timeline 2, and shows epoch 2, stamped on timeline
// 1. It is no old writer: nobody has stamped it. iad-a, which comes back on timeline 1 with an
// epoch that was stamped on timeline 1, was the writer once.
Lower Judge::tell_lower(std::size_t node) const {
  const bool stamps = !memory.authority && spec.epoch_source != EpochSource::timeline;
  if (!stamps || !seen(node)) return Lower::old_writer;
  const NodeFacts& facts = *current[node];
  const auto& stamped = facts.stamped->timeline;
  const auto highest = timeline_of_highest();
  const bool after = highest && comes_after(facts, *highest);
  if (after && stamped && *stamped != facts.timeline) return Lower::promoted;
  const bool before = highest && facts.timeline < *highest;
  if (!after && (stamped ? *stamped == facts.timeline : before)) return Lower::old_writer;
  return Lower::either;
}

// Nobody is told to stamp one while another is the writer.
void Judge::report_lower(std::size_t node) {
  const Lower kind = verdict.writer ? Lower::old_writer : tell_lower(node);
  const std::string why = outranked(node);
  const std::string remedy = "fence it, then run pg_rewind or rebuild it";
  if (kind == Lower::old_writer) return mark(node, NodeState::stale_writer, why + ": " + remedy);
  if (kind == Lower::promoted)
    return mark(node, NodeState::unconfirmed,
                "it accepts writes on epoch " + text(*epoch(node)) + ", " +
                    another_timeline(*current[node]) + "; the highest epoch seen is " +
                    text(*verdict.highest) + stamp_it(node));
  verdict.perhaps_promoted.push_back(node);
  mark(node, NodeState::stale_writer, why + ": if it is an old writer, " + remedy + stamp_it(node));
}

void Judge::rank_candidates() {
  if (spec.epoch_source == EpochSource::http && !memory.authority && verdict.writers > 0)
    return report_silence();
  std::vector<std::size_t> top;
  std::vector<std::size_t> lower;
  for (const std::size_t node : candidates) (outranked(node).empty() ? top : lower).push_back(node);
  if (top.size() > 1) {
    report_split_brain(top);
  } else if (top.size() == 1 && seen(top.front())) {
    confirm_alone(top.front());
  }
  for (const std::size_t node : lower) report_lower(node);
  if (verdict.writer || verdict.reason) return;
  if (verdict.writers > 0) {
    report_nobody_on_top(lower);
  } else {
    verdict.reason = Reason::no_writer;
    verdict.detail = "no reachable node of this shard accepts writes";
  }
}

// Of the one that may become the writer, if there is such a one.
void Judge::report_nobody_on_top(const std::vector<std::size_t>& lower) {
  RPOGUARD_CHECK(!lower.empty());
  const auto found =
      std::ranges::find_if(lower, [&](std::size_t node) { return may_be_stamped(verdict, node); });
  const std::size_t node = found == lower.end() ? lower.front() : *found;
  verdict.reason = Reason::stale_epoch;
  verdict.detail = spec.nodes[node].name + ": " + verdict.notes[node];
}

void Judge::report_silence() {
  for (const std::size_t node : candidates) {
    mark(node, NodeState::unconfirmed, "it accepts writes, but " + memory.authority_silence);
  }
  verdict.reason = Reason::stale_epoch;
  verdict.detail = memory.authority_silence;
}

// What to do about an epoch that is not this node's own.
std::string Judge::stamp_it(std::size_t node) const {
  if (spec.epoch_source != EpochSource::table) return "; it needs a higher epoch to be the writer";
  return "; if it is to be the writer, stamp it: " +
         stamp_statement(spec.nodes[node].region, verdict.highest);
}

// The row says who owns its epoch; what it says against this node, if anything.
std::string Judge::foreign_stamp(std::size_t node) const {
  const StampedEpoch& stamped = *current[node]->stamped;
  if (stamped.writer_region == spec.nodes[node].region) return "";
  return "it accepts writes in region " + spec.nodes[node].region + ", but epoch " +
         text(stamped.epoch) + " is stamped for region " + stamped.writer_region +
         (spec.epoch_source == EpochSource::table ? stamp_it(node) : " (by epoch.query)");
}

// Its epoch is higher than that of the last confirmed writer.
bool Judge::is_raised(std::size_t node) const {
  return !memory.confirmed || *epoch(node) > *memory.confirmed;
}

// Is it known of another server on the epoch of the last writer that this one writes no more?
//
// Example. iad-a was confirmed on epoch 4, and is out of sight. Somebody promotes iad-b, whose row
// says epoch 4 for region iad, too: iad-a may accept writes all the while. Only once iad-a itself
// says that it is in recovery, or the number rises, is iad-b the writer.
bool Judge::may_take_over(std::size_t node) const {
  const std::string& last = memory.confirmed_node;
  if (last.empty() || last == spec.nodes[node].name) return true;
  if (memory.confirmed_server.contains(node)) return true;
  const auto owner = std::ranges::find(spec.nodes, last, &NodeSpec::name);
  // To take the owner out of the configuration is an operator's word where there is no number to
  // raise.
  if (owner == spec.nodes.end()) return spec.epoch_source == EpochSource::timeline;
  return memory.yielded_to.contains(node) && owner->region == spec.nodes[node].region;
}

std::string Judge::takeover(std::size_t node) const {
  if (is_raised(node) || may_take_over(node)) return "";
  const std::string& last = memory.confirmed_node;
  const bool configured = std::ranges::find(spec.nodes, last, &NodeSpec::name) != spec.nodes.end();
  return "it accepts writes on epoch " + text(*epoch(node)) + ", on which " + last +
         " has been the writer; " + last +
         (configured ? " has not been seen in recovery since"
                     : " is not in the configuration any more") +
         ", so both may accept writes" + stamp_it(node);
}

// A restored server is stamped from a low number on, and two that were promoted apart from each
// other get the same one: whoever holds that epoch from before would be let in.
std::string Judge::repeated_number(std::size_t node) const {
  if (is_raised(node)) return "";
  const bool same_node = spec.nodes[node].name == memory.confirmed_node;
  const std::string now = another_history(memory.confirmed_place, *current[node], same_node);
  if (now.empty()) return "";
  return "it accepts writes on epoch " + text(*epoch(node)) +
         ", a number that was used before: on " + memory.confirmed_node + ", " +
         render_place(memory.confirmed_place) + "; now it is on " + now + stamp_it(node);
}

// A promotion that nobody has stamped: of a server under the name of the last writer, which need
// not be the same server, or of one that rpoguard has seen in recovery with this very stamp.
std::string Judge::late_promotion(std::size_t node) const {
  const bool last = !is_raised(node) && spec.nodes[node].name == memory.confirmed_node;
  const auto& before = memory.confirmed_place.timeline;
  const Timeline now = current[node]->timeline;
  const bool moved = last && before && now != *before;
  const bool promoted = !last && memory.promoted_since_stamp.contains(node) &&
                        !memory.confirmed_server.contains(node);
  if (memory.yielded_to.contains(node) || (!moved && !promoted)) return "";
  std::string why = "it accepts writes on epoch " + text(*epoch(node));
  if (moved) {
    why += ", which was confirmed on timeline " + std::to_string(before->value) +
           "; now it is on timeline " + std::to_string(now.value);
  } else {
    why += ", which it had when it was still in recovery";
  }
  return why + ": it was promoted since" + stamp_it(node);
}

// A stamp that nobody has confirmed yet, and that the server before was given: it was promoted with
// that stamp in its WAL, and whoever was stamped may go on.
//
// Example. iad-a was confirmed on epoch 1. While rpoguard sees neither iad-a nor iad-b, iad-a is
// stamped again, on its timeline 1, and then somebody promotes iad-b, to timeline 2: its epoch 2 is
// news, and iad-a's.
std::string Judge::borrowed_stamp(std::size_t node) const {
  const std::string borrowed = is_raised(node) ? another_timeline(*current[node]) : "";
  if (borrowed.empty()) return "";
  return "it accepts writes on epoch " + text(*epoch(node)) + ", " + borrowed + stamp_it(node);
}

std::string Judge::doubt_about(std::size_t node) const {
  const EpochSource source = spec.epoch_source;
  if (!epoch(node)) {
    const auto& lock = current[node]->epoch_lock;
    if (lock) return "it accepts writes, but " + render_lock(*lock);
    const std::string& problem = current[node]->epoch_problem;
    if (source == EpochSource::table)
      return "it accepts writes, but " +
             (problem.empty() ? "has no row in rpoguard.cluster_state (apply `rpoguard sql`)"
                              : problem);
    return "it accepts writes, but epoch.query gives no row there" +
           (problem.empty() ? "" : ": " + problem);
  }
  const bool stamps = source == EpochSource::table || source == EpochSource::query;
  const bool region = stamps && !current[node]->stamped->writer_region.empty();
  if (source == EpochSource::table || region) {
    const std::string foreign = foreign_stamp(node);
    if (!foreign.empty()) return foreign;
  }
  const std::string other = takeover(node);
  if (!other.empty() || !stamps) return other;
  const std::string repeated = repeated_number(node);
  if (!repeated.empty()) return repeated;
  const std::string borrowed = borrowed_stamp(node);
  return borrowed.empty() ? late_promotion(node) : borrowed;
}

void Judge::confirm_alone(std::size_t node) {
  const std::string doubt = doubt_about(node);
  if (doubt.empty()) {
    verdict.states[node] = NodeState::writer;
    verdict.writer = node;
    verdict.epoch = epoch(node);
    return;
  }
  mark(node, NodeState::unconfirmed, doubt);
  verdict.reason = Reason::stale_epoch;
  verdict.detail = spec.nodes[node].name + ": " + doubt;
}

void Judge::report_split_brain(const std::vector<std::size_t>& top) {
  std::string names;
  for (const std::size_t node : top) {
    names += (names.empty() ? "" : " and ") + spec.nodes[node].name;
    if (!seen(node)) verdict.unseen_rivals.push_back(node);
  }
  for (const std::size_t node : top)
    mark(node, NodeState::split_brain,
         (seen(node) ? "accepts writes, as does another: "
                     : "accepted writes when last seen, as did another: ") +
             names);
  verdict.reason = Reason::split_brain;
  verdict.detail =
      names + (verdict.unseen_rivals.empty() ? " accept writes at the same time"
                                             : " accepted writes at the same time when last seen");
}

}  // namespace

std::optional<Epoch> epoch_of(EpochSource source, const NodeFacts& facts) {
  if (source == EpochSource::timeline) return Epoch{facts.timeline.value};
  if (source == EpochSource::http || !facts.stamped) return std::nullopt;
  return facts.stamped->epoch;
}

EpochVerdict judge_epochs(const ShardSpec& spec, const EpochMemory& memory,
                          const std::vector<const NodeFacts*>& current) {
  RPOGUARD_CHECK(current.size() == spec.nodes.size());
  Judge judge{.spec = spec, .memory = memory, .current = current, .verdict = {}, .candidates = {}};
  judge.verdict.states.assign(current.size(), NodeState::unreachable);
  judge.verdict.notes.assign(current.size(), "");
  judge.verdict.highest = memory.highest;
  judge.verdict.system_identifier =
      memory.system_identifier ? memory.system_identifier : majority_identifier(current);
  judge.sort_by_role();
  judge.raise_highest();
  judge.rank_candidates();
  return judge.verdict;
}

std::vector<std::string> stamp_statements(const ShardSpec& spec, const EpochVerdict& verdict) {
  std::vector<std::string> statements;
  if (verdict.writer || spec.epoch_source != EpochSource::table) return statements;
  for (std::size_t node = 0; node < spec.nodes.size(); ++node) {
    if (!may_be_stamped(verdict, node)) continue;
    const auto statement = stamp_statement(spec.nodes[node].region, verdict.highest);
    if (std::ranges::find(statements, statement) == statements.end())
      statements.push_back(statement);
  }
  return statements;
}

}  // namespace rpoguard::core
