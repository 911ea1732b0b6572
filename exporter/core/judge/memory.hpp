// What evaluate() remembers of a shard between two calls: each part belongs to the step that
// continues it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exporter/core/judge/archive.hpp"
#include "exporter/core/judge/copies.hpp"
#include "exporter/core/judge/lease.hpp"
#include "exporter/core/judge/lineage.hpp"
#include "exporter/core/judge/outage.hpp"
#include "exporter/core/judge/promise.hpp"
#include "exporter/core/judge/readings.hpp"
#include "exporter/core/judge/servers.hpp"
#include "exporter/core/judge/slo_account.hpp"
#include "exporter/core/judge/waiver.hpp"
#include "exporter/core/judge/wal_source.hpp"
#include "exporter/core/judge/witness.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

/// What must survive a restart of rpoguard: without it a restarted sidecar that reaches only the
/// old primary would believe it. Written to state_dir before a view that depends on it is
/// published.
struct DurableMemory {
  /// Where each node's name led in the last configuration: a server is known by it under another
  /// name, too. In the order of ShardSpec::nodes.
  struct Address {
    std::string name;
    std::string host;
    std::uint16_t port = 0;
    friend bool operator==(const Address&, const Address&) = default;
  };
  std::vector<Address> addresses;
  EpochRecord epochs;
  LineageRecord lineage;
  std::optional<std::int64_t> highest_generation;
  std::optional<Lsn> archive_foreign_until;     ///< ArchiveMemory::foreign_until
  std::optional<WallTime> archive_last_backup;  ///< ArchiveMemory::last_backup
  std::optional<Waiver> waiver;
  std::optional<Freeze> freeze;  ///< set and ended by operators; its expiry ends it too
  friend bool operator==(const DurableMemory&, const DurableMemory&) = default;
};

struct ShardMemory {
  DurableMemory durable;
  Readings readings;
  LineageMemory lineage;
  Servers servers;
  WitnessReading epoch_witness;
  WitnessReading generation_witness;
  WalSource source;
  /// The writer endpoint led to the confirmed writer when asked at this moment.
  std::optional<Instant> endpoint_good;
  Copies copies;
  ArchiveMemory archive;
  Promise promise;
  SloMemory slo;
  LeaseMemory lease;
  std::string freeze_ended;  ///< how the last freeze ended, for people
  std::string waiver_ended;  ///< the same of the last waiver
  Outage outage;
};

/// The memory of a shard under a changed configuration: nodes are told apart by name and endpoint,
/// the rest goes on.
ShardMemory adopt(ShardMemory memory, const ShardSpec& before, const ShardSpec& after);

/// What was kept on disk, for rpoguard that starts with this configuration. What is known of a
/// server goes with its address where its name has changed since.
DurableMemory recall(DurableMemory durable, const ShardSpec& spec);

/// An operator says that this node is a copy of the writer: what was held against it is over, and
/// what was seen of it before counts no more.
/// Returns why it is refused; empty: done.
std::string readmit(ShardMemory& memory, const ShardSpec& spec, const std::string& name,
                    Instant now);

}  // namespace rpoguard::core
