// evaluate(spec, memory, observations, now) -> {view, memory'}: the whole judgement of one shard,
// pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exporter/core/archive.hpp"
#include "exporter/core/bootstrap.hpp"
#include "exporter/core/lease.hpp"
#include "exporter/core/observation.hpp"
#include "exporter/core/recovery_point.hpp"
#include "exporter/core/spec.hpp"
#include "exporter/core/view.hpp"
#include "exporter/core/wal_clock.hpp"

namespace rpoguard::core {

/// What must survive a restart of rpoguard: without it a restarted sidecar that reaches only the
/// old primary would believe it. Written to state_dir before a view that depends on it is
/// published.
struct DurableMemory {
  std::optional<Epoch> highest_epoch;
  std::optional<std::uint64_t> system_identifier;
  /// Epoch whose writer has been confirmed last: a higher one confirmed later is a promotion.
  std::optional<Epoch> confirmed_epoch;
  /// The node that was confirmed with it: another one needs a higher epoch.
  std::string confirmed_node;
  std::optional<std::int64_t> highest_generation;
  /// Nodes that were part of a split brain, beyond doubt, when they were last heard of, with the
  /// epoch that each showed last. A node leaves it by being seen down, or as something else.
  std::map<std::string, std::optional<Epoch>> rivals;
  struct Waiver {
    WallTime until;
    std::string why;
    friend bool operator==(const Waiver&, const Waiver&) = default;
  };
  std::optional<Waiver> waiver;
  std::optional<Freeze> freeze;  ///< set and ended by operators; its expiry ends it too
  friend bool operator==(const DurableMemory&, const DurableMemory&) = default;
};

/// What evaluate() remembers of a node between two calls.
struct NodeMemory {
  std::optional<Instant> seen_asked;  ///< of the last observation taken into account
  std::optional<NodeObservation> last_success;
  std::optional<Instant> failing_since;
  std::array<std::uint64_t, kProbeFailureCount> failures{};
  std::optional<DurablePosition> position;  ///< as the latest reading proves it
  Instant position_as_of{};  ///< when that was last shown to be so; it proves nothing about later
  std::optional<std::int64_t> row_pid;  ///< of the writer's row for this node: its connection
  bool row_trusted = false;  ///< the writer's row for this node has agreed with the node's own
                             ///< report, never been ahead
  /// The writer's report minus the node's own, when both were last asked in that order. Absent: one
  /// of them is not known.
  std::optional<std::int64_t> disagreement_bytes{};
  std::optional<Instant> in_recovery_at;  ///< it was still in recovery when asked at this moment
  BootstrapMemory bootstrap;
  std::optional<Instant> accepting_since;  ///< it has been seen to accept writes, and not otherwise
                                           ///< since; when that was first known
  std::optional<Instant> last_transaction;  ///< it was seen to commit, abort or prepare since then;
                                            ///< when the last of these was first known
};

/// What evaluate() remembers of a witness: the last answer worth something.
struct WitnessMemory {
  std::optional<WitnessObservation> good;  ///< it carries facts
};

struct ShardMemory {
  DurableMemory durable;
  WitnessMemory epoch_witness;
  WitnessMemory generation_witness;
  std::vector<NodeMemory> nodes;  ///< parallel to ShardSpec::nodes
  WalClock wal_clock;
  std::optional<WriterSample> sample;  ///< the writer's last one: where its WAL clock continues
  /// Whose WAL the clock describes.
  struct Source {
    std::string node;
    Timeline timeline;
    std::uint64_t system_identifier = 0;
    friend bool operator==(const Source&, const Source&) = default;
  };
  std::optional<Source> source;
  std::optional<TimelineHistory> source_history;  ///< of the source's timeline; absent: not known
  ClockWatch writer_clock;
  std::optional<Instant> writer_since;  ///< the source was first known to be the writer
  /// The writer endpoint led to the confirmed writer when asked at this moment.
  std::optional<Instant> endpoint_good;
  std::optional<WriterView> writer;  ///< last confirmed
  std::optional<Instant> last_evaluated;
  /// Until when the promise is known to have been kept: T + RPO, or the last synchronous proof +
  /// proof_ttl.
  std::optional<Instant> kept_until;
  /// RPO 0: the first of the looks at the writer since when each has shown it waiting for the
  /// copies.
  std::optional<Instant> synchronous_since;
  ArchiveMemory archive;
  LeaseMemory lease;
  std::string freeze_ended;  ///< how the last freeze ended, for people
  SloMemory slo;
  bool ever_usable = false;
  std::optional<Instant> write_outage_since;
  std::optional<Duration> last_write_outage;
};

struct Evaluation {
  ShardView view;
  ShardMemory memory;
};

/// Pure: the same input gives the same output. Call it whenever an observation arrives and at least
/// once per probe interval; an observation already taken into account (same `asked`) is not counted
/// twice. `wall` is used only to give waivers an expiry that survives restarts. REQUIRES:
/// observations.nodes.size() == spec->nodes.size(); `now` never runs backwards.
Evaluation evaluate(std::shared_ptr<const ShardSpec> spec, ShardMemory memory,
                    const ShardObservations& observations, const ProbeSpec& probe, Instant now,
                    WallTime wall);

/// The memory of a shard under a changed configuration: nodes are told apart by name and endpoint,
/// the rest goes on.
ShardMemory adopt(ShardMemory memory, const ShardSpec& before, const ShardSpec& after);

}  // namespace rpoguard::core
