// A shard over two regions with everything around it: servers, the wide-area links, the migration.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "demo/tools/gateway.hpp"
#include "demo/tools/link.hpp"

#include "tests/support/cluster.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {

/// Writer iad-a, synchronous standby iad-b, asynchronous standby phx-a. phx-a replicates, and is
/// watched, through links of its own, as if rpoguard stood in iad. Prepared with `rpoguard sql`.
/// Not thread-safe.
class RegionPair {
 public:
  explicit RegionPair(std::string id = "184", const ClusterOptions& options = {});

  /// How rpoguard is told of it: nodes on their ports, phx-a behind its monitoring link.
  ShardConfig config() const;
  /// The rest that these tests agree on: epochs from the table, one look a second, RPO 5 s.
  static RpoguardConfig rpoguard_config(const std::vector<const RegionPair*>& shards);

  void cut_wan();  ///< drops all packets between the regions
  void heal_wan();

  /// Promotes phx-a and stamps the new epoch.
  void fail_over();
  void stamp(const std::string& region, const std::string& node);

  /// Load that obeys the gate, not yet started.
  std::unique_ptr<demo::Gateway> gateway(const Rpoguard& rpoguard, double rate) const;

  Server& iad_a() { return cluster_->writer(); }
  Server& iad_b() { return cluster_->node("iad-b"); }
  Server& phx_a() { return cluster_->node("phx-a"); }
  Cluster& cluster() { return *cluster_; }
  const std::string& id() const { return id_; }

 private:
  std::string id_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<demo::Link> replication_;  ///< phx-a -> iad-a
  std::unique_ptr<demo::Link> monitoring_;   ///< rpoguard in iad -> phx-a
};

/// What `rpoguard sql` prints with these options, applied the way the README says: by psql.
void apply_sql_command(const std::string& conninfo, const std::vector<std::string>& options = {});
void apply_sql_command(Server& writer, const std::vector<std::string>& options = {});

/// CLOCK_BOOTTIME now, the clock of gateway logs and leases.
core::Instant boottime();

/// Seconds for a report, with three decimals.
std::string render_seconds(core::Duration duration);

}  // namespace rpoguard::test
