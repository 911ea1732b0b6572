// The gate as a lease: from the proof and the verdict to "open until".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

struct LeaseMemory {
  bool was_open = false;
  std::optional<Reason> closed_for;  ///< the reason of the last closing
  bool has_opened = false;           ///< since the present writer came
  std::optional<Instant> reopened;   ///< when it did so again; the next time has to wait for it
  Instant open_until{};
  Reason when_expired = Reason::rpo_exceeded;
  Instant limit{};                       ///< no yes of the last evaluation outlived this
  bool must_settle = false;              ///< closed for rpo_exceeded: reopening waits
  std::optional<Instant> settled_since;  ///< the exposure has been below reopen_below since
  bool waived = false;                   ///< under a waiver
  std::map<std::pair<bool, Reason>, std::uint64_t> transitions;
};

/// What the rest of the judgement found.
struct LeaseInput {
  std::optional<Reason> verdict_reason;  ///< no confirmed writer, and why
  std::string verdict_detail;
  /// Until when the proof keeps the promise; absent: nothing is proven.
  std::optional<Instant> kept_until;
  std::optional<Duration> exposure;  ///< for the hysteresis
  /// ShardView::exposure_growth, for the hint when to come back.
  std::optional<double> exposure_growth = {};
  std::optional<Instant> shed_low_priority_from;
  /// When the archive reaches the oldest age allowed; set iff the policy limits it and it is known.
  std::optional<Instant> archive_until;
  std::string archive_detail{};  ///< why that is not known
  /// The writer endpoint is watched; it led to the writer, and that is good until here. Absent: it
  /// does not, or it is not known.
  bool endpoint_watched = false;
  std::optional<Instant> endpoint_until;
  std::string endpoint_detail;
  std::string proof_detail;   ///< why the proof is missing, where there is more to say than usual
  std::string freeze_detail;  ///< who froze writes, until when and why; empty: nobody
  /// Set while a waiver is in force: open without proof until here.
  std::optional<Instant> waived_until;
  /// Until when the authority's word on the writer is good; absent: no authority is asked.
  std::optional<Instant> confirmed_until = {};
  bool writer_changed = false;  ///< another node or timeline than before: old wounds do not count
};

struct RenewedLease {
  LeaseMemory memory;  ///< goes on from one evaluation to the next
  GateView gate;
};

/// Pure. Counts a transition when the gate closes or opens, under the reason that it closed for.
/// Closing is never delayed. Opening is, so that a gate whose cause comes and goes (a flapping
/// link) goes through no more than one transition per reopen_after: it reopens no sooner than two
/// of them after it last did, with Reason::reopening until then. A first closing is over when its
/// cause is, and what operators do is no flapping: to end a freeze, or to waive the missing proof.
RenewedLease renew_lease(LeaseMemory memory, const ShardSpec& spec, const LeaseInput& input,
                         Instant now);

}  // namespace rpoguard::core
