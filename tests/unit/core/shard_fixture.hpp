// A shard whose facts a test sets by hand and whose time it moves: iad-a (writer), iad-b and phx-a,
// the only counted copy.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "exporter/core/judge/evaluate.hpp"
#include "exporter/core/judge/gate.hpp"

namespace rpoguard::core::test {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr std::size_t kIadA = 0;
inline constexpr std::size_t kIadB = 1;
inline constexpr std::size_t kPhxA = 2;
inline constexpr Instant kStart = Instant(seconds(1000));
inline constexpr WallTime kWallStart = WallTime(seconds(1'767'225'600));

inline NodeSpec make_node(const std::string& name, const std::string& region) {
  NodeSpec node;
  node.name = node.application_name = name;
  node.region = region;
  node.connect.host = name + ".example";
  return node;
}

inline ShardSpec make_spec(Duration rpo = seconds(5)) {
  ShardSpec spec;
  spec.id = "184";
  spec.home_region = "iad";
  spec.allowed_regions = {"iad", "phx"};
  spec.nodes = {make_node("iad-a", "iad"), make_node("iad-b", "iad"), make_node("phx-a", "phx")};
  spec.rpo = rpo;
  spec.gate.reopen_below = rpo / 2;
  return spec;
}

inline StampedEpoch make_stamp(std::int64_t epoch, const std::string& region) {
  return StampedEpoch{Epoch{epoch}, region, "jo", std::nullopt};
}

/// A server of its own for each session.
inline NodeFacts make_facts(std::uint64_t session) {
  NodeFacts facts;
  facts.session = session;
  facts.server_version = 150'018;
  facts.system_identifier = 77;
  facts.server_now = kWallStart;
  facts.started = facts.backends_started = kWallStart - hours(1) + seconds(session);
  facts.timeline = Timeline{1};
  facts.stamped = make_stamp(1, "iad");
  facts.checkpoint = {Lsn{0x2000028}, Lsn{0x2000028}, kWallStart - hours(1)};
  facts.wal_segment_bytes = 16 * 1024 * 1024;
  facts.synchronous_commit = "on";
  return facts;
}

inline NodeFacts make_writer_facts(std::uint64_t session, Lsn at = Lsn{0x3000000}) {
  NodeFacts facts = make_facts(session);
  facts.in_recovery = false;
  facts.insert_lsn = facts.flushed_lsn = at;
  facts.snapshot = "700:700:";
  facts.archiver = ArchiverFacts{"000000010000000000000002", 0, 2};
  return facts;
}

inline NodeFacts make_standby_facts(std::uint64_t session, Lsn at = Lsn{0x3000000}) {
  NodeFacts facts = make_facts(session);
  facts.receive_lsn = facts.replay_lsn = at;
  facts.replay_paused = false;
  facts.streaming = true;
  return facts;
}

inline ReplicationRow make_row(const std::string& name, Lsn at) {
  return ReplicationRow{name, "streaming", "async", at, at};
}

/// A value: copy it to try two futures of the same past.
class TestShard {
 public:
  explicit TestShard(ShardSpec from = make_spec()) : spec(std::move(from)) {
    facts.push_back(make_writer_facts(1));
    for (std::size_t node = 1; node < spec.nodes.size(); ++node) {
      facts.push_back(make_standby_facts(node + 1));
      facts.front().replication.push_back(make_row(spec.nodes[node].name, Lsn{0x3000000}));
    }
    failures.resize(spec.nodes.size());
    observations.nodes.resize(spec.nodes.size());
    observations.slow.resize(spec.nodes.size());
  }

  /// The writer commits: its position and its snapshot move on.
  void commit(std::uint64_t bytes = 1000) {
    NodeFacts& writer = facts[writer_node];
    writer.insert_lsn = writer.flushed_lsn = Lsn{writer.insert_lsn->value + bytes};
    const std::string next = std::to_string(++transactions);
    writer.snapshot = next + ":" + next + ":";
  }
  /// The copy has all of the writer's WAL, and the writer knows.
  void replicate(std::size_t node) {
    NodeFacts& writer = facts[writer_node];
    facts[node].receive_lsn = facts[node].replay_lsn = writer.flushed_lsn;
    facts[node].timeline = writer.timeline;
    for (ReplicationRow& row : writer.replication) {
      if (row.application_name == spec.nodes[node].name)
        row.flush_lsn = row.replay_lsn = writer.flushed_lsn;
    }
  }
  ReplicationRow& row(std::size_t node) {
    for (ReplicationRow& each : facts[writer_node].replication) {
      if (each.application_name == spec.nodes[node].name) return each;
    }
    return facts[writer_node].replication.emplace_back(make_row(spec.nodes[node].name, Lsn{}));
  }
  void promote(std::size_t node, std::uint32_t timeline) {
    const Lsn at = *facts[node].receive_lsn;
    const auto stamped = facts[node].stamped;
    facts[node] = make_writer_facts(facts[node].session, at);
    facts[node].timeline = Timeline{timeline};
    facts[node].stamped = stamped;
  }

  /// One probe of one node, judged at once.
  void probe_node(std::size_t node) {
    if (unprobed == node) {
      now += milliseconds(2);
      return judge();
    }
    NodeObservation observation{now, now + milliseconds(2), NodeFacts{}};
    if (failures[node]) {
      observation.outcome = ProbeError{*failures[node], "made to fail"};
    } else {
      observation.outcome = facts[node];
    }
    observations.nodes[node] = std::move(observation);
    now += milliseconds(2);
    judge();
  }
  void judge() {
    auto result = evaluate(std::make_shared<const ShardSpec>(spec), std::move(memory), observations,
                           probe, now, wall());
    memory = std::move(result.memory);
    view = std::move(result.view);
  }
  /// A second passes, then all nodes are asked: the writer first.
  void tick() {
    now = next_tick;
    next_tick += seconds(1);
    probe_node(writer_node);
    for (std::size_t node = 0; node < spec.nodes.size(); ++node) {
      if (node != writer_node) probe_node(node);
    }
  }
  /// Ticks under load with healthy copies.
  void run_healthy(int ticks) {
    for (int i = 0; i < ticks; ++i) {
      commit();
      for (std::size_t node = 0; node < spec.nodes.size(); ++node) {
        if (node != writer_node && facts[node].in_recovery) replicate(node);
      }
      tick();
    }
  }
  void run(int ticks) {
    for (int i = 0; i < ticks; ++i) tick();
  }
  /// Time passes and nobody looks.
  void pass(Duration length) {
    now += length;
    next_tick += length;
  }
  /// rpoguard is started again: only what is on disk is left.
  void restart() {
    ShardMemory fresh;
    fresh.durable = memory.durable;
    memory = std::move(fresh);
    observations.nodes.assign(spec.nodes.size(), std::nullopt);
    for (NodeFacts& each : facts) each.session += 100;
  }

  WallTime wall() const {
    return kWallStart + std::chrono::duration_cast<std::chrono::microseconds>(now - kStart);
  }
  bool open() const { return check_gate(spec, &view, {}, now).open; }
  std::string reason() const {
    const auto decision = check_gate(spec, &view, {}, now);
    return decision.reason ? name_of(*decision.reason) : "open";
  }
  std::string state(std::size_t node) const { return name_of(view.nodes[node].state); }

  ShardSpec spec;
  ProbeSpec probe;
  std::vector<NodeFacts> facts;
  std::vector<std::optional<ProbeFailure>> failures;
  std::optional<std::size_t> unprobed;  ///< this node gets no probe
  std::size_t writer_node = kIadA;
  ShardObservations observations;
  ShardMemory memory;
  ShardView view;
  Instant now = kStart;
  Instant next_tick = kStart;
  std::uint64_t transactions = 700;
};

}  // namespace rpoguard::core::test
