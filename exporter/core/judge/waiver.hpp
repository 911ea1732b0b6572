// Waivers: right after a stamped promotion, or the loss of a region, no remote copy exists yet, and
// a gate that insisted on one would turn that into an outage. A step of an evaluation.
#pragma once

#include <optional>
#include <string>

#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

struct Waiver {
  WallTime until;
  std::string why;
  std::string by{};  ///< the operator who has granted it; empty: a promotion
  friend bool operator==(const Waiver&, const Waiver&) = default;
};

/// A promotion that somebody answers for grants one, where the policy says so: a higher epoch on
/// another node or timeline than the last confirmed one. Any waiver, also an operator's, ends when
/// it has expired or the promise is proven, but not while no writer is confirmed. `proven`: see
/// proven_for_this_writer().
std::optional<Waiver> follow_waiver(std::optional<Waiver> waiver, const ShardSpec& spec,
                                    const std::optional<ConfirmedWriter>& writer, bool proven,
                                    WallTime wall);

/// What an operator grants, for a reason.
Waiver waiver_by(const std::string& operator_name, const std::string& reason, WallTime until);

/// How the waiver from before has come to its end; empty: it has not.
std::string how_waiver_ended(const std::optional<Waiver>& before,
                             const std::optional<Waiver>& after, WallTime wall);

/// The waiver on our own clock, which says `now` at `wall`.
std::optional<WaiverView> waiver_view(const std::optional<Waiver>& waiver, Instant now,
                                      WallTime wall);

/// While a waiver is in force: until when the gate may be open without proof, which is as long as a
/// proof of what the writer last said would have been good. Absent: there is no waiver.
std::optional<Instant> waived_until(const ShardSpec& spec, const std::optional<WaiverView>& waiver,
                                    const std::optional<ConfirmedWriter>& writer, Instant now);

}  // namespace rpoguard::core
