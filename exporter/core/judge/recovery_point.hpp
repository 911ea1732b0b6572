// What each copy proves: its durable position, and the instant T that follows from the writer's WAL
// clock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporter/core/judge/wal_clock.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/timeline_history.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// A durable position, and the timeline it was proven for. It says something about another timeline
/// only as far as the two have their WAL in common.
struct DurablePosition {
  Timeline timeline;
  Lsn flushed;
  std::optional<Lsn> replayed;
  std::optional<TimelineHistory> history{};  ///< of `timeline`; absent: not known
  friend bool operator==(const DurablePosition&, const DurablePosition&) = default;
};

/// The position that counts under the policy; nullopt where it is not known.
std::optional<Lsn> durable_part(const DurablePosition& position, Durability durability);

/// What the copy itself reports; nullopt where it proves nothing (not in recovery, no position,
/// another cluster).
std::optional<DurablePosition> own_position(const NodeFacts& copy, std::uint64_t system_identifier);

/// The writer's row for an application name; nullptr if the name is empty, or there is no such row,
/// or more than one, or it is no physical copy's.
const ReplicationRow* row_of(const NodeFacts& writer, const std::string& application_name);

/// What the writer reports of the copy; nullopt unless the row streams and carries a position.
std::optional<DurablePosition> reported_position(const ReplicationRow& row,
                                                 const TimelinePlace& writer);

/// Does a position of the copy's WAL lie in WAL that the writer has, too?
bool shared_up_to(const DurablePosition& copy, const TimelinePlace& writer, Lsn position);

/// An upper bound for the end of every commit acknowledged before `asked`, from one look at the
/// writer.
struct WriterSample {
  std::uint64_t session = 0;
  std::optional<WallTime> started;           ///< of the server,
  std::optional<WallTime> backends_started;  ///< and its backends: one run has many sessions
  std::string snapshot;
  Lsn bound;
  Instant asked;  ///< of the first sample with this snapshot
  Instant seen;   ///< when that first sample was read
};

/// Continues from the previous sample: as long as no transaction has ended since, an idle writer's
/// bound does not rise with what the server logs by itself. nullopt if the facts carry no position:
/// then this look says nothing.
std::optional<WriterSample> sample_writer(const std::optional<WriterSample>& previous,
                                          const NodeFacts& writer, Instant asked, Instant answered);

/// The k-th best of the positions, by what they prove; nullopt if fewer than k prove anything.
struct CopyProof {
  Lsn position;
  Instant proven_until;
  bool bootstrapped = false;
};
std::optional<CopyProof> kth_best(std::vector<CopyProof> proofs, int k);

}  // namespace rpoguard::core
