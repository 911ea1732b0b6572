#include "exporter/serve/gate/gate_handler.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "exporter/serve/gate/gate_answer.hpp"
#include "exporter/serve/gate/gate_request.hpp"

namespace rpoguard::serve {
namespace {

struct Dialect {
  int closed;
  int unknown_shard;
  int bad_request;
};
constexpr Dialect kHealthCheck{.closed = 503, .unknown_shard = 404, .bad_request = 400};
constexpr Dialect kAuthorisation{.closed = 403, .unknown_shard = 403, .bad_request = 403};

int status_of(const GateVerdict& verdict, const Dialect& dialect) {
  if (verdict.open) return 200;
  return verdict.reason == kUnknownShard ? dialect.unknown_shard : dialect.closed;
}

HttpResponse respond(const GateVerdict& verdict, const Dialect& dialect, core::Instant now) {
  std::string body;
  body.reserve(320);
  append_gate_json(body, verdict, now);
  body += '\n';
  HttpResponse response = json_response(status_of(verdict, dialect), std::move(body));
  add_gate_headers(response, verdict);
  return response;
}

HttpResponse bad_request(const std::string& problem, const Dialect& dialect) {
  HttpResponse response = json_error(dialect.bad_request, problem);
  add_gate_headers(response, refusal("", kBadRequest));
  return response;
}

GateVerdict worse(const GateVerdict& a, const GateVerdict& b) {
  if (a.open != b.open) return a.open ? b : a;
  GateVerdict result = a;
  result.open_for = std::min(a.open_for, b.open_for);
  result.waived = a.waived || b.waived;
  return result;
}

class Gate {
 public:
  explicit Gate(const GateContext& context) : context_(context) {}

  HttpResponse operator()(const HttpRequest& request) const {
    constexpr std::string_view kGate = "/gate";
    const std::string_view path = request.path;
    if (path == "/authz" || path.starts_with("/authz/")) return authorise(request);
    if (request.path_cut) return text_response(414, "the path is too long\n");
    if (path != kGate && !path.starts_with("/gate/")) {
      return text_response(404, "try /gate, /gate/SHARD or /authz/SHARD\n");
    }
    if (!is_get_or_head(request)) return method_not_allowed("GET, HEAD");
    const auto caller = parse_gate_request(request.query, request.headers, request.repeated);
    if (!caller) return bad_request(caller.error().message, kHealthCheck);
    if (path.size() <= kGate.size() + 1) return all(caller.value());
    return one(path.substr(kGate.size() + 1), caller.value(), kHealthCheck);
  }

 private:
  // What follows the shard is the request that is to be authorised (Envoy appends its path and its
  // query), and its "priority" is some application's.
  HttpResponse authorise(const HttpRequest& request) const {
    constexpr std::size_t kPrefix = std::string_view("/authz/").size();
    static const HttpQuery kUnread;
    const std::string_view path = request.path;
    const std::string_view rest = path.substr(std::min(path.size(), kPrefix));
    const std::size_t suffix = rest.find('/');
    const HttpQuery& query = suffix == std::string_view::npos ? request.query : kUnread;
    const auto caller = parse_gate_request(query, request.headers, request.repeated);
    if (!caller) return bad_request(caller.error().message, kAuthorisation);
    return one(rest.substr(0, suffix), caller.value(), kAuthorisation);
  }

  HttpResponse one(std::string_view id, const core::GateRequest& caller,
                   const Dialect& dialect) const {
    const GateMoment moment = gate_moment(context_);
    const GateVerdict verdict = verdict_on(moment, id, caller);
    count(context_.counters, verdict);
    return respond(verdict, dialect, moment.now);
  }

  // For people and for one health check over everything: counts nothing.
  HttpResponse all(const core::GateRequest& caller) const {
    const GateMoment moment = gate_moment(context_);
    // An overview of nothing is not good news.
    GateVerdict overall = not_yet_known("");
    std::string body = "{\"shards\":[";
    const std::size_t size = moment.view ? moment.view->spec->shards.size() : 0;
    for (std::size_t i = 0; i < size; ++i) {
      const GateVerdict verdict = verdict_on(moment, i, caller);
      if (i > 0) body += ',';
      append_gate_json(body, verdict, moment.now);
      overall = i == 0 ? verdict : worse(overall, verdict);
    }
    body += "]}\n";
    overall.view = nullptr;  // writer and epoch are a shard's, not of all
    HttpResponse response = json_response(overall.open ? 200 : 503, std::move(body));
    add_gate_headers(response, overall);
    return response;
  }

  const GateContext context_;
};

}  // namespace

HttpHandler make_gate_handler(const GateContext& context) {
  return Gate(context);
}

}  // namespace rpoguard::serve
