// Marks of the writer's runs, and what they are for: rpoguard has seen neither the end of one run
// nor the begin of the next.
#include <algorithm>

#include "exporter/core/model/limits.hpp"

#include "tests/sim/world.hpp"

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Chance streams of these faults begin here: they change no other draw.
constexpr std::uint64_t kMarkStreams = 700'000;

}  // namespace

// What remains (docs/decisions/0009): a copy has WAL that its writer lost, and the writer has
// passed it before it marks its run. In time, nobody can tell; there the model writes no mark.
bool Cluster::hides_what_is_astray(std::size_t node, std::uint64_t mark) const {
  const Server& writer = servers_[node];
  if (clock(node) - writer.backends_started > core::limits::kMarkDelayMax + seconds(1))
    return false;
  return std::ranges::any_of(servers_, [&](const Server& copy) {
    return history_.covered(writer.timeline, copy.position()) != copy.flushed &&
           copy.flushed <= mark;
  });
}

// Waits for no disk.
void Cluster::mark_run(std::size_t node) {
  if (!accepts_writes(node)) return;
  Server& server = servers_[node];
  const core::RunId run{core::Timeline{history_.shown(server.timeline)}, server.started,
                        server.backends_started};
  const Mark* last = history_.mark_at({server.timeline, server.inserted});
  const std::uint64_t sealed = server.inserted + 60;
  if ((last != nullptr && last->row.run == run) || hides_what_is_astray(node, sealed)) return;
  server.inserted = sealed + 200;
  record(node);
  ++server.ended;
  server.unflushed_ends.push_back(server.inserted);
  history_.mark({{server.timeline, server.inserted}, {run, core::Lsn{sealed}, clock(node)}});
  queue_.after(random_.between(milliseconds(1), milliseconds(599)),
               [this, node, life = server.life, end = server.inserted] {
                 if (servers_[node].life == life) flush(node, end);
               });
}

std::optional<core::RunMark> Cluster::mark_on(std::size_t node) const {
  const Server& server = servers_[node];
  if (server.mark_astray && server.replayed >= server.mark_astray->end.lsn)
    return server.mark_astray->row;
  const Mark* mark =
      history_.mark_at({server.timeline, server.in_recovery ? server.replayed : server.inserted});
  return mark == nullptr ? std::nullopt : std::optional(mark->row);
}

// The writer crashes while rpoguard is down, often loses WAL, and often has been up for longer than
// a mark may be late when rpoguard is started again.
bool World::restarts_both(std::size_t fault, Duration length) {
  Random chance(seed_, kMarkStreams + fault);
  if (!marks_ || faults_active_ > 0 || failing_over_ || !chance.one_in(8)) return false;
  const std::size_t node = primary_;
  const bool loses = chance.one_in(2);
  const Duration late =
      chance.one_in(3) ? chance.between(seconds(0), seconds(30)) : Duration(milliseconds(100));
  alone_until_ = queue_.now() + length + late + seconds(40);
  during(
      length + late,
      cluster_.servers()[node].name + (loses ? " crashed, and lost WAL, " : " crashed ") +
          "while the sidecar was down",
      [&] {
        sidecar_.stall(length + late, false);
        cluster_.crash(node);
        if (loses) tally_.losses += cluster_.lose_wal(node, flushed_long_ago()) ? 1 : 0;
        queue_.after(length, [this, node] { cluster_.restart(node); });
      },
      [this] { sidecar_.restart(); });
  return true;
}

void World::count_readmitted() {
  for (const core::NodeView& node : sidecar_.view()->nodes) {
    if (!node.readmitted.empty()) ++tally_.readmitted;
  }
}

}  // namespace rpoguard::sim
