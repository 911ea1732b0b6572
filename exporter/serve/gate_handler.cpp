// The gate: one decision, two dialects. /gate speaks to health checks (200/503), /authz to
// authorisation hooks (200/403, never a 5xx for a decision).
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/serve/gate_answer.hpp"
#include "exporter/serve/gate_request.hpp"
#include "exporter/serve/handlers.hpp"
#include "exporter/serve/responses.hpp"

namespace rpoguard::serve {
namespace {

using core::Instant;

constexpr std::string_view kClosedCode = "writer_unavailable";
constexpr core::Duration kShutdownRetryAfter = std::chrono::seconds(1);
constexpr core::Duration kStartRetryAfter = std::chrono::seconds(1);

struct Dialect {
  int closed;
  int unknown_shard;
  int bad_request;
};
constexpr Dialect kHealthCheck{503, 404, 400};
constexpr Dialect kAuthorisation{403, 403, 403};

GateAnswer refusal(std::string_view shard, std::string_view code, std::string_view reason) {
  GateAnswer answer;
  answer.shard = shard;
  answer.code = code;
  answer.reason = reason;
  answer.retryable = false;
  return answer;
}

class Gate {
 public:
  explicit Gate(const Context& context) : context_(context) {}

  HttpResponse operator()(const HttpRequest& request) const {
    constexpr std::string_view kGate = "/gate";
    constexpr std::string_view kAuthz = "/authz";
    const std::string_view path = request.path;
    if (path == kAuthz || path.starts_with("/authz/")) {
      const std::string_view rest = path.substr(std::min(path.size(), kAuthz.size() + 1));
      const std::size_t suffix = rest.find('/');
      if (suffix == std::string_view::npos) return one(request, rest, kAuthorisation);
      return one(without_query(request), rest.substr(0, suffix), kAuthorisation);
    }
    if (request.path_cut) return text_response(414, "the path is too long\n");
    if (path != kGate && !path.starts_with("/gate/")) {
      return text_response(404, "try /gate, /gate/SHARD or /authz/SHARD\n");
    }
    if (!is_get_or_head(request)) return method_not_allowed("GET, HEAD");
    if (path.size() <= kGate.size() + 1) return all(request);
    return one(request, path.substr(kGate.size() + 1), kHealthCheck);
  }

 private:
  // What follows the shard is the request that is to be authorised (Envoy appends its path and its
  // query), and its "priority" is some application's.
  static HttpRequest without_query(HttpRequest request) {
    request.query.clear();
    return request;
  }

  HttpResponse one(const HttpRequest& request, std::string_view id, const Dialect& dialect) const {
    const core::Result<core::GateRequest> asked = parse_gate_request(request);
    if (!asked) return bad_request(asked.error().message, dialect);
    const auto view = context_.views.current();
    const Instant now = context_.clock.now();
    const std::optional<std::size_t> index = find(view.get(), id);
    if (view && !index) {
      return respond(refusal(id, "unknown_shard", "unknown_shard"), dialect.unknown_shard, now);
    }
    const GateAnswer answer = index ? answer_for(*view, *index, asked.value(), now) : starting(id);
    if (index) count(answer);
    return respond(answer, answer.open ? 200 : dialect.closed, now);
  }

  // For people and for one health check over everything: counts nothing.
  HttpResponse all(const HttpRequest& request) const {
    const core::Result<core::GateRequest> asked = parse_gate_request(request);
    if (!asked) return bad_request(asked.error().message, kHealthCheck);
    const auto view = context_.views.current();
    const Instant now = context_.clock.now();
    // An overview of nothing is not good news.
    GateAnswer overall = starting("");
    std::string body = "{\"shards\":[";
    const std::size_t size = view ? view->spec->shards.size() : 0;
    for (std::size_t i = 0; i < size; ++i) {
      const GateAnswer answer = answer_for(*view, i, asked.value(), now);
      if (i > 0) body += ',';
      append_gate_json(body, answer, now);
      overall = i == 0 ? answer : worse(overall, answer);
    }
    body += "]}\n";
    overall.view = nullptr;  // writer and epoch are a shard's, not of all
    HttpResponse response = json_response(overall.open ? 200 : 503, std::move(body));
    add_gate_headers(response, overall);
    return response;
  }

  static GateAnswer worse(const GateAnswer& a, const GateAnswer& b) {
    if (a.open != b.open) return a.open ? b : a;
    GateAnswer result = a;
    result.open_for = std::min(a.open_for, b.open_for);
    result.waived = a.waived || b.waived;
    return result;
  }

  static std::optional<std::size_t> find(const core::View* view, std::string_view id) {
    if (view == nullptr) return std::nullopt;
    const auto& shards = view->spec->shards;
    for (std::size_t i = 0; i < shards.size(); ++i) {
      if (shards[i].id == id) return i;
    }
    return std::nullopt;
  }

  // Before the first view nobody knows which shards there are.
  static GateAnswer starting(std::string_view id) {
    GateAnswer answer = refusal(id, kClosedCode, name_of(core::Reason::unproven));
    answer.retryable = true;
    answer.retry_after = kStartRetryAfter;
    return answer;
  }

  GateAnswer answer_for(const core::View& view, std::size_t index, const core::GateRequest& request,
                        Instant now) const {
    const core::ShardSpec& spec = view.spec->shards[index];
    GateAnswer answer;
    answer.shard = spec.id;
    answer.spec = &spec;
    answer.view = view.shards[index].get();
    answer.code = kClosedCode;
    if (context_.stopping) {
      answer.reason = "shutting_down";
      answer.retry_after = kShutdownRetryAfter;
      return answer;
    }
    const core::GateDecision decision = core::check_gate(spec, answer.view, request, now);
    answer.open = decision.open;
    answer.open_for = decision.open ? decision.open_for : core::Duration{0};
    answer.retry_after = decision.retry_after;
    answer.shadow_denial = decision.open && decision.would_refuse;
    answer.waived = decision.waived;
    if (decision.reason) answer.reason = name_of(*decision.reason);
    return answer;
  }

  void count(const GateAnswer& answer) const {
    if (answer.spec->gate.mode == core::GateMode::off) return;
    context_.gate_counters.count(answer.spec->id, answer.open, answer.shadow_denial);
  }

  static HttpResponse respond(const GateAnswer& answer, int status, Instant now) {
    std::string body;
    body.reserve(320);
    append_gate_json(body, answer, now);
    body += '\n';
    HttpResponse response = json_response(status, std::move(body));
    add_gate_headers(response, answer);
    return response;
  }

  static HttpResponse bad_request(const std::string& problem, const Dialect& dialect) {
    HttpResponse response = json_error(dialect.bad_request, problem);
    add_gate_headers(response, refusal("", "bad_request", "bad_request"));
    return response;
  }

  const Context context_;
};

}  // namespace

void GateCounters::count(const std::string& shard, bool open, bool shadow_denial) {
  const base::MutexLock lock(mutex_);
  Counts& counts = counts_[shard];
  ++(open ? counts.open : counts.closed);
  if (shadow_denial) ++counts.shadow_denials;
}

GateCounters::Counts GateCounters::of(const std::string& shard) const {
  const base::MutexLock lock(mutex_);
  const auto found = counts_.find(shard);
  return found == counts_.end() ? Counts{} : found->second;
}

HttpHandler make_gate_handler(const Context& context) {
  return Gate(context);
}

}  // namespace rpoguard::serve
