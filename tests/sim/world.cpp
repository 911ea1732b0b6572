#include "tests/sim/world.hpp"

#include <algorithm>
#include <array>

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

core::NodeSpec node_spec(const std::string& name, const std::string& region) {
  core::NodeSpec node;
  node.name = node.application_name = name;
  node.region = region;
  return node;
}

}  // namespace

core::ShardSpec World::draw_spec(Random& random, const Profile& profile) {
  core::ShardSpec spec;
  spec.id = "184";
  spec.home_region = "iad";
  spec.allowed_regions = {"iad", "phx"};
  spec.nodes = {node_spec("iad-a", "iad"), node_spec("iad-b", "iad"), node_spec("phx-a", "phx")};
  const bool two_copies = !profile.synchronous && random.one_in(2);
  if (two_copies) spec.nodes.push_back(node_spec("phx-b", "phx"));
  if (two_copies && random.one_in(2)) spec.copies = 2;
  if (!profile.synchronous && random.one_in(3)) {
    spec.nodes.push_back(node_spec("phx-report", "phx"));
    spec.nodes.back().durability_target = false;
  }
  constexpr std::array<Duration, 3> kRpos{seconds(5), seconds(8), seconds(15)};
  spec.rpo = profile.synchronous ? Duration{0} : kRpos.at(random.below(kRpos.size()));
  spec.gate.reopen_below = spec.rpo / 2;
  spec.durability = random.one_in(4) ? core::Durability::replay : core::Durability::flush;
  if (profile.timeline_epochs) spec.epoch_source = core::EpochSource::timeline;
  if (random.one_in(4)) spec.after_failover = core::AfterFailover::enforce;
  spec.waive_for = random.one_in(2) ? Duration(minutes(1)) : Duration(minutes(30));
  return spec;
}

core::ProbeSpec World::draw_probe(Random& random, const core::ShardSpec& spec) {
  constexpr std::array<Duration, 6> kIntervals{milliseconds(250), milliseconds(500), seconds(1),
                                               seconds(1),        seconds(1),        seconds(1)};
  core::ProbeSpec probe;
  probe.interval = spec.rpo == Duration{0} ? Duration(milliseconds(500))
                                           : kIntervals.at(random.below(kIntervals.size()));
  probe.timeout = probe.interval * 8 / 10;
  return probe;
}

World::World(std::uint64_t seed, const Profile& profile, bool traced)
    : random_(seed), queue_(traced), profile_(profile), cluster_(queue_, random_), sidecar_([&] {
        const auto spec = draw_spec(random_, profile);
        const auto probe = draw_probe(random_, spec);
        const bool sidecar_in_phx = random_.one_in(3);
        for (const auto& node : spec.nodes) {
          const bool near = node.region == "iad";
          cluster_.add(node.name, node.region, milliseconds(near ? 1 : 30));
        }
        Sidecar sidecar(queue_, random_, cluster_, spec, probe);
        for (std::size_t node = 0; node < spec.nodes.size(); ++node) {
          ProbeWay& way = sidecar.way(node);
          const bool near = (spec.nodes[node].region == "phx") == sidecar_in_phx;
          way.delay = milliseconds(near ? 1 : 15);
          way.jitter = milliseconds(near ? 2 : 10);
        }
        return sidecar;
      }()) {
  const bool remote_apply = sidecar_.spec().durability == core::Durability::replay;
  cluster_.start(0, profile.synchronous ? "phx-a" : "");
  if (profile.synchronous)
    cluster_.set_standby_names(0, "phx-a", remote_apply ? "remote_apply" : "on");
  obedient_ = !random_.one_in(5);
  ends_ = queue_.now() + profile.length;
  sidecar_.before_change = [this] { judge_now(); };
  sidecar_.after_change = [this] { judge_view(); };
}

std::optional<std::string> World::run() {
  const Instant began = queue_.now();
  quiet_since_ = began;
  sidecar_.start();
  schedule_load();
  client_writes();
  schedule_faults();
  queue_.run(ends_, [this] { return failure_.has_value(); });
  tally_.simulated = queue_.now() - began;
  return failure_;
}

// The load changes now and then; idle phases are part of it.
void World::schedule_load() {
  constexpr std::array<Duration, 5> kThinkTimes{milliseconds(150), milliseconds(400), seconds(1),
                                                seconds(4), Duration{0}};
  const bool idle = profile_.mostly_idle && !random_.one_in(4);
  think_time_ = idle ? Duration{0} : kThinkTimes.at(random_.below(kThinkTimes.size()));
  queue_.after(random_.between(seconds(10), seconds(120)), [this] { schedule_load(); });
}

void World::client_writes() {
  const Duration pause = think_time_ == Duration{0}
                             ? Duration(seconds(2))
                             : random_.between(think_time_ / 10, think_time_ * 2);
  queue_.after(pause, [this] { client_writes(); });
  const bool unobserved = !obedient_ || random_.one_in(20);
  if (think_time_ == Duration{0} || random_.one_in(8)) {
    const std::size_t node = unobserved ? random_node() : primary_;
    if (random_.one_in(3)) cluster_.write_unflushed(node);
    if (think_time_ == Duration{0}) return;
  }
  if (random_.one_in(15)) cluster_.abort(primary_);
  judge_now();
  const auto decision = sidecar_.ask();
  const auto named = sidecar_.writer_index();
  const bool asynchronous = !profile_.synchronous && random_.one_in(6);
  if (decision.open && named) {
    ++tally_.commits_let_in;
    cluster_.commit(*named, !decision.waived, asynchronous);
  } else if (!obedient_) {
    cluster_.commit(primary_, false, asynchronous);
    if (random_.one_in(3)) cluster_.commit(random_node(), false, asynchronous);
  }
}

}  // namespace rpoguard::sim
