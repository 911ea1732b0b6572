// The model of the database: servers that commit, flush, crash and are promoted, and the
// replication between them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/history.hpp"
#include "tests/sim/queue.hpp"
#include "tests/sim/random.hpp"

namespace rpoguard::sim {

/// wal_segment_size: small, so that segments fill and are archived within a simulated minute.
inline constexpr std::uint64_t kSegmentBytes = 1024 * 1024;

/// The writer's pg_stat_replication row of a standby.
struct Row {
  bool present = false;
  bool streaming = false;  ///< else: catchup
  std::uint64_t flush = 0;
  std::uint64_t replay = 0;
  std::int64_t pid = 0;
};

struct Server {
  std::string name;
  std::string region;
  bool up = true;
  bool hung = false;
  bool in_recovery = true;
  std::uint32_t timeline = 1;
  std::uint64_t inserted = kFirstLsn;  ///< writers only
  std::uint64_t flushed = kFirstLsn;
  std::uint64_t replayed = kFirstLsn;
  bool receiver_ran = true;  ///< since the last start
  bool replay_paused = false;
  Duration apply_delay{};              ///< recovery_min_apply_delay
  std::uint64_t replayed_from = 0;     ///< where this start of a standby began to replay
  Duration clock_ahead{};              ///< of the true time
  core::WallTime started;              ///< its own clock
  core::WallTime backends_started;     ///< a crash of the backends leaves `started` as it was
  std::uint64_t first_checkpoint = 0;  ///< of this start of a writer; 0: a later one is the latest
  Instant reached_again{};             ///< its clients have found it again
  Instant checkpointed{};              ///< the first checkpoint since a promotion ends
  bool wal_hung = false;               ///< nothing gets flushed
  std::uint64_t ended = 700;  ///< transactions ended so far: what the snapshot's text tells
  std::vector<std::uint64_t> unflushed_ends;  ///< of ended transactions, a crash forgets them
  std::uint64_t life = 0;      ///< rises with each crash: events of an earlier life are void
  std::uint64_t restarts = 0;  ///< connections of an earlier start are dead
  std::string standby_names;
  std::string commit_level = "on";
  std::string role_level;  ///< of one of the roles that commit, by ALTER ROLE; empty: not set

  // As a standby: the way from its upstream to here.
  std::optional<std::size_t> upstream;
  std::optional<std::size_t> cascades_from;  ///< its upstream by configuration: another standby
  bool connected = false;
  std::uint64_t connection = 0;
  bool cut = false;           ///< nothing arrives in either direction
  bool replies_lost = false;  ///< WAL arrives, reports do not
  bool wal_lost = false;      ///< and the other way round
  Duration delay{};
  Duration extra{};  ///< a slow link
  Instant last_arrival{};
  Row row;
  std::uint32_t control_timeline = 1;  ///< of its control file, which follows later
  std::optional<Row> stranger;         ///< another walsender under this server's application_name
  bool displaced = false;              ///< the stranger's row stands in the place of its own

  /// It went astray, and has replayed this mark of the server that feeds it all the same.
  std::optional<Mark> mark_astray;

  /// What it held before it was wiped, and until when.
  struct Held {
    Position position;
    std::uint64_t replayed = 0;
    Instant until;
  };
  std::vector<Held> held_before;

  static constexpr std::uint64_t kFirstLsn = 0x3000000;
  Position position() const { return {timeline, flushed}; }
};

class Cluster {
 public:
  Cluster(Queue& queue, Random& random) : queue_(queue), random_(random) {}
  Cluster(const Cluster&) = delete;  // events point here
  Cluster& operator=(const Cluster&) = delete;

  std::size_t add(const std::string& name, const std::string& region, Duration delay);
  /// Makes `node` the first writer and every other one its standby.
  void start(std::size_t node);

  const std::vector<Server>& servers() const { return servers_; }
  Server& server(std::size_t node) { return servers_[node]; }
  const History& history() const { return history_; }
  /// Where the record of the latest checkpoint begins by the control file, and where its redo does.
  std::pair<std::uint64_t, std::uint64_t> checkpoint(std::size_t node) const;
  /// What the server's wall clock shows.
  core::WallTime clock(std::size_t node) const;
  bool accepts_writes(std::size_t node) const;
  /// And somebody can ask for them.
  bool gets_writes(std::size_t node) const;

  // What clients and background work do.
  void commit(std::size_t node, bool promised, bool asynchronous);
  void abort(std::size_t node);
  void write_unflushed(std::size_t node);  ///< a reader prunes pages, sets hint bits
  void switch_wal(std::size_t node, std::uint64_t segment_bytes);

  // What happens to servers.
  void crash(std::size_t node);
  void restart(std::size_t node);
  void crash_backends(std::size_t node);
  /// A restored snapshot of the volume, or a disk that lied: the crashed server's WAL beyond `end`
  /// is gone. It will go on under the same timeline. False: it has nothing beyond.
  bool lose_wal(std::size_t node, std::uint64_t end);
  /// A virtual machine goes on from a snapshot of its memory: the same run, back at `end`, or where
  /// it began if that is later. False: it has nothing beyond.
  bool rewind(std::size_t node, std::uint64_t end);
  /// A standby is started without its standby.signal: it writes on the timeline of its upstream.
  void open(std::size_t node);
  /// Its standby.signal is back.
  void close(std::size_t node, std::size_t upstream);
  void set_wal_hung(std::size_t node, bool hung);
  /// Whether the copy holds no WAL but the writer's.
  bool follows(std::size_t copy, std::size_t writer) const;
  void set_hung(std::size_t node, bool hung);
  /// `as`: to the timeline of the same number as this server's.
  void promote(std::size_t node, std::optional<std::size_t> as = std::nullopt);
  void stamp(std::size_t node, const std::string& region, std::int64_t above = 0);
  /// rpoguard.mark_run(): once in a run.
  void mark_run(std::size_t node);
  /// The last mark that the server shows.
  std::optional<core::RunMark> mark_on(std::size_t node) const;
  void restore(std::size_t node, Position to);             ///< to an earlier moment, as a writer
  void follow(std::size_t standby, std::size_t upstream);  ///< primary_conninfo is changed
  void wipe(std::size_t node);
  void seed(std::size_t node, std::size_t from);  ///< pg_basebackup and start as its standby
  void set_replay_paused(std::size_t node, bool paused);
  void set_standby_names(std::size_t node, const std::string& names, const std::string& level);

  // What happens to the links.
  void cut(std::size_t standby, bool cut);
  void end_connection(std::size_t standby);  ///< both ends know; it reconnects with back-off
  void drop_row(std::size_t standby);        ///< the writer gives up on a silent peer

 private:
  struct Waiting {
    std::size_t node;
    std::uint64_t life;
    std::uint64_t end;
    bool promised;
  };
  void begin_run(std::size_t node);
  void go_back(Server& server, std::uint64_t end);
  void flush(std::size_t node, std::uint64_t up_to);
  void finish(std::size_t node, std::uint64_t end, bool promised);
  void wait_for_copy(std::size_t node, std::uint64_t end, bool promised);
  void release_waiting();
  bool copy_confirms(const Waiting& waiting) const;
  void ship(std::size_t standby);
  void arrive(std::size_t standby, Position sent);
  void replay(std::size_t standby, std::uint64_t up_to);
  void ship_on(std::size_t node);
  bool can_follow(const Server& standby, const Server& upstream) const;
  void record(std::size_t node);
  void report(std::size_t standby);
  void reconnect(std::size_t standby);
  bool link_alive(const Server& standby) const;
  void follow_control_file(std::size_t standby);
  bool hides_what_is_astray(std::size_t node, std::uint64_t mark) const;

  Queue& queue_;
  Random& random_;
  History history_;
  std::vector<Server> servers_;
  std::vector<Waiting> waiting_;
  std::int64_t next_pid_ = 4000;
};

/// The true time, if the world began at the epoch of its clock in 2026.
core::WallTime true_time(Instant now);

}  // namespace rpoguard::sim
