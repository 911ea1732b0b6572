// Writers that lose WAL while something else is wrong, and copies that write themselves: what
// positions and timeline numbers never show. And a writer of two names, which has lost nothing.
#include <algorithm>

#include "tests/sim/world.hpp"

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Chance streams of these faults begin here: they change no other draw.
constexpr std::uint64_t kLossStreams = 800'000;
constexpr std::uint64_t kArchiveStreams = 900'000;
constexpr std::uint64_t kNameStreams = 1'000'000;
constexpr Duration kAlone = seconds(40);

}  // namespace

bool World::other_history(std::size_t fault) {
  Random chance(seed_, kLossStreams + fault);
  const bool alone = faults_active_ == 0 && !failing_over_ && !misnamed_;
  if (!profile_.histories || !alone || ends_ - queue_.now() < seconds(240) || !chance.one_in(5))
    return false;
  switch (chance.below(4)) {
    case 0:
      open_a_copy(chance);
      break;
    case 1:
      copy_ahead_takes_over(chance);
      break;
    default:
      lose_in_stages(chance);
  }
  return true;
}

std::size_t World::other_than_primary(Random& chance) const {
  const std::size_t count = cluster_.servers().size();
  return (primary_ + 1 + chance.below(count - 1)) % count;
}

void World::lose_in_stages(Random& chance) {
  Loss plan;
  plan.writer = primary_;
  plan.copy = other_than_primary(chance);
  plan.copy_behind = chance.one_in(2);
  plan.copy_unseen = chance.one_in(3);
  plan.copy_restarted = chance.one_in(3);
  plan.rewound = chance.one_in(4);
  plan.writer_unseen = !plan.rewound && chance.one_in(3);
  plan.unconfirmed = chance.one_in(4);
  plan.sidecar_too = chance.one_in(8);
  if (!plan.sidecar_too && !plan.rewound && chance.one_in(4))
    plan.clock_behind = chance.between(seconds(5), seconds(600));
  plan.lead = chance.between(seconds(5), seconds(20));
  plan.away = chance.between(milliseconds(100), seconds(2));
  plan.settles = chance.between(seconds(2), seconds(12));
  alone_until_ = queue_.now() + plan.lead + plan.away + plan.settles + kAlone;
  during(
      plan.lead + plan.away + plan.settles,
      cluster_.servers()[plan.writer].name + (plan.rewound ? " goes back" : " is to lose WAL") +
          ", beside " + cluster_.servers()[plan.copy].name + (plan.copy_behind ? ", behind" : "") +
          (plan.copy_unseen ? ", unseen" : "") + (plan.unconfirmed ? ", unconfirmed" : ""),
      [&] {
        const bool in_iad = cluster_.servers()[plan.writer].region == "iad";
        if (plan.unconfirmed) cluster_.stamp(plan.writer, in_iad ? "phx" : "iad");
        if (plan.copy_behind) cluster_.cut(plan.copy, true);
        if (plan.copy_unseen) sidecar_.way(plan.copy).cut = true;
        queue_.after(plan.lead, [this, plan] { lose_now(plan); });
        queue_.after(plan.lead + plan.away, [this, plan] { start_after(plan); });
      },
      [this, plan] {
        sidecar_.way(plan.writer).cut = sidecar_.way(plan.copy).cut = false;
        if (plan.copy_behind) cluster_.cut(plan.copy, false);
      });
}

void World::lose_now(const Loss& plan) {
  if (queue_.traced()) queue_.tell("WAL LOST");
  if (plan.writer_unseen) sidecar_.way(plan.writer).cut = true;
  if (plan.copy_restarted) cluster_.crash(plan.copy);
  const std::uint64_t end = flushed_long_ago();
  if (plan.rewound) {
    tally_.losses += cluster_.rewind(plan.writer, end) ? 1 : 0;
    return;
  }
  cluster_.crash(plan.writer);
  tally_.losses += cluster_.lose_wal(plan.writer, end) ? 1 : 0;
}

// What was committed before a clock was set back looks younger than it is to an rpoguard that
// starts meanwhile.
void World::start_after(const Loss& plan) {
  Server& writer = cluster_.server(plan.writer);
  writer.clock_ahead -= plan.clock_behind;
  cluster_.restart(plan.writer);
  if (plan.clock_behind > Duration{0}) {
    restart_allowed_ = queue_.now() + seconds(240);
    queue_.after(milliseconds(50),
                 [this, plan] { cluster_.server(plan.writer).clock_ahead += plan.clock_behind; });
  }
  cluster_.restart(plan.copy);
  if (plan.sidecar_too) sidecar_.restart();
  if (!plan.copy_restarted || !plan.copy_unseen) return;
  // It shows what it has replayed, before it is connected again.
  queue_.after(plan.settles / 4, [this, plan] { sidecar_.way(plan.copy).cut = false; });
}

// Its standby.signal is lost: it takes writes on the writer's timeline, and is a standby again.
void World::open_a_copy(Random& chance) {
  const std::size_t copy = other_than_primary(chance);
  const Duration length = chance.between(seconds(5), seconds(20));
  const Server& server = cluster_.servers()[copy];
  if (!server.up || !server.in_recovery || server.flushed == 0) return;
  alone_until_ = queue_.now() + length + kAlone;
  during(
      length, "opened without a promotion " + server.name,
      [&] {
        cluster_.open(copy);
        write_unasked(copy, queue_.now() + length / 2);
      },
      [this, copy] { cluster_.close(copy, primary_); });
}

// The writer loses WAL that a copy has, and that copy is promoted: on purpose.
void World::copy_ahead_takes_over(Random& chance) {
  const std::size_t lost = primary_;
  const Duration promoted_after = chance.between(seconds(5), seconds(15));
  const Duration back_after = promoted_after + chance.between(seconds(10), seconds(40));
  alone_until_ = queue_.now() + back_after + kAlone;
  failing_over_ = true;
  ++faults_active_;
  ++tally_.faults;
  quiet_since_.reset();
  if (queue_.traced()) queue_.tell("WAL LOST on " + cluster_.servers()[lost].name);
  cluster_.crash(lost);
  tally_.losses += cluster_.lose_wal(lost, flushed_long_ago()) ? 1 : 0;
  queue_.after(chance.between(milliseconds(200), seconds(2)),
               [this, lost] { cluster_.restart(lost); });
  queue_.after(promoted_after, [this, lost] { take_over_ahead(lost); });
  queue_.after(back_after, [this, lost] { cluster_.restart(lost); });
  queue_.after(back_after + chance.between(seconds(1), seconds(30)), [this] { repair(); });
}

void World::take_over_ahead(std::size_t lost) {
  const auto& servers = cluster_.servers();
  std::optional<std::size_t> ahead;
  for (std::size_t node = 0; node < servers.size(); ++node) {
    if (node == lost || !servers[node].up || !servers[node].in_recovery) continue;
    if (!ahead || servers[node].flushed > servers[*ahead].flushed) ahead = node;
  }
  if (!ahead) return;
  if (queue_.traced()) queue_.tell("PROMOTED, being ahead, " + servers[*ahead].name);
  ++tally_.promotions;
  cluster_.crash(lost);
  cluster_.promote(*ahead);
  primary_ = *ahead;
  for (std::size_t node = 0; node < servers.size(); ++node) {
    if (node != lost && node != *ahead && !servers[node].cascades_from)
      cluster_.follow(node, *ahead);
  }
  cluster_.stamp(*ahead, servers[*ahead].region, sidecar_.highest_shown().value);
}

// The writer loses WAL that has been archived. An operator removes what is another history's, and
// takes a backup when the writer has passed it.
bool World::lose_archived(std::size_t fault) {
  Random chance(seed_, kArchiveStreams + fault);
  const bool alone = faults_active_ == 0 && !failing_over_ && !misnamed_;
  if (!profile_.archive || !alone || ends_ - queue_.now() < seconds(240) || !chance.one_in(8))
    return false;
  const std::size_t node = primary_;
  const std::uint64_t had = cluster_.servers()[node].flushed;
  const bool sidecar_too = chance.one_in(3);
  const Duration away = chance.between(milliseconds(200), seconds(4));
  alone_until_ = Instant::max();
  failing_over_ = true;
  ++faults_active_;
  ++tally_.faults;
  quiet_since_.reset();
  if (queue_.traced()) queue_.tell("ARCHIVED WAL LOST on " + cluster_.servers()[node].name);
  archive_.set_overwriting(chance.one_in(2));
  cluster_.crash(node);
  tally_.losses += cluster_.lose_wal(node, flushed_long_ago()) ? 1 : 0;
  queue_.after(away, [this, node] { cluster_.restart(node); });
  if (sidecar_too)
    queue_.after(away + chance.between(seconds(1), seconds(10)), [this] { sidecar_.restart(); });
  queue_.after(away + chance.between(seconds(8), seconds(40)), [this, had] { outgrow(had); });
  return true;
}

void World::outgrow(std::uint64_t had) {
  const Server& writer = cluster_.servers()[primary_];
  const std::uint64_t beyond = (had / kSegmentBytes + 1) * kSegmentBytes;
  if (writer.flushed < beyond) {
    cluster_.commit(primary_, false, false);
    cluster_.switch_wal(primary_, kSegmentBytes);
    queue_.after(milliseconds(500), [this, had] { outgrow(had); });
    return;
  }
  archive_.remove_foreign(writer.timeline);
  archive_.take_backup(primary_);
  alone_until_ = queue_.now() + kAlone;
  failing_over_ = false;
  --faults_active_;
  quiet_since_ = queue_.now();
  queue_.after(seconds(2), [this] { readmit_copies(4); });
}

// A copy's name leads to the writer, too. Both are asked at once, and which answer comes first is
// chance. Somebody goes on writing.
bool World::names_writer_twice(std::size_t fault, Duration length) {
  Random chance(seed_, kNameStreams + fault);
  if (!all_are_heard() || failing_over_ || misnamed_ || !chance.one_in(20)) return false;
  const std::size_t writer = primary_;
  const std::size_t copy = other_than_primary(chance);
  const Duration jitter = sidecar_.probe().timeout / 3;
  during(
      length, cluster_.servers()[copy].name + " leads to the writer, and answers come in any order",
      [&] {
        misnamed_ = true;
        sidecar_.lead(copy, writer);
        sidecar_.way(copy).extra_jitter = sidecar_.way(writer).extra_jitter = jitter;
        write_unasked(writer, queue_.now() + length);
      },
      [this, copy, writer] {
        misnamed_ = false;
        sidecar_.lead(copy, copy);
        sidecar_.way(copy).extra_jitter = sidecar_.way(writer).extra_jitter = Duration{};
      });
  return true;
}

void World::write_unasked(std::size_t node, Instant until) {
  if (queue_.now() >= until) return;
  cluster_.commit(node, false, false);
  queue_.after(milliseconds(70), [this, node, until] { write_unasked(node, until); });
}

}  // namespace rpoguard::sim
