#include "exporter/core/epoch.hpp"

#include <algorithm>
#include <map>

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

struct Judge {
  const ShardSpec& spec;
  const EpochMemory& memory;
  const std::vector<const NodeFacts*>& current;
  EpochVerdict verdict;
  std::vector<std::size_t> candidates;  // nodes of this shard that accept writes, or may still

  bool seen(std::size_t node) const { return current[node] != nullptr; }
  bool unseen_rival(std::size_t node) const {
    return !seen(node) && node < memory.unseen_rivals.size() &&
           memory.unseen_rivals[node] != nullptr;
  }
  std::optional<Epoch> epoch(std::size_t node) const {
    return epoch_of(spec.epoch_source, seen(node) ? *current[node] : *memory.unseen_rivals[node]);
  }
  // A node that is not heard of stays unreachable, whatever else is said of it.
  void mark(std::size_t node, NodeState state, std::string note) {
    verdict.states[node] = seen(node) ? state : NodeState::unreachable;
    verdict.notes[node] = std::move(note);
  }

  void sort_by_role();
  void raise_highest();
  void rank_candidates();
  void confirm_alone(std::size_t node);
  void report_split_brain(const std::vector<std::size_t>& top);
};

void Judge::sort_by_role() {
  for (std::size_t node = 0; node < current.size(); ++node) {
    if (!seen(node)) {
      if (unseen_rival(node)) candidates.push_back(node);
      continue;
    }
    if (current[node]->system_identifier != verdict.system_identifier) {
      mark(node, NodeState::foreign,
           "its system identifier is " + std::to_string(current[node]->system_identifier) +
               ", this shard's is " + std::to_string(*verdict.system_identifier) +
               ": it holds another cluster's data");
    } else if (current[node]->in_recovery) {
      verdict.states[node] = NodeState::standby;
    } else {
      candidates.push_back(node);
      ++verdict.writers;
    }
  }
}

void Judge::raise_highest() {
  const auto witness = [&](std::size_t node) {
    const auto reported = epoch(node);
    if (reported && (!verdict.highest || *reported > *verdict.highest)) verdict.highest = reported;
  };
  if (spec.epoch_source == EpochSource::timeline) {
    // Whoever promotes a test copy raises a timeline, so only a lone writer may raise the mark.
    if (candidates.size() == 1) witness(candidates.front());
    return;
  }
  for (std::size_t node = 0; node < current.size(); ++node) {
    if (seen(node) && verdict.states[node] != NodeState::foreign) witness(node);
  }
}

void Judge::rank_candidates() {
  const bool many_timelines = spec.epoch_source == EpochSource::timeline && candidates.size() > 1;
  std::vector<std::size_t> top;
  for (const std::size_t node : candidates) {
    const auto reported = epoch(node);
    if (!many_timelines && reported && *reported < *verdict.highest) {
      mark(node, NodeState::stale_writer,
           "it accepts writes on epoch " + std::to_string(reported->value) +
               ", the highest seen is " + std::to_string(verdict.highest->value) +
               ": fence it, then rewind or re-seed it");
    } else {
      // An unknown epoch cannot be outranked, so it counts as a rival.
      top.push_back(node);
    }
  }
  if (top.size() > 1) {
    report_split_brain(top);
  } else if (top.size() == 1 && seen(top.front())) {
    confirm_alone(top.front());
  } else if (verdict.writers > 0) {
    verdict.reason = Reason::stale_epoch;
    verdict.detail = spec.nodes[candidates.front()].name + ": " + verdict.notes[candidates.front()];
  } else {
    verdict.reason = Reason::no_writer;
    verdict.detail = "no reachable node of this shard accepts writes";
  }
}

void Judge::confirm_alone(std::size_t node) {
  const auto reported = epoch(node);
  const auto& stamped = current[node]->stamped;
  std::string doubt;
  if (!reported) {
    doubt = "it accepts writes, but has no row in rpoguard.cluster_state (apply `rpoguard sql`)";
  } else if (spec.epoch_source == EpochSource::table &&
             stamped->writer_region != spec.nodes[node].region) {
    doubt = "it accepts writes in region " + spec.nodes[node].region + ", but epoch " +
            std::to_string(reported->value) + " is stamped for region " + stamped->writer_region +
            " (stamp a promotion with rpoguard.cluster_promote)";
  }
  if (doubt.empty()) {
    verdict.states[node] = NodeState::writer;
    verdict.writer = node;
    return;
  }
  mark(node, NodeState::unconfirmed, doubt);
  verdict.reason = Reason::stale_epoch;
  verdict.detail = spec.nodes[node].name + ": " + doubt;
}

void Judge::report_split_brain(const std::vector<std::size_t>& top) {
  std::string names;
  for (const std::size_t node : top)
    names += (names.empty() ? "" : " and ") + spec.nodes[node].name;
  for (const std::size_t node : top)
    mark(node, NodeState::split_brain,
         (seen(node) ? "accepts writes, as does another: "
                     : "accepted writes when last seen, as did another: ") +
             names);
  verdict.reason = Reason::split_brain;
  verdict.detail = names + " accept writes at the same time";
}

}  // namespace

std::optional<Epoch> epoch_of(EpochSource source, const NodeFacts& facts) {
  if (source == EpochSource::timeline) return Epoch{facts.timeline.value};
  if (!facts.stamped) return std::nullopt;
  return facts.stamped->epoch;
}

EpochVerdict judge_epochs(const ShardSpec& spec, const EpochMemory& memory,
                          const std::vector<const NodeFacts*>& current) {
  Judge judge{spec, memory, current, {}, {}};
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

}  // namespace rpoguard::core
