// One shard over two regions under load that asks no gate, its truth, and rpoguard watching it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "demo/tools/link.hpp"

#include "tests/scenario/truth.hpp"
#include "tests/scenario/watch.hpp"
#include "tests/support/cluster.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {

inline constexpr std::chrono::seconds kScenarioRpo{5};
inline constexpr std::chrono::seconds kScenarioInterval{1};

/// How long the scenarios without a fault last; RPOGUARD_STEADY_SECONDS=600 for the long form.
std::chrono::seconds steady_time(std::chrono::seconds otherwise);

struct WorldOptions {
  std::map<std::string, std::string> writer_env{};
  std::map<std::string, std::string> copy_env{};
  std::map<std::string, std::string> conf{};
  std::string dead_node{};  ///< a fourth node that never answers is configured under this name
  int commits_per_second = 100;
};

/// Writer iad-a, synchronous iad-b, asynchronous phx-a; rpoguard stands in iad. phx-a replicates
/// through `replication`, and is watched through `monitoring`; iad-a is watched through
/// `home_monitoring`. Construction returns once load, truth and rpoguard run and the gate has been
/// open. Not thread-safe.
class World {
 public:
  explicit World(const WorldOptions& options = {});
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Time passes.
  void pass(std::chrono::milliseconds time) const;
  /// Until rpoguard's exposure is small again; throws when that takes more than a minute.
  void await_healed() const;
  /// Ends load and watching, and compares.
  TableRow finish(bool both_answer);

  Server& iad_a() { return cluster_.writer(); }
  Server& iad_b() { return cluster_.node("iad-b"); }
  Server& phx_a() { return cluster_.node("phx-a"); }
  Rpoguard& rpoguard() { return *rpoguard_; }
  Writer& load() { return *load_; }
  demo::Link& replication() { return *replication_; }
  demo::Link& monitoring() { return *monitoring_; }
  demo::Link& home_monitoring() { return *home_monitoring_; }
  /// The process of a backend, by a query on the server that gives its pid.
  pid_t backend(const Server& server, const std::string& sql) const;

 private:
  Cluster cluster_;
  std::unique_ptr<demo::Link> replication_;
  std::unique_ptr<demo::Link> monitoring_;
  std::unique_ptr<demo::Link> home_monitoring_;
  std::string wal_start_;
  std::unique_ptr<Rpoguard> rpoguard_;
  std::unique_ptr<CopyTrace> trace_;
  std::unique_ptr<Writer> load_;
  std::unique_ptr<Watch> watch_;
};

}  // namespace rpoguard::test
