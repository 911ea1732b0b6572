// Who is the writer: the verdict over the epochs that the nodes report.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exporter/core/judge/stamp.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

/// What is remembered about epochs from before, and what the authority says now.
struct EpochMemory {
  std::optional<Epoch> highest;
  std::optional<std::uint64_t> system_identifier;
  /// Nodes that were part of a split brain, with the epoch that each showed last. One that is not
  /// heard of, or whose address is another cluster's now, counts as a candidate: losing sight of a
  /// rival does not make it stop.
  std::map<std::size_t, std::optional<Epoch>> rivals = {};
  /// The epoch whose writer was confirmed last, and that writer.
  std::optional<Epoch> confirmed = {};
  std::string confirmed_node = {};
  EpochPlace confirmed_place = {};
  /// Nodes that are the very server which was confirmed last, whatever they are called.
  std::set<std::size_t> confirmed_server = {};
  /// Nodes that accept writes where the one confirmed last does not any more: asked after they were
  /// found to, it said that it is in recovery.
  std::set<std::size_t> yielded_to = {};
  /// Nodes that accept writes on a stamp which they had when they were still in recovery: whoever
  /// promoted them has not stamped them.
  std::set<std::size_t> promoted_since_stamp = {};
  /// EpochSource::http: an answer that is young enough, or why there is none.
  struct Authority {
    Epoch epoch;
    std::string writer;  ///< name or region; a node's name goes before a region's. Empty: nobody
  };
  std::optional<Authority> authority = {};
  std::string authority_silence = {};
};

struct EpochVerdict {
  std::vector<NodeState> states;      ///< parallel to ShardSpec::nodes
  std::vector<std::string> notes;     ///< one line each where a state needs explaining, else empty
  std::optional<std::size_t> writer;  ///< the one confirmed writer
  std::optional<Epoch> epoch;         ///< on which it is confirmed
  std::optional<Epoch> highest;       ///< never below EpochMemory::highest
  int writers = 0;                    ///< nodes of this shard that accept writes
  std::optional<std::uint64_t> system_identifier;
  std::vector<std::size_t> unseen_rivals;  ///< those that the split brain is called by now
  /// Stale writers that may have been promoted just now: a stamp would make one of them the writer.
  std::vector<std::size_t> perhaps_promoted;
  /// Why there is no confirmed writer: split_brain, stale_epoch or no_writer.
  std::optional<Reason> reason;
  std::string detail;
};

/// The epoch a node witnesses; nullopt where it has none to show (EpochSource::http: no node has).
std::optional<Epoch> epoch_of(EpochSource source, const NodeFacts& facts);

/// `current[i]` is what node i says now, null while it is not known. Pure. REQUIRES: `current` is
/// parallel to the spec's nodes.
EpochVerdict judge_epochs(const ShardSpec& spec, const EpochMemory& memory,
                          const std::vector<const NodeFacts*>& current);

/// What to type on the server that is to be the writer while none is confirmed: one statement for
/// each region with a node that may become it. None where no stamp in the table decides.
std::vector<std::string> stamp_statements(const ShardSpec& spec, const EpochVerdict& verdict);

}  // namespace rpoguard::core
