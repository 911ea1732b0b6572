// What the rows of the metrics page read: one view at one moment, and what the rest of the process
// says of itself. Gathered once per scrape, so that all rows speak of the same.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exporter/core/judge/gate.hpp"
#include "exporter/core/model/hook.hpp"
#include "exporter/core/model/view.hpp"
#include "exporter/serve/gate/gate_counters.hpp"
#include "exporter/serve/http/web_stats.hpp"
#include "exporter/serve/metrics/process_stats.hpp"
#include "exporter/serve/moment.hpp"
#include "exporter/serve/reload_status.hpp"

namespace rpoguard::serve {

/// Clients of a listener that were cut off, since others needed their place.
struct GivenUp {
  std::string listener;
  std::uint64_t clients = 0;
};

struct NodeScrape {
  Moment at;
  const core::NodeSpec& spec;
  const core::ShardSpec& shard;
  const core::NodeView& view;  ///< knows nothing while the shard has not been evaluated
  std::string name;            ///< valid UTF-8
};

struct ShardScrape {
  Moment at;
  const core::ShardSpec& spec;
  const core::ShardView& view;  ///< knows nothing while the shard has not been evaluated
  bool evaluated = false;
  std::string id;                          ///< valid UTF-8
  std::optional<core::Duration> exposure;  ///< absent: unknown
  core::GateDecision gate;                 ///< for an ordinary caller
  bool gate_open = false;                  ///< what it is told, also while shutting down
  GateCounters::Counts answers;            ///< of the gate, since the start
  std::vector<NodeScrape> nodes;

  /// Absent before the first evaluation: then the shard's view is empty, which says nothing.
  template <typename T>
  std::optional<T> once_evaluated(const T& value) const {
    return evaluated ? std::optional<T>(value) : std::nullopt;
  }
};

struct Scrape {
  /// Keeps what the shards refer to. Null: nothing has been published yet.
  std::shared_ptr<const core::View> view;
  Moment at;  ///< not before the view was published
  std::vector<ShardScrape> shards;
  ProcessStats process;
  ReloadStatus::State reload;
  std::vector<core::HookStats> hooks;
  std::vector<WebStats> listeners;  ///< those with a web configuration file
  std::vector<GivenUp> given_up;
  std::uint64_t dropped_log_lines = 0;
};

}  // namespace rpoguard::serve
