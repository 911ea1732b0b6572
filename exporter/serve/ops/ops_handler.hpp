// The operations listener: metrics, health, the view, and the verbs that change something.
#pragma once

#include <functional>

#include "exporter/base/result.hpp"
#include "exporter/serve/http/http_message.hpp"
#include "exporter/serve/metrics/metrics_page.hpp"
#include "exporter/serve/ops/control.hpp"
#include "exporter/serve/ops/journal.hpp"
#include "exporter/serve/ops/readyz.hpp"

namespace rpoguard::serve {

/// What the operations listener reads, and the things that it may have done: reload, and the
/// verbs of control.hpp. What it refers to must outlive the handler.
struct OpsContext {
  HealthContext health;
  MetricsContext metrics;
  const Journal& journal;
  Control control;
  /// Reloads the configuration and waits for the outcome; the error is what a caller of /-/reload
  /// reads.
  std::function<base::Result<void>()> reload;
};

/// /metrics /livez /readyz[/check] / /api/v1/view /api/v1/events /-/healthy /-/ready /-/reload
/// /-/freeze /-/unfreeze /-/waive /-/unwaive /-/forget-rival /-/readmit /-/lower
HttpHandler make_ops_handler(const OpsContext& context);

}  // namespace rpoguard::serve
