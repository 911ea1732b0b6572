#include "exporter/serve/ops/ops_handler.hpp"

#include <array>
#include <string_view>

#include "exporter/serve/http/shared_page.hpp"
#include "exporter/serve/ops/status_page.hpp"
#include "exporter/serve/ops/view_json.hpp"

namespace rpoguard::serve {
namespace {

constexpr std::string_view kReadyzCheck = "/readyz/";
// Prometheus 3 refuses a page without it.
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

class Ops {
 public:
  explicit Ops(const OpsContext& context)
      : context_(context), started_(context.health.clock.now()) {}

  HttpResponse operator()(const HttpRequest& request) const {
    if (request.path == "/-/reload") return reload(request);
    if (request.path == "/-/freeze" || request.path == "/-/unfreeze") return freeze(request);
    if (request.path == "/-/waive" || request.path == "/-/unwaive") return waive(request);
    if (request.path == "/-/lower") return lower(request);
    if (request.path == "/-/forget-rival") return forget_rival(request);
    if (request.path == "/-/readmit") return readmit(request);
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
    HttpResponse response = text_response(200, "");
    response.shared_body = pages_->metrics.get([&] { return render_metrics(context_.metrics); });
    response.content_type = kMetricsType;
    return response;
  }

  HttpResponse livez(const HttpRequest&) const { return answer_livez(context_.health, started_); }

  HttpResponse readyz(const HttpRequest& request) const {
    return answer_readyz(context_.health, started_, request);
  }

  HttpResponse readyz_check(const HttpRequest& request) const {
    return answer_readyz_check(context_.health, started_, request.path.substr(kReadyzCheck.size()));
  }

  // The name that Prometheus and Alertmanager give it; the same checks, in the form for people.
  HttpResponse ready(const HttpRequest&) const {
    HttpRequest verbose;
    verbose.query.emplace("verbose", "");
    return answer_readyz(context_.health, started_, verbose);
  }

  HttpResponse status(const HttpRequest&) const {
    const auto current = context_.health.views.current();
    return render_status_page(current.get(), context_.health.clock.now(),
                              context_.health.clock.wall());
  }

  HttpResponse view(const HttpRequest&) const {
    if (!context_.health.views.current()) return json_error(503, "nothing has been published yet");
    HttpResponse response = json_response(200, "");
    response.shared_body = pages_->view.get([&] {
      return render_view_json(*context_.health.views.current(), context_.health.clock.now(),
                              context_.health.clock.wall());
    });
    return response;
  }

  HttpResponse events(const HttpRequest& request) const {
    const std::string shard = find_parameter(request.query, "shard").value_or("");
    return json_response(200, context_.journal.render(shard));
  }

  HttpResponse freeze(const HttpRequest& request) const {
    const auto current = context_.health.views.current();
    return answer_freeze(context_.control, current.get(), context_.health.clock.wall(), request);
  }

  HttpResponse waive(const HttpRequest& request) const {
    const auto current = context_.health.views.current();
    return answer_waive(context_.control, current.get(), context_.health.clock.wall(), request);
  }

  HttpResponse lower(const HttpRequest& request) const {
    const auto current = context_.health.views.current();
    return answer_lower(context_.control, current.get(), request);
  }

  HttpResponse forget_rival(const HttpRequest& request) const {
    const auto current = context_.health.views.current();
    return answer_forget_rival(context_.control, current.get(), request);
  }

  HttpResponse readmit(const HttpRequest& request) const {
    const auto current = context_.health.views.current();
    return answer_readmit(context_.control, current.get(), request);
  }

  HttpResponse reload(const HttpRequest& request) const {
    if (request.method != "POST" && request.method != "PUT") return method_not_allowed("POST, PUT");
    if (auto refusal = refuse_stranger(context_.control, request)) return *refusal;
    const base::Result<void> outcome = context_.reload();
    return outcome ? text_response(200, "reloaded\n") : error_response(outcome.error());
  }

  // The largest, of all shards.
  struct Pages {
    SharedPage metrics;
    SharedPage view;
  };

  const OpsContext context_;
  const core::Instant started_;
  const std::shared_ptr<Pages> pages_ = std::make_shared<Pages>();
};

}  // namespace

HttpHandler make_ops_handler(const OpsContext& context) {
  return Ops(context);
}

}  // namespace rpoguard::serve
