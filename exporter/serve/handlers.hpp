// The two routers: what each path answers. Pure functions of request, view and clock, plus a few
// counters.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exporter/base/mutex.hpp"
#include "exporter/core/clock.hpp"
#include "exporter/core/hook.hpp"
#include "exporter/core/result.hpp"
#include "exporter/serve/control.hpp"
#include "exporter/serve/http_server.hpp"
#include "exporter/serve/journal.hpp"
#include "exporter/serve/view_store.hpp"
#include "exporter/serve/web_guard.hpp"

namespace rpoguard::serve {

/// Counts answers of the gate. Thread-safe.
class GateCounters {
 public:
  struct Counts {
    std::uint64_t open = 0;
    std::uint64_t closed = 0;
    std::uint64_t shadow_denials = 0;
  };
  void count(const std::string& shard, bool open, bool shadow_denial);
  Counts of(const std::string& shard) const;

 private:
  mutable base::Mutex mutex_;
  std::map<std::string, Counts> counts_ GUARDED_BY(mutex_);
};

/// How the configuration was last loaded. Thread-safe.
class ReloadStatus {
 public:
  struct State {
    bool successful = true;
    core::WallTime last_success{};
  };
  void set(State state) {
    const base::MutexLock lock(mutex_);
    state_ = state;
  }
  State get() const {
    const base::MutexLock lock(mutex_);
    return state_;
  }

 private:
  mutable base::Mutex mutex_;
  State state_ GUARDED_BY(mutex_);
};

/// What the handlers read. The references must outlive the handlers.
struct Context {
  const ViewStore& views;
  const core::Clock& clock;
  GateCounters& gate_counters;
  const ReloadStatus& reload_status;
  /// Reloads the configuration and waits for the outcome; the error is what a caller of /-/reload
  /// reads.
  std::function<core::Result<void>()> reload;
  /// Set at SIGTERM: readiness says 503, the gate closes.
  const std::atomic<bool>& stopping;
  const Journal& journal;
  Control control;
  /// Thread-safe; null: there are no hooks.
  std::function<std::vector<core::HookStats>()> hook_stats = {};
  /// Of the listeners; thread-safe. Null: all of them are plain.
  std::function<std::vector<WebStats>()> web_stats = {};
};

/// /metrics /livez /readyz[/check] / /api/v1/view /api/v1/events /-/healthy /-/ready /-/reload
/// /-/freeze /-/unfreeze
HttpHandler make_ops_handler(const Context& context);
/// /livez /readyz, and nothing that tells of a shard: for a listener without TLS and passwords.
HttpHandler make_health_handler(const Context& context);
/// /gate /gate/{shard} /authz/{shard}[/any/suffix]. A query behind a suffix is not the caller's own
/// and is not read.
HttpHandler make_gate_handler(const Context& context);

/// The whole metrics page in the text format 0.0.4.
std::string render_metrics(const Context& context);
/// Body of /api/v1/view: every shard with everything known. `wall` dates the instants.
std::string render_view_json(const core::View& view, core::Instant now, core::WallTime wall);

}  // namespace rpoguard::serve
