// How the account of the promise (model/slo.hpp) grows from one evaluation to the next.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "exporter/core/model/slo.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// A stretch of time between two evaluations, judged by what the first of them knew: a stall is not
/// forgiven afterwards. REQUIRES: from <= to.
struct SloStretch {
  Instant from;
  Instant to;
  std::optional<Instant> kept_until;      ///< absent: unknown whether the promise was kept
  std::optional<Instant> recovery_point;  ///< absent: unknown how exposed the shard was
};
/// Exact: the recovery point stands until the next look, so the exposure grows by one second per
/// second, and each bucket gets the time in which it was inside its bounds.
void add_stretch(SloView& account, const SloStretch& stretch);

/// The recovery point just after it advanced: where the exposure is at the bottom of its saw-tooth.
struct RecoveryMark {
  Instant at;
  Instant recovery_point;
  friend bool operator==(const RecoveryMark&, const RecoveryMark&) = default;
};

/// What an evaluation knew.
struct Known {
  Instant at;
  std::optional<Instant> kept_until;      ///< absent: unknown whether the promise was kept
  std::optional<Instant> recovery_point;  ///< absent: unknown how exposed the shard was
};

/// What the account remembers between two evaluations.
struct SloMemory {
  SloView account;
  std::optional<Known> last;        ///< by which the time since then goes
  std::vector<RecoveryMark> marks;  ///< oldest first; the last kGrowthMarks
};

inline constexpr std::size_t kGrowthMarks = 11;

/// The time since the last evaluation goes by what was known then; then what is known now is noted.
/// `writer_changed`: a jump to another writer's recovery point is no growth. REQUIRES: `now.at` is
/// not before the last one.
SloMemory account(SloMemory memory, const Known& now, bool writer_changed, Duration probe_interval);

/// Takes note of the recovery point for exposure_growth(). Starts again when it is unknown or went
/// back: a jump is no growth. `probe_interval` > 0.
SloMemory mark_recovery_point(SloMemory memory, std::optional<Instant> recovery_point, Instant now,
                              Duration probe_interval);

/// Seconds by which the exposure grows per second: (rise from the first mark to the last) / (time
/// between them) = 1 - dT/dt, where T is the recovery point. 1 when nothing has advanced for three
/// probe intervals. 0 when it rose or fell by no more than 1.5 intervals: one look more or less.
/// Absent while the marks span less than three intervals.
std::optional<double> exposure_growth(const SloMemory& memory, Instant now,
                                      Duration probe_interval);

}  // namespace rpoguard::core
