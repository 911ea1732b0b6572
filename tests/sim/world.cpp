#include "tests/sim/world.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr Duration kClockAheadMax = minutes(10);
/// phx-a, in the order of the nodes.
constexpr std::size_t kFirstCopy = 2;

core::NodeSpec node_spec(const std::string& name, const std::string& region) {
  core::NodeSpec node;
  node.name = name;  // its application_name is what the server says
  node.region = region;
  return node;
}

}  // namespace

void World::draw_nodes(Random& random, const Profile& profile, core::ShardSpec& spec) {
  spec.nodes = {node_spec("iad-a", "iad"), node_spec("iad-b", "iad"), node_spec("phx-a", "phx")};
  if (profile.synchronous) return;
  std::size_t copies = 1;
  for (const char* name : {"phx-b", "phx-c"}) {
    if (!random.one_in(2)) break;
    spec.nodes.push_back(node_spec(name, "phx"));
    ++copies;
  }
  // After a failover the two of iad are all the copies there are.
  if (profile.failovers) copies = std::min<std::size_t>(copies, 2);
  spec.copies = 1 + static_cast<int>(random.below(copies));
  if (!random.one_in(3)) return;
  spec.nodes.push_back(node_spec("phx-report", "phx"));
  spec.nodes.back().durability_target = false;
}

// Counted as a copy only where the repository itself is looked at.
void World::draw_archive(Random& random, core::ShardSpec& spec) {
  if (random.one_in(3)) return;
  spec.archive.source = core::ArchiveSource::directory;
  if (random.one_in(2)) spec.archive.readable_from = {"phx"};
  if (random.one_in(2)) spec.archive.max_age = seconds(60);
}

core::ShardSpec World::draw_spec(Random& random, const Profile& profile) {
  core::ShardSpec spec;
  spec.id = "184";
  spec.home_region = "iad";
  spec.allowed_regions = {"iad", "phx"};
  draw_nodes(random, profile, spec);
  constexpr std::array<Duration, 3> kRpos{seconds(5), seconds(8), seconds(15)};
  spec.rpo = profile.synchronous ? Duration{0} : kRpos.at(random.below(kRpos.size()));
  spec.gate.reopen_below = spec.rpo / 2;
  spec.durability = random.one_in(4) ? core::Durability::replay : core::Durability::flush;
  if (profile.timeline_epochs) spec.epoch_source = core::EpochSource::timeline;
  if (random.one_in(4)) spec.after_failover = core::AfterFailover::enforce;
  spec.waive_for = random.one_in(2) ? Duration(minutes(1)) : Duration(minutes(30));
  if (profile.archive) draw_archive(random, spec);
  return spec;
}

// Shorter than what is proven ahead, about as long, and longer than that ever is.
Duration World::draw_max_lease(std::uint64_t seed) {
  constexpr std::array<Duration, 4> kMaxLeases{seconds(2), seconds(4), seconds(10), seconds(60)};
  return kMaxLeases.at(Random(seed, 6).below(kMaxLeases.size()));
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

World::World(std::uint64_t seed, const Profile& profile, Replay replay)
    : seed_(seed),
      random_(seed),
      load_(seed, 3),
      servers_(seed, 4),
      probes_(seed, 5),
      schedule_(seed, 1),
      chance_(seed, 2),
      only_(std::move(replay.faults)),
      queue_(replay.traced),
      profile_(profile),
      cluster_(queue_, servers_),
      sidecar_([&] {
        auto spec = draw_spec(random_, profile);
        spec.gate.max_lease = draw_max_lease(seed);
        return Sidecar(queue_, probes_, cluster_, spec, draw_probe(random_, spec));
      }()),
      archive_(queue_, servers_, cluster_) {
  build_servers();
  place_sidecar();
  cluster_.start(0);
  if (profile.synchronous) require_synchronous_copy();
  if (profile.archive) begin_archiving();
  obedient_ = !random_.one_in(5);
  ends_ = queue_.now() + profile.length;
  sidecar_.before_change = [this] { judge_now(); };
  sidecar_.after_change = [this] { judge_view(); };
}

// Their clocks are anything but together.
void World::build_servers() {
  const auto& spec = sidecar_.spec();
  for (const auto& node : spec.nodes)
    cluster_.add(node.name, node.region, milliseconds(node.region == "iad" ? 1 : 30));
  const bool cascade = random_.one_in(3);
  const bool delayed = spec.durability == core::Durability::flush && random_.one_in(3);
  for (std::size_t node = 0; node < spec.nodes.size(); ++node) {
    Server& server = cluster_.server(node);
    server.clock_ahead = random_.between(-kClockAheadMax, kClockAheadMax);
    server.started = cluster_.clock(node);
    const bool further = node > kFirstCopy;
    if (further && cascade) server.cascades_from = kFirstCopy;
    if (further && delayed) server.apply_delay = seconds(45);
  }
}

void World::place_sidecar() {
  const bool in_phx = random_.one_in(3);
  sidecar_.set_wall_clock_ahead(random_.between(-kClockAheadMax, kClockAheadMax));
  if (random_.one_in(4)) sidecar_.keep_histories_secret();
  if (profile_.histories || profile_.archive) sidecar_.tell_stamp_times();
  marks_ = profile_.histories && Random(seed_, 7).one_in(2);
  if (marks_) sidecar_.use_marks();
  for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
    const bool near = (cluster_.servers()[node].region == "phx") == in_phx;
    ProbeWay& way = sidecar_.way(node);
    way.delay = milliseconds(near ? 1 : 15);
    way.jitter = milliseconds(near ? 2 : 10);
  }
}

void World::begin_archiving() {
  archive_.start(seconds(8));
  sidecar_.ask_archiver = [this](std::size_t node) { return archive_.archiver_of(node); };
  if (sidecar_.spec().archive.source == core::ArchiveSource::directory)
    sidecar_.list_archive = [this] {
      listed_before_ = std::exchange(listed_, {queue_.now(), archive_.contents()});
      return archive_.listing();
    };
}

// RPO 0: whoever writes waits for the copy in the other region.
std::string World::synchronous_target() const {
  return cluster_.servers()[primary_].region == "iad" ? "phx-a" : "iad-a";
}

void World::require_synchronous_copy() {
  const bool apply = sidecar_.spec().durability == core::Durability::replay;
  cluster_.set_standby_names(primary_, synchronous_target(), apply ? "remote_apply" : "on");
}

std::optional<std::string> World::run() {
  began_ = queue_.now();
  quiet_since_ = began_;
  sidecar_.start();
  schedule_load();
  client_writes();
  if (profile_.histories || profile_.archive) remember_flushed();
  schedule_faults();
  queue_.run(ends_, [this] { return failure_.has_value(); });
  tally_.simulated = queue_.now() - began_;
  return failure_;
}

// The load changes now and then; idle phases are part of it.
void World::schedule_load() {
  constexpr std::array<Duration, 5> kThinkTimes{milliseconds(150), milliseconds(400), seconds(1),
                                                seconds(4), Duration{0}};
  const bool idle = profile_.mostly_idle && !load_.one_in(4);
  // A writer that writes nothing at all after a start of rpoguard leaves the archive unproven.
  const std::size_t kinds = kThinkTimes.size() - (profile_.archive ? 1 : 0);
  think_time_ = idle ? Duration{0} : kThinkTimes.at(load_.below(kinds));
  queue_.after(load_.between(seconds(10), seconds(120)), [this] { schedule_load(); });
}

void World::client_writes() {
  const Duration pause = think_time_ == Duration{0}
                             ? Duration(seconds(2))
                             : random_.between(think_time_ / 10, think_time_ * 2);
  queue_.after(pause, [this] { client_writes(); });
  const bool unobserved = !obedient_ || random_.one_in(20);
  if (think_time_ == Duration{0} || random_.one_in(8)) {
    const std::size_t node = unobserved ? random_.below(cluster_.servers().size()) : primary_;
    if (random_.one_in(3)) cluster_.write_unflushed(node);
    if (think_time_ == Duration{0}) return;
  }
  if (random_.one_in(15)) cluster_.abort(primary_);
  judge_now();
  const auto decision = sidecar_.ask();
  const auto named = sidecar_.writer_index();
  const bool of_the_role = !cluster_.servers()[primary_].role_level.empty() && random_.one_in(3);
  const bool asynchronous = of_the_role || (!profile_.synchronous && random_.one_in(6));
  if (decision.open && named) {
    ++tally_.commits_let_in;
    cluster_.commit(*named, !decision.waived, asynchronous);
  } else if (!obedient_) {
    cluster_.commit(primary_, false, asynchronous);
    if (random_.one_in(3))
      cluster_.commit(random_.below(cluster_.servers().size()), false, asynchronous);
  }
}

}  // namespace rpoguard::sim
