#include "tests/sim/cluster.hpp"

#include <algorithm>
#include <utility>

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::uint64_t kCheckpointBytes = 120;

}  // namespace

core::WallTime true_time(Instant now) {
  return core::WallTime(seconds(1'767'225'600)) +
         std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
}

core::WallTime Cluster::clock(std::size_t node) const {
  return true_time(queue_.now()) +
         std::chrono::duration_cast<std::chrono::microseconds>(servers_[node].clock_ahead);
}

std::size_t Cluster::add(const std::string& name, const std::string& region, Duration delay) {
  Server server;
  server.name = name;
  server.region = region;
  server.delay = delay;
  servers_.push_back(std::move(server));
  servers_.back().started = servers_.back().backends_started = clock(servers_.size() - 1);
  return servers_.size() - 1;
}

void Cluster::start(std::size_t node) {
  servers_[node].in_recovery = false;
  for (std::size_t other = 0; other < servers_.size(); ++other) {
    if (other == node) continue;
    servers_[other].upstream = servers_[other].cascades_from.value_or(node);
    reconnect(other);
  }
}

// A commit's or an abort's record has been written; its time was taken a little earlier.
void Cluster::record(std::size_t node) {
  const Server& server = servers_[node];
  history_.record({server.timeline, server.inserted},
                  clock(node) - std::chrono::microseconds(random_.below(2000)));
}

// The first of a run stands where its redo begins. One that was made while the server ran does not.
std::pair<std::uint64_t, std::uint64_t> Cluster::checkpoint(std::size_t node) const {
  const Server& server = servers_[node];
  if (server.first_checkpoint != 0) return {server.first_checkpoint, server.first_checkpoint};
  if (queue_.now() >= server.checkpointed) return {server.inserted, server.inserted - 1};
  const std::uint64_t before = history_.split(server.timeline) - 500;
  return {before, before - 1};
}

bool Cluster::accepts_writes(std::size_t node) const {
  const Server& server = servers_[node];
  return server.up && !server.hung && !server.in_recovery;
}

bool Cluster::gets_writes(std::size_t node) const {
  return accepts_writes(node) && queue_.now() >= servers_[node].reached_again;
}

void Cluster::commit(std::size_t node, bool promised, bool asynchronous) {
  if (!gets_writes(node)) return;
  Server& server = servers_[node];
  server.inserted += 100 + random_.below(3000);
  record(node);
  const std::uint64_t end = server.inserted;
  const std::uint64_t life = server.life;
  if (asynchronous) {
    finish(node, end, promised);
    // PostgreSQL's three wal_writer_delay of 200 ms at most.
    queue_.after(random_.between(milliseconds(1), milliseconds(599)), [this, node, life, end] {
      if (servers_[node].life == life) flush(node, end);
    });
    return;
  }
  queue_.after(random_.between(milliseconds(1), milliseconds(8)),
               [this, node, life, end, promised] {
                 if (servers_[node].life != life || servers_[node].in_recovery) return;
                 flush(node, end);
                 wait_for_copy(node, end, promised);
               });
}

void Cluster::wait_for_copy(std::size_t node, std::uint64_t end, bool promised) {
  const Waiting waiting{node, servers_[node].life, end, promised};
  if (copy_confirms(waiting)) {
    finish(node, end, promised);
  } else {
    waiting_.push_back(waiting);
  }
}

bool Cluster::copy_confirms(const Waiting& waiting) const {
  const Server& writer = servers_[waiting.node];
  if (writer.standby_names.empty() || writer.commit_level == "local") return true;
  for (const Server& standby : servers_) {
    if (standby.name != writer.standby_names || standby.upstream != waiting.node) continue;
    if (!standby.row.present || !standby.row.streaming) continue;
    const std::uint64_t confirmed =
        writer.commit_level == "remote_apply" ? standby.row.replay : standby.row.flush;
    if (confirmed >= waiting.end) return true;
  }
  return false;
}

void Cluster::release_waiting() {
  std::vector<Waiting> still;
  for (const Waiting& waiting : std::exchange(waiting_, {})) {
    if (servers_[waiting.node].life != waiting.life) continue;
    if (copy_confirms(waiting)) {
      finish(waiting.node, waiting.end, waiting.promised);
    } else {
      still.push_back(waiting);
    }
  }
  waiting_ = std::move(still);
}

// The transaction ends for everybody, then its client hears of it.
void Cluster::finish(std::size_t node, std::uint64_t end, bool promised) {
  Server& server = servers_[node];
  ++server.ended;
  if (end > server.flushed) server.unflushed_ends.push_back(end);
  queue_.after(random_.between(milliseconds(0), milliseconds(random_.one_in(20) ? 90 : 3)),
               [this, node, life = server.life, end, promised] {
                 const Server& acking = servers_[node];
                 if (acking.life != life || acking.hung) return;
                 history_.acknowledge({acking.timeline, end}, queue_.now(), promised);
               });
}

void Cluster::abort(std::size_t node) {
  if (!gets_writes(node)) return;
  Server& server = servers_[node];
  server.inserted += 40 + random_.below(500);
  record(node);
  ++server.ended;
  server.unflushed_ends.push_back(server.inserted);
}

// The background writer logs a snapshot every 15 s, and has it flushed.
void Cluster::write_unflushed(std::size_t node) {
  if (!gets_writes(node)) return;
  Server& server = servers_[node];
  server.inserted += 50 + random_.below(8000);
  queue_.after(random_.between(milliseconds(0), seconds(15)),
               [this, node, life = server.life, end = server.inserted] {
                 if (servers_[node].life == life) flush(node, end);
               });
}

void Cluster::set_wal_hung(std::size_t node, bool hung) {
  Server& server = servers_[node];
  server.wal_hung = hung;
  if (!hung && server.up && !server.in_recovery) flush(node, server.inserted);
}

bool Cluster::follows(std::size_t copy, std::size_t writer) const {
  const Position held = servers_[copy].position();
  return history_.covered(servers_[writer].timeline, held) == held.lsn;
}

void Cluster::flush(std::size_t node, std::uint64_t up_to) {
  Server& server = servers_[node];
  if (up_to <= server.flushed || server.wal_hung) return;
  server.flushed = up_to;
  std::erase_if(server.unflushed_ends, [&](std::uint64_t end) { return end <= up_to; });
  ship_on(node);
}

// The rest of the segment is skipped; the next record comes after the page header of the new one.
void Cluster::switch_wal(std::size_t node, std::uint64_t segment_bytes) {
  if (!accepts_writes(node)) return;
  Server& server = servers_[node];
  const std::uint64_t boundary = (server.inserted / segment_bytes + 1) * segment_bytes;
  server.inserted = boundary + 40;
  flush(node, boundary);
}

void Cluster::crash(std::size_t node) {
  Server& server = servers_[node];
  if (!server.up) return;
  server.up = false;
  server.hung = false;
  ++server.life;
  ++server.restarts;
  if (!server.in_recovery) {
    // What was not flushed is gone, and its transaction ids will be given out again.
    server.ended -= server.unflushed_ends.size();
    server.unflushed_ends.clear();
    server.inserted = server.flushed;
    history_.forget_beyond(server.position());
  }
  for (std::size_t other = 0; other < servers_.size(); ++other) {
    if (other == node || servers_[other].upstream == node) end_connection(other);
  }
}

void Cluster::restart(std::size_t node) {
  Server& server = servers_[node];
  if (server.up || server.flushed == 0) return;  // nothing starts on an empty data directory
  server.up = true;
  server.started = clock(node);
  begin_run(node);
  server.receiver_ran = false;
  // Replay begins again at the last restart point, wherever that is.
  server.replayed_from = random_.one_in(2) ? server.flushed : 0;
  if (server.in_recovery && !server.replay_paused && server.apply_delay == Duration{0})
    server.replayed = server.flushed;
}

// Crash recovery ends in a checkpoint.
void Cluster::begin_run(std::size_t node) {
  Server& server = servers_[node];
  server.backends_started = clock(node);
  if (server.in_recovery) return;
  server.first_checkpoint = server.inserted;
  server.inserted += kCheckpointBytes;
  flush(node, server.inserted);
}

void Cluster::crash_backends(std::size_t node) {
  if (!accepts_writes(node)) return;
  const core::WallTime started = servers_[node].started;
  crash(node);
  restart(node);
  servers_[node].started = started;
}

void Cluster::go_back(Server& server, std::uint64_t end) {
  server.timeline = history_.branch({server.timeline, end}, history_.shown(server.timeline));
  server.inserted = server.flushed = server.replayed = end;
  server.ended = 700 + end / 1000;
}

bool Cluster::lose_wal(std::size_t node, std::uint64_t end) {
  Server& server = servers_[node];
  end = std::max({end, Server::kFirstLsn, history_.split(server.timeline)});
  if (server.up || server.in_recovery || end >= server.flushed) return false;
  go_back(server, end);
  return true;
}

// Its connections are gone: the other ends have gone on. While its clients look for it, it is
// looked at: whether one went back that has passed its old end by then, nobody can tell
// (docs/decisions/0009).
bool Cluster::rewind(std::size_t node, std::uint64_t end) {
  Server& server = servers_[node];
  end = std::max({end, Server::kFirstLsn, history_.split(server.timeline),
                  server.first_checkpoint + kCheckpointBytes});
  if (!accepts_writes(node) || end >= server.flushed) return false;
  go_back(server, end);
  server.unflushed_ends.clear();
  server.reached_again = queue_.now() + seconds(6);
  ++server.life;
  ++server.restarts;
  for (std::size_t other = 0; other < servers_.size(); ++other) {
    if (servers_[other].upstream == node) end_connection(other);
  }
  return true;
}

void Cluster::open(std::size_t node) {
  Server& server = servers_[node];
  crash(node);
  end_connection(node);
  server.upstream.reset();
  server.in_recovery = server.replay_paused = false;
  server.timeline = history_.branch(server.position(), history_.shown(server.timeline));
  server.inserted = server.replayed = server.flushed;
  server.ended = 700 + server.flushed / 1000;
  restart(node);
}

void Cluster::close(std::size_t node, std::size_t upstream) {
  Server& server = servers_[node];
  crash(node);
  server.in_recovery = true;
  server.replayed = server.flushed;
  server.upstream = upstream;
  restart(node);
  reconnect(node);
}

void Cluster::set_hung(std::size_t node, bool hung) {
  servers_[node].hung = hung && servers_[node].up;
  if (hung) return;
  ship(node);
  ship_on(node);
  if (servers_[node].apply_delay == Duration{0}) replay(node, servers_[node].flushed);
  release_waiting();
}

// Replays everything it has received, then opens for writes on a timeline of its own.
void Cluster::promote(std::size_t node, std::optional<std::size_t> as) {
  Server& server = servers_[node];
  end_connection(node);
  server.upstream.reset();
  server.in_recovery = false;
  server.replay_paused = false;
  server.apply_delay = Duration{};
  server.timeline = history_.branch(
      server.position(), as ? std::optional(history_.shown(servers_[*as].timeline)) : std::nullopt);
  server.first_checkpoint = 0;
  server.checkpointed =
      queue_.now() + random_.between(milliseconds(100), seconds(random_.one_in(2) ? 2 : 120));
  server.inserted = server.replayed = server.flushed;
  server.ended = 700 + server.flushed / 1000;
  ++server.life;
  // What streams from it learns of the new timeline by connecting again.
  for (std::size_t other = 0; other < servers_.size(); ++other) {
    if (servers_[other].upstream == node) end_connection(other);
  }
}

// Recovers up to there from a backup and goes on from it on a timeline of its own.
void Cluster::restore(std::size_t node, Position to) {
  Server& server = servers_[node];
  crash(node);
  server.in_recovery = false;
  server.timeline = history_.branch(to);
  server.inserted = server.replayed = server.flushed = to.lsn;
  restart(node);
  server.ended = 700 + server.flushed / 1000;
}

// While its WAL disk hangs it does not commit.
void Cluster::stamp(std::size_t node, const std::string& region, std::int64_t above) {
  if (!accepts_writes(node) || servers_[node].wal_hung) return;
  Server& server = servers_[node];
  server.inserted += 200;
  record(node);
  ++server.ended;
  const Position end{server.timeline, server.inserted};
  const std::int64_t own = history_.stamp_at(server.position()).epoch;
  history_.stamp({end, std::max(own, above) + 1, region, queue_.now()});
  flush(node, server.inserted);
}

void Cluster::follow(std::size_t standby, std::size_t upstream) {
  if (standby == upstream || !servers_[standby].in_recovery) return;
  servers_[standby].upstream = upstream;
  end_connection(standby);
}

void Cluster::wipe(std::size_t node) {
  Server& server = servers_[node];
  crash(node);
  end_connection(node);
  server.upstream.reset();
  server.held_before.push_back({server.position(), server.replayed, queue_.now()});
  server.timeline = 1;
  server.flushed = server.replayed = 0;
  server.mark_astray.reset();
}

void Cluster::seed(std::size_t node, std::size_t from) {
  if (servers_[node].up || servers_[node].flushed != 0) wipe(node);
  Server& server = servers_[node];
  const Server& source = servers_[from];
  server.up = true;
  server.in_recovery = true;
  server.timeline = server.control_timeline = source.timeline;
  // Often from a base backup that was taken some time ago.
  const std::uint64_t age = random_.one_in(3) ? random_.below(300'000) : 0;
  const std::uint64_t oldest = std::max(Server::kFirstLsn, history_.split(source.timeline));
  server.flushed = std::max(oldest, source.flushed - std::min(age, source.flushed));
  server.replayed = server.flushed;
  server.replayed_from = random_.one_in(2) ? server.flushed : 0;
  server.started = server.backends_started = clock(node);
  server.replay_paused = server.receiver_ran = false;
  server.standby_names.clear();
  server.commit_level = "on";
  server.role_level.clear();
  server.upstream = from;
  reconnect(node);
}

void Cluster::set_replay_paused(std::size_t node, bool paused) {
  servers_[node].replay_paused = paused;
  if (!paused) replay(node, servers_[node].flushed);
}

void Cluster::set_standby_names(std::size_t node, const std::string& names,
                                const std::string& level) {
  servers_[node].standby_names = names;
  servers_[node].commit_level = level;
  release_waiting();
}

}  // namespace rpoguard::sim
