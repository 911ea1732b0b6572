// Probing real servers: the migration applied with psql, and nodes that use its role.
#pragma once

#include <stdexcept>
#include <string>

#include "exporter/observe/postgres/migration.hpp"

#include "tests/support/server.hpp"
#include "tests/wire/pg_probe_run.hpp"

namespace rpoguard::test {

inline constexpr std::chrono::seconds kProbePatience{30};

/// Runs the script as `rpoguard sql` prints it; what psql said. Throws when psql failed.
inline std::string apply_migration(const Server& server, const std::string& role = "rpoguard",
                                   const std::string& region = "iad",
                                   observe::Canary canary = observe::Canary::without_table) {
  const TempDir dir;
  const std::string path = dir / "migration.sql";
  write_file(path, observe::render_migration(role, region, canary));
  const auto result = run_command(
      {.argv = {"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.conninfo(), "-f", path}});
  if (result.exit_code != 0) throw std::runtime_error("psql: " + result.output);
  return result.output;
}

inline core::NodeSpec node_on(const Server& server, const std::string& role = "rpoguard") {
  core::NodeSpec node = probe_node(server.name(), server.port());
  node.connect.user = role;
  return node;
}

/// A pace at which a slow machine still answers in time.
inline ProbeRunOptions pg_options(core::EpochSource epoch_source = core::EpochSource::table) {
  return {.timing = {.interval = std::chrono::milliseconds(600),
                     .timeout = std::chrono::milliseconds(500),
                     .slow_interval = std::chrono::seconds(1)},
          .epoch_source = epoch_source};
}

/// Runs until `count` more observations of the node have come.
[[nodiscard]] inline bool run_probes(ProbeRun& run, std::size_t node, std::size_t count = 1) {
  const std::size_t wanted = run.fast(node).size() + count;
  return run.run(kProbePatience, [&] { return run.fast(node).size() >= wanted; });
}

/// Runs until the node's last observation is a failure of this kind.
[[nodiscard]] inline bool run_to_failure(ProbeRun& run, std::size_t node,
                                         core::ProbeFailure reason) {
  return run.run(kProbePatience, [&] {
    const core::ProbeError* error = run.error(node);
    return error != nullptr && error->reason == reason;
  });
}

/// Runs until the node's last observation has facts that satisfy `predicate`.
template <typename Predicate>
[[nodiscard]] bool run_to_facts(ProbeRun& run, std::size_t node, Predicate&& predicate) {
  return run.run(kProbePatience, [&] {
    const core::NodeFacts* facts = run.facts(node);
    return facts != nullptr && predicate(*facts);
  });
}

[[nodiscard]] inline bool run_to_facts(ProbeRun& run, std::size_t node) {
  return run_to_facts(run, node, [](const core::NodeFacts&) { return true; });
}

}  // namespace rpoguard::test
