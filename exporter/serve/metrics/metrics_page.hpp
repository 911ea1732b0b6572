// The metrics page: the rows of the metric table over one view. Nothing has to be kept in step with
// the view, and no stale series can survive. What depends on time is computed at the scrape.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "exporter/core/model/clock.hpp"
#include "exporter/core/model/hook.hpp"
#include "exporter/serve/gate/gate_counters.hpp"
#include "exporter/serve/http/web_stats.hpp"
#include "exporter/serve/metrics/metrics_scrape.hpp"
#include "exporter/serve/reload_status.hpp"
#include "exporter/serve/view_store.hpp"

namespace prometheus {
class Collectable;
}

namespace rpoguard::serve {

/// What a scrape reads. What it refers to must outlive the page.
struct MetricsContext {
  const ViewStore& views;
  const core::Clock& clock;
  /// Set at SIGTERM: the gate is shown closed, as its callers find it.
  const std::atomic<bool>& stopping;
  const GateCounters& gate_counters;
  const ReloadStatus& reload_status;
  /// Thread-safe; null: there are no hooks.
  std::function<std::vector<core::HookStats>()> hook_stats = {};
  /// Of the listeners; thread-safe. Null: all of them are plain.
  std::function<std::vector<WebStats>()> web_stats = {};
  /// Of the listeners; thread-safe. Null: nobody is ever given up.
  std::function<std::vector<GivenUp>()> given_up = {};
  /// Of the log; thread-safe. Null: there is none.
  std::function<std::uint64_t()> dropped_log_lines = {};
};

/// The families that have samples, in the order of the page. Thread-safe.
std::shared_ptr<prometheus::Collectable> make_metrics_collector(const MetricsContext& context);

/// The whole page in the text format 0.0.4.
std::string render_metrics(const MetricsContext& context);

}  // namespace rpoguard::serve
