// The servers that everything is measured on, and what they say about their guests.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/cluster.hpp"
#include "tests/support/process.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::bench {

inline constexpr std::size_t kNodes = 3;

/// What a role has had executed on one node since the statistics were reset.
struct Statements {
  double light_calls = 0;  ///< rpoguard's statement of every tick; 0 for other roles
  double light_ms = 0;     ///< planning and execution
  double calls = 0;        ///< all, these included
  double ms = 0;
};

/// Backend process of a session -> its CPU time.
using BackendCpu = std::map<pid_t, std::chrono::nanoseconds>;
/// CPU time of those sessions that are in both. Throws std::runtime_error when none is.
double milliseconds_between(const BackendCpu& before, const BackendCpu& after);

/// A writer, a synchronous and an asynchronous standby with pg_stat_statements, prepared by
/// `rpoguard sql`, under 20 small commits a second. Throws std::runtime_error. Not thread-safe.
class Shard {
 public:
  static constexpr const char* kOurRole = "rpoguard";

  Shard();
  /// A login role with the privileges that rpoguard's role has on statistics.
  void add_monitoring_role(const std::string& role);

  const std::array<test::Server*, kNodes>& nodes() const { return nodes_; }
  /// `count` shards of these servers, probed every second.
  test::RpoguardConfig config(std::size_t count) const;

  /// Throws when the load has ended: then this would not be what the shard does under it.
  std::array<Statements, kNodes> statements(const std::string& role);
  BackendCpu backends(const std::string& role);
  /// Sessions of the role on each node.
  std::array<std::size_t, kNodes> connections(const std::string& role);

 private:
  void migrate();
  void start_load();

  test::Cluster cluster_;
  test::TempDir dir_;
  std::array<test::Server*, kNodes> nodes_{};
  std::vector<test::Session> sessions_;  // ours, one per node: no session is made while measuring
  std::unique_ptr<test::Process> load_;
};

}  // namespace rpoguard::bench
