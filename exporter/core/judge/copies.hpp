// Where each copy is, by the latest reading, and what that proves: a step of an evaluation.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "exporter/core/judge/bootstrap.hpp"
#include "exporter/core/judge/lineage.hpp"
#include "exporter/core/judge/readings.hpp"
#include "exporter/core/judge/recovery_point.hpp"
#include "exporter/core/judge/servers.hpp"
#include "exporter/core/judge/wal_source.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// What is known of one node as a copy of the source's WAL. The first part goes on from one
/// evaluation to the next.
struct Copy {
  std::optional<DurablePosition> position;  ///< as the latest reading proves it
  bool has_target = false;                  ///< a recovery target, by its own word
  Instant position_as_of{};  ///< when that was last shown to be so; it proves nothing about later
  std::optional<std::int64_t> row_pid;  ///< of the writer's row for this node: its connection
  /// The writer's row for this node has agreed with the node's own report, never been ahead.
  bool row_trusted = false;
  /// The latest look at the writer whose row told nothing beyond `position`.
  std::optional<Instant> row_unmoved_at;
  /// The writer's report minus the node's own, when both were last asked in that order. Absent: one
  /// of them is not known.
  std::optional<std::int64_t> disagreement_bytes;
  BootstrapMemory bootstrap;
  /// Every other name that may not count has been asked since this copy is known, so that none of
  /// them can turn out to be this copy's at its first answer. Until then the copy proves nothing.
  bool told_apart = false;

  // Judged anew at each evaluation.
  std::string
      row_name;  ///< of the writer's row for this node (row_names.hpp); empty: none is known
  bool counted = false;  ///< may its proof count?
  Lineage lineage = Lineage::unknown;
};

/// Parallel to ShardSpec::nodes.
using Copies = std::vector<Copy>;

/// A copy's position is its own word, or the writer's row for it while the copy itself does not
/// answer. A copy counts only outside the writer's region, where the policy allows it, and as a
/// standby. A server of several names counts once, as the first of them that answers, and not at
/// all if one of them may not count. `source` has followed `writer` already. REQUIRES:
/// readings are parallel to the spec's nodes.
Copies locate_copies(Copies copies, const ShardSpec& spec, const Readings& readings,
                     const Servers& servers, const WriterVerdict& verdict,
                     const std::vector<NodeLineage>& lineages, const WalSource& source);

/// Up to where the copy has the source's WAL, and until when that proves everything; nullopt where
/// nothing is proven.
std::optional<CopyProof> proof_of(const Copy& copy, Durability durability, const WalSource& source);

}  // namespace rpoguard::core
