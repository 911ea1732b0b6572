// Who is the writer: the verdict over the epochs that the nodes report.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporter/core/observation.hpp"
#include "exporter/core/spec.hpp"
#include "exporter/core/view.hpp"

namespace rpoguard::core {

/// What is remembered about epochs from before.
struct EpochMemory {
  std::optional<Epoch> highest;
  std::optional<std::uint64_t> system_identifier;
  /// Empty, or parallel to ShardSpec::nodes: what a node said last that was part of a split brain
  /// and has not been heard of since. Losing sight of a rival does not make it stop. Null for all
  /// others.
  std::vector<const NodeFacts*> unseen_rivals = {};
};

struct EpochVerdict {
  std::vector<NodeState> states;      ///< parallel to ShardSpec::nodes
  std::vector<std::string> notes;     ///< one line each where a state needs explaining, else empty
  std::optional<std::size_t> writer;  ///< the one confirmed writer
  std::optional<Epoch> highest;       ///< never below EpochMemory::highest
  int writers = 0;                    ///< nodes of this shard that accept writes
  std::optional<std::uint64_t> system_identifier;
  std::optional<Reason>
      reason;  ///< why there is no confirmed writer: split_brain, stale_epoch or no_writer
  std::string detail;
};

/// The epoch a node witnesses; nullopt where it has none to show.
std::optional<Epoch> epoch_of(EpochSource source, const NodeFacts& facts);

/// `current[i]` is what node i says now, null while it is not known. Pure.
EpochVerdict judge_epochs(const ShardSpec& spec, const EpochMemory& memory,
                          const std::vector<const NodeFacts*>& current);

}  // namespace rpoguard::core
