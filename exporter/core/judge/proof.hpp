// The recovery point: what the counted copies prove together. A step of an evaluation.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporter/core/judge/copies.hpp"
#include "exporter/core/judge/readings.hpp"
#include "exporter/core/judge/wal_source.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

/// Always derived from the latest readings, never a ratchet: a copy that was seeded anew goes back.
struct Proof {
  std::optional<Instant> recovery_point;  ///< T; absent: nothing is proven
  bool bootstrapped = false;              ///< T comes from commit times, not from the WAL clock
  /// When something beyond what is proven was first seen, unless the writer itself has flushed no
  /// more than that: then no commit that waits for it has been acknowledged. Absent with T: nothing
  /// is known to be missing.
  std::optional<Instant> oldest_known_missing{};
};

/// T is the spec.copies-th best of what the counted copies prove, the archive among them where it
/// counts. REQUIRES: copies are parallel to the spec's nodes.
Proof prove(const ShardSpec& spec, const Copies& copies, const ArchiveView& archive,
            const std::optional<ConfirmedWriter>& writer, const WalSource& source);

/// Why a proof is missing, where rpoguard has evidence and cannot use it: of the first copy whose
/// WAL may not be the writer's, or of WAL that the writer has not flushed, and which of its
/// settings lets that wait. Empty: nothing of that. `slow`: of the writer.
std::string what_is_not_known(const ShardSpec& spec, const Copies& copies,
                              const std::vector<NodeLineage>& lineages,
                              const std::optional<ConfirmedWriter>& writer, const SlowFacts* slow,
                              const WalSource& source);

/// The source's writer cannot have acknowledged anything after this; absent: it may be doing so
/// now, since none is confirmed. That its way refuses says nothing of what others get from it.
std::optional<Instant> last_possible_ack(const std::optional<ConfirmedWriter>& writer,
                                         const WalSource& source);

}  // namespace rpoguard::core
