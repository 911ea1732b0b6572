// Until when the promise is known to be kept: a step of an evaluation.
#pragma once

#include <optional>

#include "exporter/core/judge/copies.hpp"
#include "exporter/core/judge/proof.hpp"
#include "exporter/core/judge/wal_source.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

struct Promise {
  /// Until when the promise is known to have been kept: T + RPO, or the last synchronous proof +
  /// proof_ttl. Absent: nothing has been proven for the present writer.
  std::optional<Instant> kept_until;
  /// RPO 0: the first of the looks at the writer since when each has shown it waiting for the
  /// copies.
  std::optional<Instant> synchronous_since{};
  SynchronousView synchronous{};  ///< judged anew; `downgraded` goes on while it is unknown
};

/// Another writer's promise is not continued. REQUIRES: copies are parallel to the spec's nodes;
/// `source` has followed `writer` already.
Promise keep_promise(Promise before, const ShardSpec& spec, const Proof& proof,
                     const Copies& copies, const std::optional<ConfirmedWriter>& writer,
                     const WalSource& source);

/// Is it proven now, and by what this writer has acknowledged? A copy that stayed with the last
/// writer still proves what that one acknowledged, and no more.
bool proven_for_this_writer(const ShardSpec& spec, const Proof& proof, const Promise& promise,
                            const WalSource& source, Instant now);

/// Callers with low priority are refused from here on, before the RPO is used up; absent: with all
/// others.
std::optional<Instant> shed_low_priority_from(const ShardSpec& spec, const Proof& proof);

}  // namespace rpoguard::core
