// What an evaluation has found that whose WAL a node holds is judged by.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporter/core/judge/readings.hpp"
#include "exporter/core/judge/recovery_point.hpp"
#include "exporter/core/judge/servers.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/spec.hpp"

namespace rpoguard::core {

/// REQUIRES: readings and rows are parallel to the spec's nodes, and what it refers to outlives it.
struct LineageInput {
  const ShardSpec& spec;
  const Readings& readings;
  const Servers& servers;
  const std::vector<std::string> rows;  ///< the names of the writer's rows (row_names.hpp)
  const std::optional<ConfirmedWriter>& writer;
  const ProbeSpec& probe;

  const std::string& name(std::size_t node) const { return spec.nodes[node].name; }
  /// The writer feeds it itself. REQUIRES: a writer is confirmed.
  bool is_fed(std::size_t node) const { return row_of(writer->facts(), rows[node]) != nullptr; }
};

}  // namespace rpoguard::core
