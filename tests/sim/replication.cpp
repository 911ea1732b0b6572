// The way of the WAL from a writer to its standbys, and of their reports back.
#include <algorithm>

#include "tests/sim/cluster.hpp"

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool Cluster::link_alive(const Server& standby) const {
  if (!standby.upstream || !standby.up || standby.hung || standby.cut) return false;
  const Server& upstream = servers_[*standby.upstream];
  return upstream.up && !upstream.hung;
}

void Cluster::ship(std::size_t standby) {
  Server& server = servers_[standby];
  if (!server.connected || !link_alive(server)) return;
  const Duration jitter = random_.between(milliseconds(0), milliseconds(10));
  const Instant arrival =
      std::max(server.last_arrival, queue_.now() + server.delay + server.extra + jitter);
  server.last_arrival = arrival;
  queue_.after(arrival - queue_.now(), [this, standby, connection = server.connection,
                                        sent = servers_[*server.upstream].position()] {
    const Server& receiver = servers_[standby];
    if (receiver.connection == connection && receiver.connected) arrive(standby, sent);
  });
}

void Cluster::ship_on(std::size_t node) {
  for (std::size_t other = 0; other < servers_.size(); ++other) {
    if (servers_[other].upstream == node) ship(other);
  }
}

void Cluster::arrive(std::size_t standby, Position sent) {
  Server& server = servers_[standby];
  if (!link_alive(server) || server.wal_lost) return;
  // Whoever has other WAL takes what it gets for its own, and never has what it lacks.
  const bool astray = history_.covered(sent.timeline, server.position()) != server.flushed;
  const Mark* mark = history_.mark_between(sent.timeline, server.flushed, sent.lsn);
  if (astray && mark != nullptr) server.mark_astray = *mark;
  server.flushed = std::max(server.flushed, sent.lsn);
  if (!astray && server.timeline != sent.timeline) {
    server.timeline = sent.timeline;
    follow_control_file(standby);
  }
  server.receiver_ran = true;
  const Duration busy = random_.between(milliseconds(1), milliseconds(40));
  queue_.after(busy + server.apply_delay, [this, standby, up_to = sent.lsn, life = server.life] {
    if (servers_[standby].life == life) replay(standby, up_to);
  });
  report(standby);
  ship_on(standby);
}

// At its next restart point.
void Cluster::follow_control_file(std::size_t standby) {
  queue_.after(seconds(60), [this, standby, life = servers_[standby].life] {
    Server& server = servers_[standby];
    if (server.life == life && server.in_recovery) server.control_timeline = server.timeline;
  });
}

void Cluster::replay(std::size_t standby, std::uint64_t up_to) {
  Server& server = servers_[standby];
  if (!server.up || server.hung || !server.in_recovery || server.replay_paused) return;
  if (server.replayed >= up_to) return;
  server.replayed = up_to;
  report(standby);
}

void Cluster::report(std::size_t standby) {
  const Server& server = servers_[standby];
  if (server.replies_lost || !server.connected) return;
  const Row told{true, true, server.flushed, server.replayed, 0};
  queue_.after(server.delay, [this, standby, told, connection = server.connection] {
    Server& reporter = servers_[standby];
    if (reporter.connection != connection || !reporter.connected || !link_alive(reporter)) return;
    if (!reporter.row.present) return;
    reporter.row.flush = std::max(reporter.row.flush, told.flush);
    reporter.row.replay = std::max(reporter.row.replay, told.replay);
    // Once it has caught up it is called streaming, however far it falls behind later.
    if (reporter.row.flush + 16'384 >= servers_[*reporter.upstream].flushed)
      reporter.row.streaming = true;
    release_waiting();
  });
}

void Cluster::cut(std::size_t standby, bool cut) {
  servers_[standby].cut = cut;
  // TCP tries again, with back-off, or the receiver has given up and connects anew.
  if (!cut) end_connection(standby);
}

void Cluster::end_connection(std::size_t standby) {
  Server& server = servers_[standby];
  if (!server.upstream) return;
  server.connected = false;
  ++server.connection;
  server.row = Row{};
  queue_.after(random_.between(milliseconds(200), seconds(5)), [this, standby] {
    if (!servers_[standby].connected) reconnect(standby);
  });
}

void Cluster::drop_row(std::size_t standby) {
  servers_[standby].row = Row{};
}

// An upstream on another history, or behind, refuses. A younger timeline that branched off no
// earlier is followed (recovery_target_timeline = latest). PostgreSQL goes by the numbers.
bool Cluster::can_follow(const Server& standby, const Server& upstream) const {
  const std::uint32_t old = history_.shown(standby.timeline);
  const std::uint32_t young = history_.shown(upstream.timeline);
  if (young < old || upstream.flushed < standby.flushed) return false;
  if (young == old) return true;
  const auto steps = history_.steps(upstream.timeline).steps;
  return std::ranges::any_of(steps, [&](const core::TimelineStep& step) {
    return step.timeline.value == old && standby.flushed <= step.end.value;
  });
}

void Cluster::reconnect(std::size_t standby) {
  Server& server = servers_[standby];
  if (!server.upstream || !server.in_recovery) return;
  const Server& upstream = servers_[*server.upstream];
  if (!link_alive(server) || !can_follow(server, upstream)) {
    queue_.after(seconds(5), [this, standby, connection = server.connection] {
      const Server& waiting = servers_[standby];
      if (waiting.connection == connection && !waiting.connected) reconnect(standby);
    });
    return;
  }
  server.connected = true;
  ++server.connection;
  server.receiver_ran = true;
  server.last_arrival = queue_.now();
  server.row = Row{true, false, server.flushed, server.replayed, next_pid_++};
  ship(standby);
}

}  // namespace rpoguard::sim
