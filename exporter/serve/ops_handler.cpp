// The operations listener: metrics, health, the view, and the reload.
#include <array>
#include <string_view>

#include "exporter/serve/handlers.hpp"
#include "exporter/serve/readyz.hpp"
#include "exporter/serve/responses.hpp"
#include "exporter/serve/status_page.hpp"

namespace rpoguard::serve {
namespace {

constexpr std::string_view kReadyzCheck = "/readyz/";
// H16: Prometheus 3 refuses a page without it.
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

class Ops {
 public:
  explicit Ops(const Context& context) : context_(context), started_(context.clock.now()) {}

  HttpResponse operator()(const HttpRequest& request) const {
    if (request.path == "/-/reload") return reload(request);
    if (request.path == "/-/freeze" || request.path == "/-/unfreeze") return freeze(request);
    const Answer answer = find(request.path);
    if (answer == nullptr) return text_response(404, "not found; / lists what there is\n");
    if (!is_get_or_head(request)) return method_not_allowed("GET, HEAD");
    return (this->*answer)(request);
  }

 private:
  using Answer = HttpResponse (Ops::*)(const HttpRequest&) const;

  static Answer find(std::string_view path) {
    struct Route {
      std::string_view path;
      Answer answer;
    };
    static constexpr std::array<Route, 8> kRoutes{{
        {"/metrics", &Ops::metrics},
        {"/livez", &Ops::livez},
        {"/readyz", &Ops::readyz},
        {"/", &Ops::status},
        {"/api/v1/view", &Ops::view},
        {"/api/v1/events", &Ops::events},
        {"/-/healthy", &Ops::livez},
        {"/-/ready", &Ops::ready},
    }};
    for (const Route& route : kRoutes) {
      if (route.path == path) return route.answer;
    }
    return path.starts_with(kReadyzCheck) ? &Ops::readyz_check : nullptr;
  }

  HttpResponse metrics(const HttpRequest&) const {
    HttpResponse response = text_response(200, render_metrics(context_));
    response.content_type = kMetricsType;
    return response;
  }

  HttpResponse livez(const HttpRequest&) const { return answer_livez(context_, started_); }

  HttpResponse readyz(const HttpRequest& request) const {
    return answer_readyz(context_, started_, request);
  }

  HttpResponse readyz_check(const HttpRequest& request) const {
    return answer_readyz_check(context_, started_, request.path.substr(kReadyzCheck.size()));
  }

  // The name that Prometheus and Alertmanager give it; the same checks, in the form for people.
  HttpResponse ready(const HttpRequest&) const {
    HttpRequest verbose;
    verbose.query.emplace("verbose", "");
    return answer_readyz(context_, started_, verbose);
  }

  HttpResponse status(const HttpRequest&) const {
    const auto current = context_.views.current();
    return render_status_page(current.get(), context_.clock.now(), context_.clock.wall());
  }

  HttpResponse view(const HttpRequest&) const {
    const auto current = context_.views.current();
    if (!current) return json_error(503, "nothing has been published yet");
    return json_response(200,
                         render_view_json(*current, context_.clock.now(), context_.clock.wall()));
  }

  HttpResponse events(const HttpRequest& request) const {
    const auto shard = request.query.find("shard");
    return json_response(
        200, context_.journal.render(shard == request.query.end() ? std::string() : shard->second));
  }

  HttpResponse freeze(const HttpRequest& request) const {
    const auto current = context_.views.current();
    return answer_freeze(context_.control, current.get(), context_.clock.wall(), request);
  }

  HttpResponse reload(const HttpRequest& request) const {
    if (request.method != "POST" && request.method != "PUT") return method_not_allowed("POST, PUT");
    if (auto refusal = refuse_stranger(context_.control, request)) return *refusal;
    const core::Result<void> outcome = context_.reload();
    if (outcome) return text_response(200, "reloaded\n");
    std::string problem = outcome.error().message + "\n";
    if (!outcome.error().hint.empty()) problem += "HINT: " + outcome.error().hint + "\n";
    return text_response(500, std::move(problem));
  }

  const Context context_;
  const core::Instant started_;
};

}  // namespace

HttpHandler make_health_handler(const Context& context) {
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

HttpHandler make_ops_handler(const Context& context) {
  return Ops(context);
}

}  // namespace rpoguard::serve
