// What the world answered. Every field a server may fail to give is optional; nothing has a default
// that could be mistaken for good news. Each reading is stamped with the sidecar's own clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "exporter/core/model/timeline_history.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// Why a probe gave no facts. Each is a label value of rpoguard_probe_failures_total{reason}.
enum class ProbeFailure {
  dns_failed,       ///< the host name did not resolve
  refused,          ///< connection refused, or no such socket: this way leads nowhere
  unreachable,      ///< no route, or the connection did not come up in time (black hole)
  timeout,          ///< connected, but no answer in time (hung server)
  connection_lost,  ///< the server closed the connection (also with SQLSTATE 57P01 or 57P02)
  not_accepting,    ///< it turns new connections away: starting up, shutting down, or in recovery
                    ///< without hot standby (SQLSTATE 57P03)
  too_many_connections,  ///< SQLSTATE 53300
  auth_failed,           ///< wrong password, pg_hba.conf, or an unreadable password source
  database_missing,      ///< SQLSTATE 3D000
  tls_failed,
  missing_privilege,  ///< the role lacks pg_monitor, or a read was denied (SQLSTATE 42501)
  query_failed,       ///< any other error of the statement
  bad_answer,         ///< an answer that does not parse: never a fact
};
inline constexpr std::size_t kProbeFailureCount = 13;
const char* name_of(ProbeFailure reason);

/// A walsender as the writer sees it (pg_stat_replication).
struct ReplicationRow {
  std::string application_name;
  std::string state;       ///< startup, catchup, streaming, backup, stopping
  std::string sync_state;  ///< async, potential, sync, quorum
  std::optional<Lsn> flush_lsn;
  std::optional<Lsn> replay_lsn;
  std::optional<std::int64_t> pid{};  ///< of the walsender: another one is another connection
  bool logical = false;  ///< connected to a database: a subscriber or a reader of changes, no copy
};

/// pg_stat_archiver of a node. It is a claim of the node, per node, and its counters reset with a
/// failover.
struct ArchiverFacts {
  std::string last_archived_wal;  ///< file name; empty = none yet
  std::int64_t failed_count = 0;
  std::int64_t archived_count = 0;
  /// The .ready files of the same moment: WAL that waits to be archived. Listed once per archive
  /// interval; absent in the answers between.
  struct Ready {
    std::int64_t files = 0;
    std::string oldest_wal;  ///< the first whole segment by name; empty = none
  };
  std::optional<Ready> ready{};
};

/// The row of cluster_state, or of the operator's epoch query. Absent table or row: no value.
struct StampedEpoch {
  Epoch epoch;
  std::string writer_region;  ///< empty: the query has no such column
  std::string promoted_by;
  std::optional<WallTime> promoted_at;  ///< that server's clock
  /// That server's, when it was stamped. Absent: not known, as of a query, or of a stamp by an
  /// earlier cluster_promote().
  std::optional<Timeline> timeline{};
};

/// The table of epochs could not be read: another session has it locked, or is waiting to, and
/// every stamp waits behind that one as we do.
struct EpochLock {
  std::string transaction;  ///< whose: it keeps its lock, or its place, until it ends
  std::string holder;       ///< for people
};

/// The latest checkpoint that the control file names; of a standby, its last restart point.
struct Checkpoint {
  Lsn lsn;   ///< where its record begins
  Lsn redo;  ///< where recovery from it begins: the same, unless it was made while the server ran
  WallTime time;  ///< whole seconds, the clock of the server that made it
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

/// synchronous_commit as it is set for some sessions.
struct CommitLevel {
  std::string whom;   ///< e.g. "role batch in database app"
  std::string level;  ///< off, local, remote_write, on, remote_apply
};

/// One life of a server's backends on one timeline, by that server's clock.
struct RunId {
  Timeline timeline;
  WallTime started;           ///< its postmaster
  WallTime backends_started;  ///< rises with each crash restart, under one postmaster
  friend bool operator==(const RunId&, const RunId&) = default;
};

/// What rpoguard.mark_run() has written on a writer, once in a run (docs/decisions/0009). A server
/// shows it that has replayed that very WAL, or was copied from one that had.
struct RunMark {
  RunId run;
  Lsn lsn;  ///< it was written before this position of the run
  WallTime written;
  friend bool operator==(const RunMark&, const RunMark&) = default;
};

/// One answer to the light statement: all of it from the same statement on the same connection.
struct NodeFacts {
  /// Changes with every new connection: a snapshot text of another session proves nothing.
  std::uint64_t session = 0;
  int server_version = 0;  ///< server_version_num, e.g. 150018
  std::uint64_t system_identifier = 0;
  bool in_recovery = true;
  Timeline timeline;    ///< writer: of the WAL it writes; standby: of the WAL it received last
  WallTime server_now;  ///< that server's clock; compared only with itself
  std::optional<WallTime> started;  ///< postmaster start, its clock: tells one start from another
  /// Start of the checkpointer, its clock: tells one life of the backends from another.
  std::optional<WallTime> backends_started{};
  std::optional<Checkpoint> checkpoint{};
  /// How `timeline` came about. Absent: the node does not tell (no rpoguard.timeline_history()).
  std::optional<TimelineHistory> history;
  std::string history_problem{};  ///< why it was refused; empty: it was not

  // Set only when not in recovery.
  std::optional<Lsn> insert_lsn;
  std::optional<Lsn> flushed_lsn;
  /// pg_current_snapshot() and the prepared transactions. Equal text within one session = nothing
  /// was committed, aborted or prepared in between.
  std::optional<std::string> snapshot;
  std::vector<ReplicationRow> replication;

  // Set only in recovery.
  std::optional<Lsn> receive_lsn;  ///< flushed by the walreceiver; absent if none ever ran
  std::optional<Lsn> replay_lsn;
  std::optional<bool> replay_paused;
  std::optional<bool> streaming;  ///< a walreceiver is running and in state "streaming"
  /// The application_name under which its walreceiver stands at its upstream. Absent: none runs, or
  /// the name is the one that every walreceiver has without a configuration.
  std::optional<std::string> announced_name{};
  /// Commit time, on the clock of the writer that committed it.
  std::optional<WallTime> last_replayed_commit;
  std::optional<Duration> apply_delay;  ///< recovery_min_apply_delay; absent when 0
  bool restores = false;  ///< it has a restore_command: WAL may come to it from an archive
  /// It has a recovery target: a promotion ends its WAL there, whatever it has received beyond.
  bool has_target = false;

  std::optional<StampedEpoch> stamped;    ///< cluster_state, if the table exists and has its row
  std::optional<EpochLock> epoch_lock{};  ///< why `stamped` was not read; it may come from before
  std::string epoch_problem;  ///< why the table's row or the epoch query gives none; may be empty
  std::optional<ArchiverFacts> archiver;  ///< absent when archive_mode is off
  std::uint64_t wal_segment_bytes = 0;
  std::string synchronous_standby_names;
  std::string synchronous_commit;  ///< as a session of rpoguard's role in its database has it
  /// Of what ALTER ROLE and ALTER DATABASE set, the level that waits for least. Absent: none is
  /// set, or in recovery.
  std::optional<CommitLevel> weakest_commit{};
  /// Such a setting of rpoguard's own role or database hides the level that the server gives
  /// others.
  bool synchronous_commit_hidden = false;
  /// Who has locked the catalogs with these two; empty: nobody. They are then as they were read
  /// before.
  std::string settings_lock{};

  /// The last mark that the server holds, asked for once a run of the writer is known. Absent:
  /// none, or it does not tell.
  std::optional<RunMark> mark{};
  std::string mark_problem{};  ///< why its marks are of no use; empty: they are, or there are none
};

/// Absent: the server does not tell.
inline std::optional<RunId> run_of(const NodeFacts& facts) {
  if (!facts.started || !facts.backends_started) return std::nullopt;
  return RunId{facts.timeline, *facts.started, *facts.backends_started};
}

struct ProbeError {
  ProbeFailure reason = ProbeFailure::bad_answer;
  std::string message;  ///< one line for log and view; no secret, never a label
};

/// The outcome of one light probe of one node.
struct NodeObservation {
  Instant asked;     ///< just before the statement (or the connection attempt) was sent
  Instant answered;  ///< when the answer or the failure was there; answered - asked is the probe's
                     ///< duration
  std::variant<NodeFacts, ProbeError> outcome;
};

/// A replication slot, from the slow statement.
struct SlotFacts {
  std::string name;
  bool logical = false;
  bool active = false;
  std::optional<std::int64_t> lag_bytes;       ///< writer position minus restart/confirmed position
  std::optional<std::int64_t> safe_wal_bytes;  ///< absent: no limit configured, or lost
  /// The server has removed what it needs, or made it unusable otherwise. Absent: it does not tell.
  std::optional<bool> lost{};
};

/// Facts that may be 15 s old: nothing the recovery point or the gate depends on.
struct SlowFacts {
  /// By pg_stat_activity.state; "other" where it is NULL. If any is there, so are the four
  /// usual states, unless the server does not track that of some ("disabled").
  std::map<std::string, std::int64_t> connections;
  std::optional<std::int64_t> connections_limit;
  /// For so long WAL that no commit waits for may stay unflushed, some of it three times as long.
  std::optional<Duration> wal_writer_delay{};
  std::vector<SlotFacts> slots;
};

struct SlowObservation {
  Instant asked;
  Instant answered;
  std::variant<SlowFacts, ProbeError> outcome;
};

/// Segments without a gap between them whose names share timeline and log id (the first 16 digits).
struct ArchivedRun {
  Timeline timeline;
  std::uint32_t log = 0;
  std::uint32_t first = 0;  ///< last 8 digits of the first name
  std::uint32_t last = 0;   ///< of the last name
  friend auto operator<=>(const ArchivedRun&, const ArchivedRun&) = default;
};

/// What the archive itself shows. Whole segments only.
struct ArchiveFacts {
  std::vector<ArchivedRun> runs;  ///< rising, disjoint, maximal
  /// First segment needed by each backup that the archive knows of (24 digits), oldest first.
  std::vector<std::string> backup_starts;
  std::optional<WallTime> last_backup;  ///< end of the latest backup; the wall clock of its host
  /// Of the cluster whose WAL the newest segment holds, where the source can tell.
  std::optional<std::uint64_t> system_identifier;
  /// The source gives only the ends (`pgbackrest info`): a hole between them would not show.
  bool holes_invisible = false;
  /// Files that are named like segments, with the ending that is most frequent of those that
  /// rpoguard does not know.
  struct UnknownFiles {
    std::string ending;
    std::int64_t files = 0;
  };
  std::optional<UnknownFiles> unknown_files{};
};

struct ArchiveObservation {
  Instant asked;  ///< before the first look: what is listed was there at some moment since
  Instant answered;
  std::variant<ArchiveFacts, ProbeError> outcome;
};

/// A witness's answer (WitnessSpec).
struct WitnessFacts {
  std::int64_t number = 0;  ///< 0 or greater
  std::string writer;       ///< what writer_pointer leads to; empty without one
};

struct WitnessObservation {
  Instant asked;
  Instant answered;
  std::variant<WitnessFacts, ProbeError> outcome;
};

/// Who answers at the writer endpoint, and whether it commits.
struct EndpointFacts {
  std::uint64_t system_identifier = 0;
  bool in_recovery = true;
  Timeline timeline;
  WallTime started;                     ///< postmaster start, as in NodeFacts
  std::optional<Duration> commit_took;  ///< the canary's commit; absent without a canary
};

struct EndpointObservation {
  Instant asked;
  Instant answered;
  std::variant<EndpointFacts, ProbeError> outcome;
};

/// The latest of each node of one shard, in the order of ShardSpec::nodes, and of what stands
/// around it. Absent: not probed yet.
struct ShardObservations {
  std::vector<std::optional<NodeObservation>> nodes;
  std::vector<std::optional<SlowObservation>> slow;
  std::optional<ArchiveObservation> archive;
  std::optional<WitnessObservation> epoch_witness;
  std::optional<WitnessObservation> generation_witness;
  std::optional<EndpointObservation> endpoint;
};

/// What the node's last slow statement told; nullptr: it told nothing.
inline const SlowFacts* slow_facts(const ShardObservations& observations, std::size_t node) {
  if (node >= observations.slow.size() || !observations.slow[node]) return nullptr;
  return std::get_if<SlowFacts>(&observations.slow[node]->outcome);
}

}  // namespace rpoguard::core
