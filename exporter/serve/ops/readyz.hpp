// Is rpoguard itself well? Checks with names, in the manner of kube-apiserver. Losing a writer is
// not an illness of rpoguard: that is only asked with ?require=writes.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "exporter/core/model/clock.hpp"
#include "exporter/core/model/view.hpp"
#include "exporter/serve/http/http_message.hpp"
#include "exporter/serve/view_store.hpp"

namespace rpoguard::serve {

/// What the checks see. What it refers to must outlive the handlers.
struct HealthContext {
  const ViewStore& views;
  const core::Clock& clock;
  /// Set at SIGTERM: readiness says 503.
  const std::atomic<bool>& stopping;
};

/// One check. `problem` is empty while it passes.
struct Check {
  std::string name;
  std::string problem;
  bool excluded = false;  ///< by the caller: reported, but does not count
  bool ok() const { return excluded || problem.empty(); }
};

/// No round of the loop for this long: it hangs. Ten probe intervals, at least ten seconds.
core::Duration hung_after(const core::ProbeSpec& probe);

/// Why the loop counts as hung; empty while it does not. `started` stands in for the publication of
/// a view while there is none. Depends on no database.
std::string loop_problem(const core::View* view, core::Instant started, core::Instant now);

/// config, view, loop, shutdown; in this order.
std::vector<Check> readiness_checks(const HealthContext& context, const core::View* view,
                                    core::Instant started, core::Instant now);

/// /livez: the loop turns.
HttpResponse answer_livez(const HealthContext& context, core::Instant started);
/// /readyz with its query: shard, require=writes, verbose, exclude.
HttpResponse answer_readyz(const HealthContext& context, core::Instant started,
                           const HttpRequest& request);
/// /readyz/{name}: one check as text; 404 if there is none of that name.
HttpResponse answer_readyz_check(const HealthContext& context, core::Instant started,
                                 const std::string& name);

/// /livez /readyz, and nothing that tells of a shard: for a listener without TLS and passwords.
HttpHandler make_health_handler(const HealthContext& context);

}  // namespace rpoguard::serve
