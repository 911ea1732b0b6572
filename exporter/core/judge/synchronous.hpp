// RPO 0: what the writer waits for with each commit.
#pragma once

#include <string>

#include "exporter/core/judge/copies.hpp"
#include "exporter/core/judge/wal_clock.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// What one look at the writer shows of it.
struct SynchronousLook {
  /// Why the writer does not wait for enough counted copies with each commit, in one sentence for a
  /// person; empty: it does.
  std::string problem;
  /// It may wait for enough all the same: which row is a counted copy's is not known.
  bool unknown = false;
  /// Counted copies that the writer waits for and that have what was acknowledged before the
  /// waiting began.
  int caught_up = 0;
};

/// `since`: the first of the looks since when each has shown the writer waiting; this one, if the
/// one before did not. REQUIRES: copies are parallel to the spec's nodes.
SynchronousLook look_at_waiting(const ShardSpec& spec, const Copies& copies,
                                const ConfirmedWriter& writer, const WalClock& clock,
                                Instant since);

}  // namespace rpoguard::core
