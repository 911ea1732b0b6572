// Hand-made views, and a world for the handlers to read.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "exporter/serve/gate/gate_handler.hpp"
#include "exporter/serve/ops/ops_handler.hpp"

#include "tests/support/virtual_clock.hpp"

namespace rpoguard::test {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ns;

inline core::NodeSpec node_spec(std::string name, std::string region) {
  core::NodeSpec node;
  node.name = std::move(name);
  node.region = std::move(region);
  return node;
}

inline core::ShardSpec shard_spec(std::string id) {
  core::ShardSpec shard;
  shard.id = std::move(id);
  shard.home_region = "iad";
  shard.allowed_regions = {"iad", "phx"};
  shard.nodes = {node_spec("iad-a", "iad"), node_spec("iad-b", "iad"), node_spec("phx-a", "phx")};
  return shard;
}

/// Node views that know nothing, as at the start.
inline std::vector<core::NodeView> silent_nodes(const core::ShardSpec& spec) {
  std::vector<core::NodeView> nodes(spec.nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].name = spec.nodes[i].name;
    nodes[i].region = spec.nodes[i].region;
  }
  return nodes;
}

inline void make_copy(core::NodeView& node, core::Instant now, bool counted) {
  node.state = core::NodeState::standby;
  node.up = true;
  node.counted = counted;
  node.in_recovery = true;
  node.server_version = 150018;
  node.timeline = core::Timeline{3};
  node.epoch = core::Epoch{7};
  node.wal_position = core::Lsn{0x3000000};
  node.replay_lsn = core::Lsn{0x2FFFF00};
  node.replay_paused = false;
  node.streaming = true;
  node.synchronous = !counted;
  node.lineage = counted ? core::Lineage::follows : core::Lineage::assumed;
  node.recovery_point_flush = now - 700ms;
  node.recovery_point_replay = now - 1700ms;
  node.lag_bytes_flush = 96;
  node.lag_bytes_replay = 352;
  node.evidence_disagreement_bytes = 0;
  node.last_answer = now - 500ms;
  node.probe_duration = 2ms;
}

inline core::SlowFacts slow_facts() {
  core::SlowFacts slow;
  slow.connections = {{"active", 12}, {"idle", 40}, {"idle in transaction", 1}, {"other", 9}};
  slow.connections_limit = 100;
  core::SlotFacts slot;
  slot.name = "cdc";
  slot.logical = true;
  slot.active = true;
  slot.lag_bytes = 4096;
  slot.lost = false;
  slow.slots = {slot};
  return slow;
}

inline void make_writer(core::NodeView& node, core::Instant now) {
  node.state = core::NodeState::writer;
  node.up = true;
  node.in_recovery = false;
  node.server_version = 150018;
  node.timeline = core::Timeline{3};
  node.epoch = core::Epoch{7};
  node.wal_position = core::Lsn{0x3000060};
  node.last_answer = now - 500ms;
  node.probe_duration = 1500us;
  node.slow = slow_facts();
}

/// A repository without a hole, looked at a moment ago.
inline core::ArchiveView archive_view(core::Instant now) {
  core::ArchiveView archive;
  archive.enabled = true;
  archive.counted = true;
  archive.recovery_point = now - 42s;
  archive.frontier = core::Lsn{0x2000000};
  archive.as_of = now - 3s;
  archive.lag_bytes = 16'777'312;
  archive.gap_segments = 0;
  archive.claimed_ahead_bytes = 0;
  archive.ready_segments = 2;
  archive.failed_count = 1;
  archive.last_archived_wal = "000000030000000000000001";
  archive.last_backup = VirtualClock().wall() - 6h;
  archive.backup_gone = false;
  return archive;
}

/// What stands around the shard answers, and agrees.
inline void add_surroundings(core::ShardView& shard, core::Instant now) {
  if (shard.spec->epoch_witness) shard.epoch_witness = core::WitnessView{7, "iad", now - 400ms, {}};
  if (shard.spec->generation_witness)
    shard.generation_witness = core::WitnessView{12, "", now - 300ms, {}};
  if (shard.spec->endpoint) shard.endpoint = core::EndpointView{true, 4ms, now - 2s, {}, ""};
}

/// One writer, a synchronous standby, one counted remote copy; exposure 700 ms, lease 4.3 s.
inline core::ShardView healthy_shard(std::shared_ptr<const core::ShardSpec> spec,
                                     core::Instant now) {
  core::ShardView shard;
  shard.spec = std::move(spec);
  shard.evaluated = now - 400ms;
  shard.nodes = silent_nodes(*shard.spec);
  make_writer(shard.nodes[0], now);
  make_copy(shard.nodes[1], now, false);
  make_copy(shard.nodes[2], now, true);
  shard.writer = core::WriterView{"iad-a", "iad", core::Epoch{7}, core::Timeline{3}};
  shard.highest_epoch = core::Epoch{7};
  shard.epoch_agreement = true;
  shard.writers = 1;
  shard.writes_usable = true;
  shard.recovery_point = now - 700ms;
  shard.exposure_growth = 0.5;
  shard.probe_interval = 1s;
  shard.archive = archive_view(now);
  shard.gate.open_until = now - 700ms + shard.spec->rpo;
  shard.gate.shed_low_priority_from = now - 700ms + 4s;
  shard.gate.transitions[{true, core::Reason::unproven}] = 1;
  shard.slo = {3600s, 12s, 3s, {}};
  shard.slo.exposure.time[2] = 3000500ms;
  shard.slo.exposure.time[4] = 596400ms;
  shard.slo.exposure.time.back() = 3100ms;
  shard.slo.exposure.known = 3597s;
  shard.slo.exposure.sum_seconds2 = 3150.25;
  shard.last_write_outage = 17500ms;
  add_surroundings(shard, now);
  return shard;
}

/// The writer is gone, a stale one is back, names are hostile, and nothing is proven.
inline core::ShardView broken_shard(std::shared_ptr<const core::ShardSpec> spec,
                                    core::Instant now) {
  core::ShardView shard;
  shard.spec = std::move(spec);
  shard.evaluated = now - 400ms;
  shard.nodes = silent_nodes(*shard.spec);
  make_writer(shard.nodes[0], now);
  shard.nodes[0].state = core::NodeState::stale_writer;
  shard.nodes[0].epoch = core::Epoch{6};
  shard.nodes[0].slow->slots[0].name = "sl\xFFot \"1\"\n";
  shard.nodes[0].slow->slots[0].safe_wal_bytes = -5;
  shard.nodes[0].slow->connections_limit.reset();
  shard.nodes[0].note = "accepts writes on epoch 6 <b>stop it</b>";
  shard.nodes[1].failure =
      core::ProbeError{core::ProbeFailure::auth_failed, "password \"x\" \xFF refused"};
  shard.nodes[1].probe_failures[static_cast<std::size_t>(core::ProbeFailure::auth_failed)] = 31;
  shard.highest_epoch = core::Epoch{7};
  shard.writers = 1;
  shard.gate.reasons = {core::Reason::stale_epoch, core::Reason::unproven};
  shard.gate.detail = "iad-a accepts writes on epoch 6, the highest is 7";
  shard.gate.retry_after = 2500ms;
  shard.write_outage_since = now - 90s;
  shard.nodes[0].fork_point = core::Lsn{0x2F00000};
  shard.nodes[0].diverged_bytes = 1'048'672;
  shard.nodes[0].lineage = core::Lineage::diverged;
  shard.nodes[0].lineage_note = "its WAL leaves the writer's at 0/2F00000: rebuild it";
  shard.nodes[2].same_server_as = "iad-b";
  shard.nodes[2].lineage = core::Lineage::unknown;
  shard.nodes[2].lineage_note = "nobody saw what WAL it had <then>: rebuild it";
  shard.wal_losses = {
      .count = 2,
      .last = core::WalLoss{"iad-a", core::Lsn{0x2F00500}, core::Lsn{0x2F00300}, now - 120s}};
  shard.nodes[0].last_transaction_seen = now - 12s;
  shard.nodes[2].apply_delay = 1h;
  shard.probe_interval = 250ms;
  shard.archive.enabled = true;
  shard.archive.claimed_ahead_bytes = 33'554'432;
  shard.archive.gap_segments = 2;
  shard.archive.failure = core::ProbeError{core::ProbeFailure::timeout, "ls <repo> took too long"};
  shard.archive.note = "the archive has a hole at 0/2000000";
  shard.epoch_witness =
      core::WitnessView{{}, "", {}, core::ProbeError{core::ProbeFailure::refused, "no <answer>"}};
  shard.endpoint = core::EndpointView{false,
                                      {},
                                      now - 30s,
                                      core::ProbeError{core::ProbeFailure::timeout, "gave up"},
                                      "leads to iad-a"};
  return shard;
}

/// Three shards: "184" is healthy, the second broken with a hostile name, "186" not evaluated yet.
inline std::shared_ptr<core::View> mixed_view(core::Instant now) {
  auto spec = std::make_shared<core::Spec>();
  spec->shards = {shard_spec("184"), shard_spec("we\"ird\\ <\xFF>"), shard_spec("186")};
  spec->shards[2].nodes[2].durability_target = false;
  for (const std::size_t i : {0U, 1U}) {
    spec->shards[i].archive.source = core::ArchiveSource::directory;
    spec->shards[i].epoch_witness.emplace();
    spec->shards[i].endpoint.emplace();
  }
  spec->shards[0].generation_witness.emplace();
  auto view = std::make_shared<core::View>();
  view->spec = spec;
  view->published = now - 300ms;
  view->lease_page_up = true;
  const auto shared = [&](std::size_t i) {
    return std::make_shared<const core::ShardSpec>(spec->shards[i]);
  };
  view->shards = {std::make_shared<core::ShardView>(healthy_shard(shared(0), now)),
                  std::make_shared<core::ShardView>(broken_shard(shared(1), now)), nullptr};
  return view;
}

/// `count` healthy shards named "s0", "s1" and so on.
inline std::shared_ptr<core::View> healthy_view(core::Instant now, std::size_t count = 1) {
  auto spec = std::make_shared<core::Spec>();
  for (std::size_t i = 0; i < count; ++i) {
    spec->shards.push_back(shard_spec("s" + std::to_string(i)));
  }
  auto view = std::make_shared<core::View>();
  view->spec = spec;
  view->published = now;
  for (const core::ShardSpec& shard : spec->shards) {
    view->shards.push_back(std::make_shared<core::ShardView>(
        healthy_shard(std::make_shared<const core::ShardSpec>(shard), now)));
  }
  return view;
}

/// Everything a handler reads, under a virtual clock.
struct World {
  VirtualClock clock;
  serve::ViewStore views;
  serve::GateCounters counters;
  serve::ReloadStatus reload_status;
  std::atomic<bool> stopping{false};
  std::atomic<int> reloads{0};
  base::Result<void> reload_outcome;
  serve::Journal journal;
  serve::Control control;

  World() {
    reload_status.set({true, clock.wall() - 1h});
    control.loopback = true;
  }

  serve::GateContext gate_context() {
    return {.views = views, .clock = clock, .stopping = stopping, .counters = counters};
  }
  serve::HealthContext health_context() const {
    return {.views = views, .clock = clock, .stopping = stopping};
  }
  serve::MetricsContext metrics_context() const {
    return {.views = views,
            .clock = clock,
            .stopping = stopping,
            .gate_counters = counters,
            .reload_status = reload_status};
  }
  serve::OpsContext ops_context() {
    return {.health = health_context(),
            .metrics = metrics_context(),
            .journal = journal,
            .control = control,
            .reload = [this] {
              ++reloads;
              return reload_outcome;
            }};
  }
};

inline serve::HttpRequest request(std::string path, std::string method = "GET") {
  serve::HttpRequest result;
  result.method = std::move(method);
  result.path = std::move(path);
  result.remote_address = "127.0.0.1";
  return result;
}

inline serve::HttpRequest request(std::string path, std::multimap<std::string, std::string> query) {
  serve::HttpRequest result = request(std::move(path));
  result.query = std::move(query);
  return result;
}

/// The value of a header of the answer; empty if it is not there.
inline std::string header(const serve::HttpResponse& response, const std::string& name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace rpoguard::test
