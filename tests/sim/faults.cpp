// What goes wrong in a world. Each fault has an end; a failover ends with everything rebuilt.
#include <algorithm>
#include <array>

#include "tests/sim/world.hpp"

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Longer than any two looks of a sidecar that is not disturbed are apart.
constexpr Duration kSeenAfter = seconds(2);

}  // namespace

// Faults come in groups with long quiet phases in between, and none in the last minute.
void World::schedule_faults() {
  const Duration pause = random_.one_in(3) ? random_.between(seconds(40), seconds(90))
                                           : random_.between(seconds(1), seconds(15));
  queue_.after(pause, [this] {
    if (ends_ - queue_.now() < seconds(60)) return;
    one_fault();
    schedule_faults();
  });
}

void World::one_fault() {
  const Duration left = ends_ - queue_.now() - seconds(50);
  const Duration length =
      std::min(left, random_.one_in(5) ? random_.between(seconds(30), seconds(100))
                                       : random_.between(milliseconds(300), seconds(20)));
  if (profile_.failovers && !failing_over_ && left > seconds(200) && random_.one_in(4))
    return fail_over(random_.one_in(2));
  switch (random_.below(profile_.synchronous ? 5 : 4)) {
    case 0:
      return link_fault(length);
    case 1:
      return server_fault(length);
    case 2:
      return probe_fault(length);
    case 3:
      return sidecar_fault(length);
    default:
      return synchronous_fault(length);
  }
}

void World::during(Duration length, const std::string& what, const std::function<void()>& begin,
                   const std::function<void()>& end) {
  ++tally_.faults;
  ++faults_active_;
  quiet_since_.reset();
  const std::string name = queue_.traced() ? what : "";
  if (queue_.traced()) queue_.trace("FAULT " + name + " for " + core::render_duration(length));
  begin();
  queue_.after(length, [this, name, end] {
    if (queue_.traced()) queue_.trace("END OF " + name);
    end();
    if (--faults_active_ == 0) quiet_since_ = queue_.now();
  });
}

std::size_t World::random_copy() {
  const std::size_t count = cluster_.servers().size();
  const std::size_t offset = 1 + random_.below(count - 1);
  return (primary_ + offset) % count;
}

void World::set_region_cut(const std::string& region, bool cut) {
  for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
    const Server& server = cluster_.servers()[node];
    const bool inside = server.region == region;
    const bool from_outside =
        server.upstream && (cluster_.servers()[*server.upstream].region == region) != inside;
    // A server that was promoted meanwhile has no upstream, but gets its link back all the same.
    if (from_outside || (!cut && server.cut)) cluster_.cut(node, cut);
    if (inside) sidecar_.way(node).cut = cut;
  }
}

void World::link_fault(Duration length) {
  const std::size_t copy = random_copy();
  const std::string& name = cluster_.servers()[copy].name;
  switch (random_.below(6)) {
    case 0:
      return during(
          length, "replication link cut " + name, [&] { cluster_.cut(copy, true); },
          [this, copy] { cluster_.cut(copy, false); });
    case 1:
      return during(
          length, "replication link cut and its row gone " + name,
          [&] {
            cluster_.cut(copy, true);
            cluster_.drop_row(copy);
          },
          [this, copy] { cluster_.cut(copy, false); });
    case 2: {
      const Duration extra = random_.between(milliseconds(200), seconds(15));
      return during(
          length, "slow link " + name, [&] { cluster_.server(copy).extra = extra; },
          [this, copy] { cluster_.server(copy).extra = Duration{}; });
    }
    case 3:
      return during(
          length, "reports lost " + name, [&] { cluster_.server(copy).replies_lost = true; },
          [this, copy] {
            cluster_.server(copy).replies_lost = false;
            cluster_.end_connection(copy);
          });
    case 4:
      return during(
          length, "stranger under the name " + name,
          [&] {
            cluster_.server(copy).stranger = Row{true, true, 0x7FFFFFFFFFFF, 0x7FFFFFFFFFFF};
          },
          [this, copy] { cluster_.server(copy).stranger.reset(); });
    default:
      return during(
          length, "region phx cut off", [&] { set_region_cut("phx", true); },
          [this] { set_region_cut("phx", false); });
  }
}

void World::server_fault(Duration length) {
  const std::size_t node = random_.one_in(2) ? primary_ : random_copy();
  const std::string& name = cluster_.servers()[node].name;
  switch (random_.below(5)) {
    case 0:
      return during(
          length, "hung " + name, [&] { cluster_.set_hung(node, true); },
          [this, node] { cluster_.set_hung(node, false); });
    case 1:
      return during(
          length, "crashed " + name, [&] { cluster_.crash(node); },
          [this, node] { cluster_.restart(node); });
    case 2:
      return during(
          milliseconds(100), "crashed and up again " + name, [&] { cluster_.crash(node); },
          [this, node] { cluster_.restart(node); });
    case 3: {
      const std::size_t copy = random_copy();
      return during(
          length, "replay paused " + cluster_.servers()[copy].name,
          [&] { cluster_.set_replay_paused(copy, true); },
          [this, copy] { cluster_.set_replay_paused(copy, false); });
    }
    default: {
      // Also while the sidecar cannot see it: a copy that is not there any more proves nothing.
      const std::size_t copy = random_copy();
      if (failing_over_ || !cluster_.servers()[copy].in_recovery) return;
      const bool unseen = random_.one_in(2);
      return during(
          length, "re-seeded " + cluster_.servers()[copy].name,
          [&] {
            cluster_.wipe(copy);
            sidecar_.way(copy).cut = unseen;
          },
          [this, copy] {
            sidecar_.way(copy).cut = false;
            cluster_.seed(copy, primary_);
          });
    }
  }
}

void World::probe_fault(Duration length) {
  const std::size_t node = random_node();
  ProbeWay& way = sidecar_.way(node);
  const std::string& name = cluster_.servers()[node].name;
  switch (random_.below(6)) {
    case 0:
      return during(
          length, "sidecar cut from " + name, [&] { way.cut = true; }, [&way] { way.cut = false; });
    case 1:
      return during(
          length, "answers lost from " + name, [&] { way.answers_lost = true; },
          [&way] { way.answers_lost = false; });
    case 2: {
      const int percent = static_cast<int>(5 + random_.below(60));
      return during(
          length, "probe loss " + name, [&] { way.loss_percent = percent; },
          [&way] { way.loss_percent = 0; });
    }
    case 3:
      return during(
          length, "probe jitter " + name, [&] { way.extra_jitter = milliseconds(500); },
          [&way] { way.extra_jitter = Duration{}; });
    case 4: {
      const auto reason = static_cast<core::ProbeFailure>(random_.below(core::kProbeFailureCount));
      return during(
          length, "probe fails " + name + " " + core::name_of(reason), [&] { way.forced = reason; },
          [&way] { way.forced.reset(); });
    }
    default: {
      const auto hidden = static_cast<unsigned>(random_.below(1U << kHideableFields));
      return during(
          length, "facts missing from " + name, [&] { way.hidden_fields = hidden; },
          [&way] { way.hidden_fields = 0; });
    }
  }
}

void World::sidecar_fault(Duration length) {
  if (random_.one_in(3))
    return during(
        seconds(1), "sidecar restarted", [this] { sidecar_.restart(); }, [] {});
  during(
      length, "sidecar stalled", [&] { sidecar_.stall(length); }, [] {});
}

void World::synchronous_fault(Duration length) {
  const std::string level = cluster_.servers()[primary_].commit_level;
  const bool emptied = random_.one_in(2);
  // The sidecar may have looked just before and just after.
  if (length < kSeenAfter) unseen_change_ = queue_.now();
  during(
      length, emptied ? "synchronous_standby_names emptied" : "synchronous_commit lowered",
      [&] {
        cluster_.set_standby_names(primary_, emptied ? "" : "phx-a", emptied ? level : "local");
      },
      [this] {
        const bool apply = sidecar_.spec().durability == core::Durability::replay;
        cluster_.set_standby_names(primary_, "phx-a", apply ? "remote_apply" : "on");
      });
}

// The writer, or its whole region, is lost: dead, or only cut off and still taking writes. Somebody
// promotes a copy, stamps it in time, late, or not before the clean-up, and rebuilds the rest.
void World::fail_over(bool region_lost) {
  failing_over_ = true;
  ++faults_active_;
  ++tally_.faults;
  quiet_since_.reset();
  const std::size_t lost = primary_;
  const std::string region = cluster_.servers()[lost].region;
  // Often it begins with the link between the regions: then something is lost.
  if (region_lost && random_.one_in(2)) {
    for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
      if (cluster_.servers()[node].region != region) cluster_.cut(node, true);
    }
  }
  queue_.after(random_.between(milliseconds(10), seconds(12)),
               [this, lost, region_lost] { lose(lost, region_lost); });
}

void World::lose(std::size_t lost, bool region_lost) {
  const std::string region = cluster_.servers()[lost].region;
  const bool dead = random_.one_in(2);
  if (queue_.traced())
    queue_.trace(std::string("LOST ") + (region_lost ? "of region " : "within region ") + region +
                 (dead ? ", dead" : ", cut off"));
  for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
    const bool hit = region_lost ? cluster_.servers()[node].region == region : node == lost;
    if (hit && dead) cluster_.crash(node);
  }
  if (!dead && region_lost) set_region_cut(region, true);
  if (!dead && !region_lost) sidecar_.way(lost).cut = true;
  queue_.after(random_.between(seconds(2), seconds(20)),
               [this, lost, region_lost] { take_over(lost, region_lost); });
  const Duration away = random_.between(seconds(30), seconds(90));
  queue_.after(away, [this, lost, region, region_lost] {
    if (queue_.traced()) queue_.trace("what was lost comes back");
    for (std::size_t node = 0; node < cluster_.servers().size(); ++node) cluster_.restart(node);
    if (region_lost) set_region_cut(region, false);
    sidecar_.way(lost).cut = false;
  });
  repair_after(away + random_.between(seconds(1), seconds(60)));
}

void World::take_over(std::size_t lost_writer, bool region_lost) {
  const auto& servers = cluster_.servers();
  const std::string& region = servers[lost_writer].region;
  std::optional<std::size_t> best;
  bool pristine = true;
  for (std::size_t node = 0; node < servers.size(); ++node) {
    if (node == lost_writer || !sidecar_.spec().nodes[node].durability_target) continue;
    const bool wiped = !servers[node].held_before.empty() &&
                       queue_.now() - servers[node].held_before.back().until < seconds(200);
    pristine = pristine && !wiped;
    const bool eligible = (servers[node].region != region) == region_lost && servers[node].up &&
                          !servers[node].hung && servers[node].in_recovery &&
                          servers[node].timeline == servers[lost_writer].timeline;
    if (eligible && (!best || servers[node].flushed > servers[*best].flushed)) best = node;
  }
  if (!best) return;
  ++tally_.promotions;
  if (queue_.traced()) queue_.trace("PROMOTED " + servers[*best].name);
  if (region_lost && pristine && obedient_) judge_loss(lost_writer, *best);
  cluster_.promote(*best);
  primary_ = *best;
  const std::size_t manner = random_.below(3);
  if (manner == 2) return;  // forgotten until the clean-up
  const Duration later = manner == 0 ? random_.between(milliseconds(50), seconds(1))
                                     : random_.between(seconds(3), seconds(40));
  queue_.after(later, [this, promoted = *best] {
    if (queue_.traced()) queue_.trace("STAMPED " + cluster_.servers()[promoted].name);
    cluster_.stamp(promoted);
  });
}

void World::repair_after(Duration delay) {
  queue_.after(delay, [this] {
    const auto& servers = cluster_.servers();
    cluster_.restart(primary_);
    cluster_.set_hung(primary_, false);
    const auto& stamp =
        cluster_.history().stamp_at({servers[primary_].timeline, servers[primary_].flushed});
    if (queue_.traced()) queue_.trace("CLEAN-UP, writer is " + servers[primary_].name);
    const bool stamped_here = stamp.end.timeline == servers[primary_].timeline;
    if (!stamped_here && servers[primary_].timeline != 1) cluster_.stamp(primary_);
    for (std::size_t node = 0; node < servers.size(); ++node) {
      if (node != primary_) cluster_.seed(node, primary_);
    }
    failing_over_ = false;
    if (--faults_active_ == 0) quiet_since_ = queue_.now();
  });
}

}  // namespace rpoguard::sim
