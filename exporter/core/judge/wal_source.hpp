// Whose WAL the WAL clock describes, and that clock: a step of an evaluation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "exporter/core/judge/bootstrap.hpp"
#include "exporter/core/judge/recovery_point.hpp"
#include "exporter/core/judge/wal_clock.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/timeline_history.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

/// The WAL of the last confirmed writer, as it has been followed. It stays while no writer is
/// confirmed: the copies are measured by it.
struct WalSource {
  /// Whose WAL it is; absent: no writer has been confirmed yet.
  struct Origin {
    std::string node;
    Timeline timeline;
    std::uint64_t system_identifier = 0;
    friend bool operator==(const Origin&, const Origin&) = default;
  };
  std::optional<Origin> origin;
  std::optional<TimelineHistory> history;  ///< of the origin's timeline; absent: not known
  WalClock clock;
  std::optional<WriterSample> sample;   ///< the writer's last one: where its WAL clock continues
  ClockWatch server_clock;              ///< of the writer's own wall clock
  std::optional<Instant> writer_since;  ///< the origin was first known to be the writer
  std::optional<WriterView> writer;     ///< last confirmed

  /// Judged anew at each evaluation: it is another's WAL than at the last one. What each step has
  /// remembered of the last writer ends with it.
  bool changed = false;

  /// REQUIRES: there is an origin.
  TimelinePlace place() const;
};

/// Continues the source with what the confirmed writer says, or begins anew with another's WAL;
/// without a writer it stays as it was. `lost_wal`: the writer has less of its own WAL than it had,
/// so what it writes from now on is another's, too.
WalSource follow_writer(WalSource source, const std::optional<ConfirmedWriter>& writer,
                        bool lost_wal);

/// The region in which a copy would be lost with the writer; before there was one, the home region.
/// The result lives as long as its arguments.
const std::string& writer_region(const ShardSpec& spec, const WalSource& source);

}  // namespace rpoguard::core
