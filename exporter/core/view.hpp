// What rpoguard says. The only types that serve/ and act/ read. Immutable once published; unknown
// is absent.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exporter/core/observation.hpp"
#include "exporter/core/spec.hpp"
#include "exporter/core/units.hpp"

namespace rpoguard::core {

/// Why a gate is closed. Spelled alike in metrics, JSON, headers and hooks. In order of severity:
/// the first that applies is the one shown.
enum class Reason {
  split_brain,
  stale_epoch,
  no_writer,
  endpoint_misrouted,
  stale_generation,
  frozen,
  unproven,
  rpo_exceeded,
  archive_too_old,
  reopening,
};
inline constexpr std::size_t kReasonCount = 10;
const char* name_of(Reason reason);
/// One sentence for a person: what it means.
const char* meaning_of(Reason reason);

/// What a node is, judged by its epoch and its role together.
enum class NodeState {
  writer,
  standby,
  stale_writer,  ///< accepts writes on a lower epoch: fenced, contaminated until rewound
  split_brain,   ///< accepts writes on the highest epoch, and so does another
  unconfirmed,   ///< accepts writes, but its epoch is unknown or stamped for another region
  foreign,       ///< another system identifier: not this shard's data
  unreachable,   ///< the last probe failed, or there was none yet
};
inline constexpr std::size_t kNodeStateCount = 7;
const char* name_of(NodeState state);

struct NodeView {
  std::string name;
  std::string region;
  NodeState state = NodeState::unreachable;
  bool counted = false;  ///< is one of the copies whose proof the policy counts, right now
  bool up = false;       ///< the last light probe gave facts
  std::optional<ProbeError> failure;   ///< of the last probe, while not up
  std::optional<Instant> last_answer;  ///< of the last successful light probe
  std::optional<Duration> probe_duration;
  std::array<std::uint64_t, kProbeFailureCount> probe_failures{};  ///< since start, by ProbeFailure

  // From the last successful probe; absent while not up.
  std::optional<int> server_version;
  std::optional<bool> in_recovery;
  std::optional<Timeline> timeline;
  std::optional<Epoch> epoch;
  std::optional<Lsn> wal_position;  ///< writer: insert position; copy: flushed position
  std::optional<Lsn> replay_lsn;
  std::optional<bool> replay_paused;

  // Of a copy, against the writer. Absent for the writer and where it cannot be proven.
  std::optional<bool> streaming;    ///< both ends say so; absent while the copy is silent
  std::optional<bool> synchronous;  ///< the writer counts it as sync or quorum
  std::optional<Instant> recovery_point_flush;  ///< everything acknowledged before is flushed here
  std::optional<Instant>
      recovery_point_replay;  ///< everything acknowledged before is replayed here
  std::optional<std::int64_t> lag_bytes_flush;
  std::optional<std::int64_t> lag_bytes_replay;
  std::optional<std::int64_t>
      evidence_disagreement_bytes;  ///< writer's report minus the copy's own, when positive

  std::optional<SlowFacts> slow;
  std::string note;  ///< one line for a person where something about this node needs explaining;
                     ///< may be empty
};

struct ArchiveView {
  bool enabled = false;
  std::optional<Instant> recovery_point;  ///< everything acknowledged before is archived
  std::optional<std::int64_t> lag_bytes;
  std::optional<std::int64_t> failed_count;
  std::string last_archived_wal;
};

struct WriterView {
  std::string node;
  std::string region;
  Epoch epoch;
  Timeline timeline;
};

/// A gate open without proof of a remote copy, by a stamped promotion.
struct WaiverView {
  Instant until;
  std::string why;
};

/// The gate as a lease: open iff now < open_until. Decided at request time (gate.hpp), never read
/// as a flag.
struct GateView {
  Instant open_until{};  ///< the epoch of the clock: closed
  std::optional<Instant>
      shed_low_priority_from;   ///< low priority is refused from here on; absent: with open_until
  std::vector<Reason> reasons;  ///< why it is closed, most severe first; empty while open
  Reason when_expired =
      Reason::rpo_exceeded;  ///< what to answer once the lease has run out unrenewed
  bool waived = false;
  std::string detail;  ///< one sentence for a person
  std::map<std::pair<bool, Reason>, std::uint64_t>
      transitions;  ///< (opened?, reason) -> count since start
  std::optional<Duration> retry_after;
};

struct SloView {
  Duration total{};
  Duration exceeded{};
  Duration unknown{};
};

struct ShardView {
  std::shared_ptr<const ShardSpec> spec;
  Instant evaluated{};          ///< when this view was made
  std::vector<NodeView> nodes;  ///< in the order of the configuration
  std::optional<WriterView> writer;
  std::optional<Epoch> highest_epoch;
  bool epoch_agreement = false;
  int writers = 0;             ///< nodes that accept writes
  bool writes_usable = false;  ///< as of `evaluated`; use usable_at() to answer later

  std::optional<Instant> recovery_point;        ///< T
  std::optional<Instant> oldest_known_missing;  ///< seen not later than; absent with recovery_point
                                                ///< set: nothing is known to be missing
  std::optional<Instant> last_possible_ack;     ///< the writer cannot have acknowledged anything
                                                ///< after; absent: it may be doing so now
  ArchiveView archive;
  GateView gate;
  std::optional<WaiverView> waiver;
  SloView slo;
  std::optional<Instant> write_outage_since;  ///< since when writes are not usable
  std::optional<Duration> last_write_outage;  ///< length of the last outage that ended
};

/// now - T; absent = unknown.
std::optional<Duration> exposure_at(const ShardView& shard, Instant now);
/// Age of the oldest commit known to be missing on the counted copies, 0 when nothing is; absent =
/// unknown.
std::optional<Duration> exposure_known_at(const ShardView& shard, Instant now);
/// From T to the last moment at which the writer can have acknowledged anything; absent = unknown.
std::optional<Duration> at_risk_span_at(const ShardView& shard, Instant now);
/// Writes are usable at `now`: as evaluated, and the lease has not run out since.
bool usable_at(const ShardView& shard, Instant now);

/// All shards, published as one. Swapped whole; never changed after publication.
struct View {
  std::shared_ptr<const Spec> spec;
  std::vector<std::shared_ptr<const ShardView>>
      shards;           ///< in the order of the configuration; null: not evaluated yet
  Instant published{};  ///< the loop made its last round at this moment
  const ShardView* find(const std::string& id) const;
};

}  // namespace rpoguard::core
