// Failovers: the writer, or its whole region, is lost: dead, or only cut off and still taking
// writes. Somebody promotes a copy, stamps it in time, late, wrongly, or not before the clean-up,
// and rebuilds the rest.
#include <algorithm>

#include "tests/sim/world.hpp"

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Chance streams of who was promoted as well begin here: they change no other draw.
constexpr std::uint64_t kTwinStreams = 1'100'000;

}  // namespace

World::Failover World::plan_failover() {
  Failover plan;
  plan.lost = primary_;
  plan.region_lost = chance_.one_in(2);
  // Often it begins with the link between the regions: then something is lost.
  plan.links_first = plan.region_lost && chance_.one_in(2);
  plan.dead = chance_.one_in(2);
  plan.others_follow = chance_.one_in(2);
  plan.names_kept = chance_.one_in(2);
  plan.two_promoted = profile_.histories && chance_.one_in(3);
  plan.loss_after = chance_.between(milliseconds(10), seconds(12));
  plan.promotion_after = chance_.between(seconds(2), seconds(20));
  plan.away = chance_.between(seconds(30), seconds(90));
  plan.repair_after = chance_.between(seconds(1), seconds(60));
  plan.stamp = static_cast<Failover::Stamp>(chance_.below(5));
  plan.stamp_after = plan.stamp == Failover::Stamp::late
                         ? chance_.between(seconds(3), seconds(40))
                         : chance_.between(milliseconds(50), seconds(1));
  Random twins(seed_, kTwinStreams + faults_drawn_);
  plan.second_unseen = twins.one_in(3);
  if (!plan.second_unseen && twins.one_in(2))
    plan.led_back_after = twins.between(seconds(4), seconds(15));
  if (chance_.one_in(2)) plan.refuses_lost = chance_.one_in(2);
  plan.refuses_after = chance_.between(seconds(2), seconds(10));
  return plan;
}

void World::fail_over() {
  failing_over_ = true;
  ++faults_active_;
  ++tally_.faults;
  quiet_since_.reset();
  const Failover plan = plan_failover();
  const std::string region = cluster_.servers()[plan.lost].region;
  if (queue_.traced()) queue_.tell("FAILOVER of " + cluster_.servers()[plan.lost].name);
  for (std::size_t node = 0; plan.links_first && node < cluster_.servers().size(); ++node) {
    if (cluster_.servers()[node].region != region) cluster_.cut(node, true);
  }
  queue_.after(plan.loss_after, [this, plan] { lose(plan); });
}

void World::lose(const Failover& plan) {
  const std::string region = cluster_.servers()[plan.lost].region;
  if (queue_.traced())
    queue_.tell(std::string("LOST ") + (plan.region_lost ? "region " + region : "the writer") +
                (plan.dead ? ", dead" : ", cut off"));
  for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
    const bool hit =
        plan.region_lost ? cluster_.servers()[node].region == region : node == plan.lost;
    if (hit && plan.dead) cluster_.crash(node);
  }
  if (!plan.dead && plan.region_lost) set_region_cut(region, true);
  if (!plan.dead && !plan.region_lost) sidecar_.way(plan.lost).cut = true;
  queue_.after(plan.promotion_after, [this, plan] { take_over(plan); });
  queue_.after(plan.away, [this, plan, region] {
    if (queue_.traced()) queue_.tell("what was lost comes back");
    for (std::size_t node = 0; node < cluster_.servers().size(); ++node) cluster_.restart(node);
    if (plan.region_lost) set_region_cut(region, false);
    sidecar_.way(plan.lost).cut = false;
  });
  if (plan.refuses_lost && plan.refuses_after < plan.repair_after)
    queue_.after(plan.away + plan.refuses_after, [this, plan] { refuse(plan); });
  queue_.after(plan.away + plan.repair_after, [this] { repair(); });
}

// A firewall resets the sidecar's connections, a proxy has lost its backend: the server goes on.
void World::refuse(const Failover& plan) {
  const std::size_t node = *plan.refuses_lost ? plan.lost : primary_;
  if (queue_.traced()) queue_.tell("THE WAY REFUSES to " + cluster_.servers()[node].name);
  sidecar_.way(node).forced = core::ProbeFailure::refused;
}

std::optional<std::size_t> World::best_copy(const Failover& plan) const {
  const auto& servers = cluster_.servers();
  std::optional<std::size_t> best;
  for (std::size_t node = 0; node < servers.size(); ++node) {
    const Server& server = servers[node];
    const bool eligible = node != plan.lost && sidecar_.spec().nodes[node].durability_target &&
                          (server.region != servers[plan.lost].region) == plan.region_lost &&
                          server.up && !server.hung && server.in_recovery &&
                          server.timeline == servers[plan.lost].timeline;
    if (eligible && (!best || server.flushed > servers[*best].flushed)) best = node;
  }
  return best;
}

void World::take_over(const Failover& plan) {
  const auto& servers = cluster_.servers();
  const auto best = best_copy(plan);
  if (!best) return;
  ++tally_.promotions;
  if (queue_.traced()) queue_.tell("PROMOTED " + servers[*best].name);
  // It restores from the archive what it did not get from the writer.
  if (profile_.archive) {
    Server& promoted = cluster_.server(*best);
    const auto archived = archive_.frontier(servers[plan.lost].timeline, archive_.contents());
    promoted.flushed = std::max(promoted.flushed, archived.value_or(0));
  }
  const bool pristine = std::ranges::none_of(servers, [&](const Server& server) {
    return !server.held_before.empty() &&
           queue_.now() - server.held_before.back().until < seconds(200);
  });
  if (plan.region_lost && pristine && obedient_) judge_loss(plan.lost, *best);
  cluster_.promote(*best);
  primary_ = *best;
  if (profile_.synchronous && plan.names_kept) require_synchronous_copy();
  std::size_t leader = *best;
  if (const auto second = plan.two_promoted ? best_copy(plan) : std::nullopt) {
    leader = promote_as_well(plan, *second);  // the others follow the wrong one
  }
  for (std::size_t node = 0; plan.others_follow && node < servers.size(); ++node) {
    const bool promoted = !servers[node].in_recovery;
    if (node != plan.lost && !promoted && !servers[node].cascades_from)
      cluster_.follow(node, leader);
  }
  stamp_as(plan);
}

// To the timeline of the same number, and somebody writes there.
std::size_t World::promote_as_well(const Failover& plan, std::size_t second) {
  if (queue_.traced())
    queue_.tell("PROMOTED as well " + cluster_.servers()[second].name +
                (plan.second_unseen ? ", unseen" : ""));
  cluster_.promote(second, primary_);
  if (plan.second_unseen) {
    sidecar_.way(second).cut = true;
    unseen_ = second;
    write_unasked(second, queue_.now() + seconds(10));
  }
  if (plan.led_back_after)
    queue_.after(*plan.led_back_after, [this, plan, second] { lead_back(plan, second); });
  return second;
}

void World::lead_back(const Failover& plan, std::size_t second) {
  if (!failing_over_) return;
  if (queue_.traced()) queue_.tell("LED BACK to " + cluster_.servers()[primary_].name);
  cluster_.crash(second);
  write_unasked(primary_, queue_.now() + seconds(3));
  for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
    const Server& server = cluster_.servers()[node];
    if (node != plan.lost && server.upstream == second && !server.cascades_from)
      cluster_.follow(node, primary_);
  }
}

void World::stamp_as(const Failover& plan) {
  using Manner = Failover::Stamp;
  if (plan.stamp == Manner::never) return;
  const std::string region = cluster_.servers()[primary_].region;
  const bool wrong = plan.stamp == Manner::for_the_lost_region;
  const auto stamp = [this, promoted = primary_,
                      region = wrong ? (region == "iad" ? "phx" : "iad") : region] {
    if (queue_.traced())
      queue_.tell("STAMPED " + cluster_.servers()[promoted].name + " for " + region);
    cluster_.stamp(promoted, region);
  };
  queue_.after(plan.stamp_after, stamp);
  if (plan.stamp == Manner::twice) queue_.after(plan.stamp_after + seconds(4), stamp);
}

void World::repair() {
  const auto& servers = cluster_.servers();
  cluster_.restart(primary_);
  cluster_.set_hung(primary_, false);
  const Server& writer = servers[primary_];
  const Stamp& stamp = cluster_.history().stamp_at({writer.timeline, writer.flushed});
  if (queue_.traced()) queue_.tell("CLEAN-UP, writer is " + writer.name);
  const bool stamped = stamp.end.timeline == writer.timeline && stamp.region == writer.region;
  // With the statement that rpoguard prints, also where it says that the number was used before.
  if (repeats_a_number(stamp) || (!stamped && writer.timeline != 1))
    cluster_.stamp(primary_, writer.region, sidecar_.highest_shown().value);
  for (std::size_t node = 0; node < servers.size(); ++node) {
    if (node != primary_) cluster_.seed(node, primary_);
    sidecar_.way(node).forced.reset();
  }
  if (unseen_) sidecar_.way(*unseen_).cut = false;
  unseen_.reset();
  if (profile_.synchronous) require_synchronous_copy();
  if (profile_.archive) archive_.take_backup(primary_);
  failing_over_ = false;
  if (--faults_active_ > 0) return;
  quiet_since_ = queue_.now();
  queue_.after(seconds(2), [this] { readmit_copies(4); });
}

}  // namespace rpoguard::sim
