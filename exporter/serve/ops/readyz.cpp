#include "exporter/serve/ops/readyz.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "exporter/base/human.hpp"
#include "exporter/base/text.hpp"
#include "exporter/base/utf8.hpp"
#include "exporter/core/tell/summary.hpp"
#include "exporter/serve/http/text.hpp"
#include "exporter/serve/ops/view_json.hpp"

namespace rpoguard::serve {
namespace {

using core::Duration;
using core::Instant;

std::string age_text(Duration age) {
  return base::render_short(std::max(Duration{0}, age)) + " ago";
}

std::string view_problem(const core::View* view, Instant now) {
  if (view == nullptr) return "nothing has been published yet";
  const auto waiting = std::ranges::find(view->shards, nullptr);
  if (waiting != view->shards.end()) {
    const auto index = static_cast<std::size_t>(waiting - view->shards.begin());
    return "shard " + view->spec->shards[index].id + " has not been evaluated yet";
  }
  if (!is_stale(*view, now)) return {};
  return core::remark_on_age(now - view->published, true).text;
}

std::string writes_problem(const core::View* view, const std::optional<std::string>& shard,
                           Instant now) {
  if (view == nullptr) return "nothing has been published yet";
  // With `serve --part`, all may be watched by others.
  if (view->shards.empty()) return "no shard is watched here";
  std::string unusable;
  for (std::size_t i = 0; i < view->shards.size(); ++i) {
    const std::string& id = view->spec->shards[i].id;
    if (shard && *shard != id) continue;
    const core::ShardView* one = view->shards[i].get();
    if (one == nullptr || !core::usable_at(*one, now)) {
      unusable += (unusable.empty() ? "" : ", ") + id;
    }
  }
  return unusable.empty() ? std::string() : "writes are not usable on shard " + unusable;
}

bool passes(const std::vector<Check>& checks) {
  return std::ranges::all_of(checks, [](const Check& check) { return check.ok(); });
}

std::string verbose_line(const Check& check) {
  if (check.excluded) return "[+]" + check.name + " excluded: ok\n";
  if (check.ok()) return "[+]" + check.name + " ok\n";
  return "[-]" + check.name + " failed: " + check.problem + "\n";
}

HttpResponse verbose(const std::vector<Check>& checks, bool ok) {
  std::string body;
  for (const Check& check : checks) body += verbose_line(check);
  body += ok ? "readyz check passed\n" : "readyz check failed\n";
  return text_response(ok ? 200 : 503, std::move(body));
}

std::string checks_json(const std::vector<Check>& checks) {
  std::string out = "{";
  for (const Check& check : checks) {
    if (out.size() > 1) out += ',';
    append_json_string(out, check.name);
    out += ":{\"status\":";
    append_json_string(out, check.excluded ? "excluded" : check.ok() ? "ok" : "failed");
    if (!check.problem.empty()) {
      out += ",\"message\":";
      append_json_string(out, check.problem);
    }
    out += '}';
  }
  return out + '}';
}

// One that was meant and would be ignored: "REQUIRE=writes" would say yes while writes are not
// usable. Empty: there is none.
std::string misspelt_parameter(const HttpQuery& query) {
  constexpr std::array<std::string_view, 4> kKnown{"shard", "require", "exclude", "verbose"};
  for (const auto& [name, value] : query) {
    for (const std::string_view known : kKnown) {
      if (name != known && base::has_word(name, known))
        return base::foreign_text(name, 2 * known.size());
    }
  }
  return "";
}

bool knows_shard(const core::View* view, const std::string& id) {
  // Before the first view nobody can say that there is no such shard.
  return view == nullptr || find_shard(*view->spec, id);
}

}  // namespace

Duration hung_after(const core::ProbeSpec& probe) {
  return std::max<Duration>(10 * probe.interval, std::chrono::seconds(10));
}

std::string loop_problem(const core::View* view, Instant started, Instant now) {
  const core::ProbeSpec probe = view == nullptr ? core::ProbeSpec{} : view->spec->probe;
  const Duration age = now - (view == nullptr ? started : view->published);
  if (age < hung_after(probe)) return {};
  return "the last round of the loop was " + age_text(age);
}

std::vector<Check> readiness_checks(const HealthContext& context, const core::View* view,
                                    Instant started, Instant now) {
  return {
      // A failed reload leaves a configuration in effect: no reason to take this pod away.
      {.name = "config", .problem = view == nullptr ? "no configuration is in effect yet" : ""},
      {.name = "view", .problem = view_problem(view, now)},
      {.name = "loop", .problem = loop_problem(view, started, now)},
      {.name = "shutdown", .problem = context.stopping ? "shutting down" : ""},
  };
}

HttpResponse answer_livez(const HealthContext& context, Instant started) {
  const auto current = context.views.current();
  const std::string problem = loop_problem(current.get(), started, context.clock.now());
  return problem.empty() ? text_response(200, "ok\n") : text_response(503, problem + "\n");
}

HttpResponse answer_readyz(const HealthContext& context, Instant started,
                           const HttpRequest& request) {
  const auto view = context.views.current();
  const Instant now = context.clock.now();
  const auto& query = request.query;
  if (const std::string name = misspelt_parameter(query); !name.empty())
    return json_error(400, "there is no such parameter here: " + name);
  const std::optional<std::string> shard = find_parameter(query, "shard");
  if (query.count("shard") > 1) return json_error(400, "shard is given more than once");
  if (shard && !knows_shard(view.get(), *shard)) {
    return json_error(404, "there is no shard " + *shard);
  }
  std::vector<Check> checks = readiness_checks(context, view.get(), started, now);
  for (auto [it, end] = query.equal_range("require"); it != end; ++it) {
    if (it->second != "writes") return json_error(400, "require can only be writes");
  }
  if (query.count("require") > 0) {
    checks.push_back({.name = "writes", .problem = writes_problem(view.get(), shard, now)});
  }
  for (Check& check : checks) {
    const auto [first, last] = query.equal_range("exclude");
    check.excluded =
        std::any_of(first, last, [&](const auto& pair) { return pair.second == check.name; });
  }
  const bool ok = passes(checks);
  if (query.count("verbose") > 0) return verbose(checks, ok);
  std::string body = std::string("{\"status\":") + (ok ? "\"ok\"" : "\"failed\"");
  body += ",\"checks\":" + checks_json(checks);
  body += ",\"cluster\":" + render_cluster_json(view.get(), shard, now, context.clock.wall());
  body += "}\n";
  return json_response(ok ? 200 : 503, std::move(body));
}

HttpResponse answer_readyz_check(const HealthContext& context, Instant started,
                                 const std::string& name) {
  const auto view = context.views.current();
  for (const Check& check : readiness_checks(context, view.get(), started, context.clock.now())) {
    if (check.name != name) continue;
    return text_response(check.ok() ? 200 : 503, verbose_line(check));
  }
  return text_response(404, "there is no such check\n");
}

HttpHandler make_health_handler(const HealthContext& context) {
  return [context, started = context.clock.now()](const HttpRequest& request) {
    const bool ready = request.path == "/readyz";
    if (!ready && request.path != "/livez") return text_response(404, "/livez or /readyz\n");
    if (!is_get_or_head(request)) return method_not_allowed("GET, HEAD");
    if (!ready) return answer_livez(context, started);
    // Whoever may not see the view may neither ask for parts of it.
    const bool ok = answer_readyz(context, started, HttpRequest{}).status == 200;
    return ok ? text_response(200, "ok\n") : text_response(503, "failed\n");
  };
}

}  // namespace rpoguard::serve
