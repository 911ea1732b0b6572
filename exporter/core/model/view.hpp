// What rpoguard says: all that serve/ and notify/ know of a shard. Immutable once published;
// unknown is absent.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/slo.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"

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
  stale_writer,  ///< accepts writes on a lower epoch, or the authority names another: fenced,
                 ///< contaminated until rewound, unless it turns out to be promoted just now
  split_brain,   ///< accepts writes on the highest epoch, and so does another
  unconfirmed,   ///< accepts writes, but its epoch is unknown, stamped for another region, that of
                 ///< another node, from before its promotion, or a number that was used before
  foreign,       ///< another system identifier: not this shard's data
  unreachable,   ///< the last probe failed, or there was none yet
};
inline constexpr std::size_t kNodeStateCount = 7;
const char* name_of(NodeState state);

/// Whose WAL a node holds, as far as that is known.
enum class Lineage {
  unknown,   ///< nobody saw what it had when the writer's run began
  assumed,   ///< nothing speaks against it, and what was not seen of it is one look at most
  follows,   ///< it had nothing but the writer's WAL when the run before was over
  diverged,  ///< it has WAL of another history: it counts for nothing until it is rebuilt
};
inline constexpr std::size_t kLineageCount = 4;
const char* name_of(Lineage lineage);

struct NodeView {
  std::string name;
  std::string region;
  NodeState state = NodeState::unreachable;
  bool counted = false;  ///< is one of the copies whose proof the policy counts, right now
  /// The first other node, of those named before, that is not known to be another server: this is
  /// a second name for it, which does not count once more. Empty: none.
  std::string same_server_as{};
  bool up = false;                     ///< the last light probe gave facts
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
  std::optional<Duration> apply_delay;  ///< recovery_min_apply_delay; absent when 0

  // Against the confirmed writer. Absent for the writer and where a history is not known.
  std::optional<Lsn> fork_point;  ///< where its WAL and the writer's part; absent: they do not
  /// WAL beyond the fork point that the writer never accepted: it needs pg_rewind or a rebuild. 0:
  /// none, it can follow.
  std::optional<std::int64_t> diverged_bytes;
  /// It was seen to commit, abort or prepare: when that was first known. Tells which of two writers
  /// is in use.
  std::optional<Instant> last_transaction_seen;

  // Of a copy, against the writer. Absent for the writer and where it cannot be proven.
  std::optional<bool> streaming;  ///< both ends say so; absent while the copy is silent
  /// The writer counts it as sync or quorum. Absent also where no row of the writer is known to be
  /// this copy's.
  std::optional<bool> synchronous;
  std::optional<Instant> recovery_point_flush;  ///< everything acknowledged before is flushed here
  /// Everything acknowledged before is replayed here.
  std::optional<Instant> recovery_point_replay;
  std::optional<std::int64_t> lag_bytes_flush;
  std::optional<std::int64_t> lag_bytes_replay;
  /// Writer's report minus the copy's own, when positive.
  std::optional<std::int64_t> evidence_disagreement_bytes;

  /// Of its WAL. Absent for the writer; while none is confirmed, only what is held against it
  /// stays.
  std::optional<Lineage> lineage;
  std::string lineage_note{};  ///< why it is unknown or diverged, and the remedy; may be empty
  /// It counts again since this very view, by itself: why. Empty: it did before, or does not.
  std::string readmitted{};
  std::optional<SlowFacts> slow;
  std::string mark_problem{};  ///< why the marks of runs that it holds are of no use; may be empty
  std::string history_problem{};  ///< why it does not say how its timeline came about; may be empty
  std::string note;  ///< one line for a person where something about this node needs explaining;
                     ///< may be empty
};

struct ArchiveView {
  bool enabled = false;  ///< the writer archives, or a repository is configured
  bool counted = false;  ///< is one of the copies whose proof the policy counts, right now
  std::optional<Instant> recovery_point;  ///< everything acknowledged before is archived
  std::optional<Lsn> frontier;   ///< WAL is archived without a hole up to here, on the writer's
                                 ///< timeline
  std::optional<Instant> as_of;  ///< the frontier held at this moment
  std::optional<std::int64_t> lag_bytes;  ///< writer's insert position minus the frontier
  /// Segments missing between the frontier and the newest archived one; absent: cannot be seen.
  std::optional<std::int64_t> gap_segments;
  /// What the archiver says it archived beyond the frontier: dropped silently, or not there yet.
  std::optional<std::int64_t> claimed_ahead_bytes;
  std::optional<std::int64_t> ready_segments;
  std::optional<std::int64_t> failed_count;
  std::string last_archived_wal;
  std::optional<WallTime> last_backup;
  /// It has shown a backup once, and shows none now; absent: it has never shown one.
  std::optional<bool> backup_gone;
  std::optional<ProbeError> failure;  ///< of the last look at the repository
  std::string note;                   ///< one line for a person; may be empty
};

/// Somebody else's number for the shard.
struct WitnessView {
  std::optional<std::int64_t> number;  ///< absent: no answer young enough
  std::string writer;
  std::optional<Instant> as_of;
  std::optional<ProbeError> failure;  ///< of the last request
};

struct EndpointView {
  std::optional<bool> on_writer;  ///< absent: not known
  std::optional<Duration> commit_took;
  std::optional<Instant> last_good;
  std::optional<ProbeError> failure;  ///< of the last try
  std::string note;
};

/// RPO 0: does the writer wait for the counted copies with every commit?
struct SynchronousView {
  bool promised = false;    ///< rpo is 0
  bool downgraded = false;  ///< promised, and the writer does not require it (any more)
  std::string problem;      ///< one sentence for a person; empty while kept
  /// It is not known which row of the writer is whose, so neither is whether it requires enough;
  /// `downgraded` stays as it was.
  bool unknown = false;
};

struct WriterView {
  std::string node;
  std::string region;
  Epoch epoch;
  Timeline timeline;
};

/// The writer has less of its own WAL than it had been seen to flush (a restored volume, a power
/// cut with fsync = off). What it acknowledged there is on the copies at best, and no longer on
/// itself.
struct WalLoss {
  std::string node;
  Lsn flushed;       ///< it had been seen to have its WAL on disk up to here
  Lsn goes_on_from;  ///< from here on it writes other WAL
  Instant seen{};
};
struct WalLosses {
  std::uint64_t count = 0;      ///< since rpoguard was started
  std::optional<WalLoss> last;  ///< absent: none
};
/// "it had flushed its WAL up to 0/500, and goes on from 0/300"
std::string render_loss(const WalLoss& loss);

/// A gate open without proof of a remote copy, by a stamped promotion or by an operator.
struct WaiverView {
  Instant until;
  std::string why;
  WallTime ends{};   ///< the same as `until`, as it is kept on disk
  std::string by{};  ///< the operator who has granted it; empty: a promotion
};

/// An operator has closed the gate. Kept on disk; ends by itself where `until` is set.
struct Freeze {
  std::string by;
  std::string reason;
  WallTime since{};
  std::optional<WallTime> until;  ///< absent: until somebody ends it
  friend bool operator==(const Freeze&, const Freeze&) = default;
};
/// "frozen by jo until 2026-01-01T00:00:00.000Z: why"
std::string render_freeze(const Freeze& freeze);
/// An operator's word on a node: that as a rival of a split brain it takes no writes any more, or
/// that it holds the writer's WAL and no other.
struct NodeWord {
  std::string node;
  std::string by;
  std::string reason;
};
/// "phx-a is no rival any more, forgotten by jo: why"
std::string render_forgotten(const NodeWord& rival);
/// "phx-a counts again, readmitted by jo: why"
std::string render_readmitted(const NodeWord& word);
/// An operator's word that a number which only rises was raised by mistake.
struct LoweredNumber {
  std::string what;  ///< "epoch" or "generation"
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::string by;
  std::string reason;
};
/// "the highest epoch is 7 and no longer 900, lowered by jo: why"
std::string render_lowered(const LoweredNumber& number);
/// It has WAL that the writer never accepted.
bool has_diverged(const NodeView& node);
/// "has diverged by 1.5 MiB"; "has diverged". REQUIRES: it has
std::string render_divergence(const NodeView& node);
/// ": why, and what to do"; empty if there is nothing to say about its lineage.
std::string render_lineage_note(const NodeView& node);
/// What to do with a node that has diverged, once it is fenced.
inline constexpr const char* kDivergedRemedy = "run pg_rewind or rebuild it";

/// The gate as a lease: open iff now < open_until. Decided at request time (gate.hpp), never read
/// as a flag.
struct GateView {
  /// Until when what is known keeps it open; no yes outlives lease_limit(). The epoch of the clock:
  /// closed.
  Instant open_until{};
  /// Low priority is refused from here on; absent: with open_until.
  std::optional<Instant> shed_low_priority_from;
  std::vector<Reason> reasons;  ///< why it is closed, most severe first; empty while open
  /// What to answer once the lease has run out unrenewed.
  Reason when_expired = Reason::rpo_exceeded;
  bool waived = false;
  std::string detail;  ///< one sentence for a person
  /// (opened?, reason) -> count since start.
  std::map<std::pair<bool, Reason>, std::uint64_t> transitions;
  /// When to ask again, at most a minute ahead; absent while open. For rpo_exceeded: until the
  /// exposure is below reopen_below at its present pace (exposure_growth), and then reopen_after.
  std::optional<Duration> retry_after;
};

struct ShardView {
  std::shared_ptr<const ShardSpec> spec;
  Instant evaluated{};          ///< when this view was made
  std::vector<NodeView> nodes;  ///< in the order of the configuration
  std::optional<WriterView> writer;
  WalLosses wal_losses{};
  std::optional<RunId> run;  ///< of the writer; absent: not known
  std::optional<Epoch> highest_epoch;
  bool epoch_agreement = false;
  int writers = 0;             ///< nodes that accept writes
  bool writes_usable = false;  ///< as of `evaluated`; use usable_at() to answer later

  /// What to type on the server that is to be the writer, one statement for each region that has
  /// such a server; empty: a writer is confirmed, or no stamp in the table decides.
  std::vector<std::string> stamp_statements{};

  std::optional<Instant> recovery_point;        ///< T
  std::optional<Instant> oldest_known_missing;  ///< seen not later than; absent with recovery_point
                                                ///< set: nothing is known to be missing
  std::optional<Instant> last_possible_ack;     ///< the writer cannot have acknowledged anything
                                                ///< after; absent: it may be doing so now
  /// How fast the exposure grows, seconds per second, over the last looks; absent: not known. 1:
  /// nothing arrives; 0 or less: it holds.
  std::optional<double> exposure_growth;
  bool bootstrapped = false;  ///< T comes from commit times of the writer's own clock, not yet from
                              ///< the WAL clock
  Duration probe_interval{};  ///< at which this shard wants to be probed now
  ArchiveView archive;
  std::optional<WitnessView> epoch_witness;       ///< set iff configured
  std::optional<WitnessView> generation_witness;  ///< set iff configured
  std::optional<EndpointView> endpoint;           ///< set iff configured
  SynchronousView synchronous;
  GateView gate;
  std::optional<WaiverView> waiver;
  std::optional<Freeze> freeze;
  std::string freeze_ended;    ///< how the last freeze ended; empty: none has since the start
  std::string waiver_ended{};  ///< the same of the last waiver
  SloView slo;
  std::optional<Instant> write_outage_since;  ///< since when writes are not usable
  std::optional<Duration> last_write_outage;  ///< length of the last outage that ended
  bool state_saved = true;  ///< what must survive a restart is on disk; the shell knows
};

/// No yes outlives this moment that rests on an evaluation at `evaluated`, whatever is proven: so
/// what an operator closes is closed everywhere by then.
Instant lease_limit(const GateSpec& gate, Instant evaluated);
/// now - T; absent = unknown.
std::optional<Duration> exposure_at(std::optional<Instant> recovery_point, Instant now);
std::optional<Duration> exposure_at(const ShardView& shard, Instant now);
/// Age of the oldest commit known to be missing on the counted copies, 0 when nothing is; absent =
/// unknown.
std::optional<Duration> exposure_known_at(const ShardView& shard, Instant now);
/// From T to the last moment at which the writer can have acknowledged anything; absent = unknown.
std::optional<Duration> at_risk_span_at(const ShardView& shard, Instant now);
/// How long until the exposure reaches the RPO if it goes on growing as it does:
/// (RPO - exposure) / min(exposure_growth, 1), so never less than what the lease guarantees. 0 when
/// it has; absent: it does not grow, or is unknown, or the RPO is 0 and judged by other proof.
std::optional<Duration> time_to_exhaustion_at(const ShardView& shard, Instant now);
/// The confirmed writer does not require the synchronous durability that is promised; absent: none
/// is promised, there is no confirmed writer to require it, or its rows cannot be told apart.
std::optional<bool> downgraded(const ShardView& shard);
/// It is known to be.
bool is_downgraded(const ShardView& shard);
/// In words; empty: it is known.
std::string why_archive_age_unknown(const ArchiveView& archive);

/// Writes are usable at `now`: as evaluated, and the lease has not run out since. REQUIRES:
/// shard.spec
bool usable_at(const ShardView& shard, Instant now);

/// All shards, published as one. Swapped whole; never changed after publication.
struct View {
  std::shared_ptr<const Spec> spec;
  std::vector<std::shared_ptr<const ShardView>>
      shards;           ///< in the order of the configuration; null: not evaluated yet
  Instant published{};  ///< the loop made its last round at this moment
  std::optional<bool> lease_page_up;  ///< readers find this view in it; absent: not configured
  const ShardView* find(const std::string& id) const;
};

/// A view this old is not fresh.
Duration stale_after(const ProbeSpec& probe);
bool is_stale(const View& view, Instant now);

}  // namespace rpoguard::core
