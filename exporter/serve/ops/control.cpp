#include "exporter/serve/ops/control.hpp"

#include <algorithm>
#include <array>
#include <variant>

#include "exporter/base/constant_time.hpp"
#include "exporter/base/utf8.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::serve {
namespace {

namespace limits = core::limits;

constexpr std::string_view kBearer = "Bearer ";
constexpr const char* kHowToConfigure =
    "give control.token_file in the configuration, or users or client certificates in the web "
    "configuration file, or listen on the loopback only";

std::optional<std::string_view> bearer_token(const HttpRequest& request) {
  const auto credentials = find_header(request.headers, "authorization");
  if (!credentials || !credentials->starts_with(kBearer)) return std::nullopt;
  return credentials->substr(kBearer.size());
}

HttpResponse unauthorized() {
  HttpResponse response = text_response(401, "the request needs the right bearer token\n");
  set_header(response, {"WWW-Authenticate", "Bearer"});
  return response;
}

// What the query says, or what is wrong with it.
class OrderReader {
 public:
  OrderReader(const HttpRequest& request, core::WallTime now) : request_(request), now_(now) {}

  std::variant<FreezeOrder, std::string> read() {
    order_.freeze = request_.path == "/-/freeze";
    check_names();
    read_target();
    order_.by = text("by", true);
    order_.reason = text("reason", order_.freeze);
    if (order_.freeze) read_end();
    if (!problem_.empty()) return problem_;
    return order_;
  }

 private:
  void complain(const std::string& problem) {
    if (problem_.empty()) problem_ = problem;
  }

  void check_names() {
    constexpr std::array<std::string_view, 6> kNames{"shard",  "all", "by",
                                                     "reason", "for", "until"};
    for (const auto& [name, value] : request_.query) {
      const bool ends = name == "for" || name == "until";
      if (std::ranges::find(kNames, name) == kNames.end() || (ends && !order_.freeze))
        complain("there is no such parameter here: " + name);
      if (request_.query.count(name) > 1) complain(name + " is given twice");
    }
  }

  std::optional<std::string> value(const std::string& name) const {
    return find_parameter(request_.query, name);
  }

  void read_target() {
    order_.shard = value("shard");
    const auto all = value("all");
    if (all && *all != "true") complain("all is either true or left out");
    if (order_.shard.has_value() == all.has_value()) complain("give either shard=ID or all=true");
  }

  std::string text(const std::string& name, bool required) {
    const std::string given = value(name).value_or("");
    const bool control = std::ranges::any_of(
        given, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
    if (required && given.empty()) complain("give " + name + "=TEXT");
    if (control || given.size() > limits::kOperatorTextBytesMax)
      complain(name + " is one line of at most " + std::to_string(limits::kOperatorTextBytesMax) +
               " bytes");
    return base::sanitize_utf8(given);
  }

  void read_end() {
    const auto length = value("for");
    const auto until = value("until");
    if (length && until) complain("give for or until, not both");
    if (length) {
      const auto duration = core::parse_duration(*length);
      if (!duration || *duration <= core::Duration{0} || *duration > limits::kFreezeMax)
        return complain("for is a duration of at most a year, such as 30m");
      order_.until = now_ + std::chrono::ceil<core::WallTime::duration>(*duration);
    }
    if (until) {
      order_.until = core::parse_time(*until);
      if (!order_.until || *order_.until <= now_ || *order_.until - now_ > limits::kFreezeMax)
        complain("until is a moment to come within a year, such as 2030-01-31T18:00Z");
    }
  }

  const HttpRequest& request_;
  const core::WallTime now_;
  FreezeOrder order_;
  std::string problem_;
};

bool has_shard(const core::View* view, const std::string& id) {
  return view != nullptr && find_shard(*view->spec, id);
}

}  // namespace

bool is_loopback(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  if (address.starts_with(kMapped)) address.remove_prefix(kMapped.size());
  return address == "::1" || address.starts_with("127.");
}

std::optional<HttpResponse> refuse_stranger(const Control& control, const HttpRequest& request) {
  if (!control.token) {
    const bool here = control.loopback && is_loopback(request.remote_address);
    if (!here && !request.authenticated)
      return text_response(403, std::string("no token is configured: ") + kHowToConfigure + "\n");
    // A browser on this machine says so.
    if (request.headers.contains("origin"))
      return text_response(403, "not for web pages without a token\n");
    return std::nullopt;
  }
  const auto token = control.token();
  // An empty one would let everybody in.
  if (!token || token.value().empty())
    return text_response(500, "the token of control.token_file cannot be read; see its path\n");
  const auto presented = bearer_token(request);
  if (!presented || !base::equal_in_constant_time(*presented, token.value())) return unauthorized();
  return std::nullopt;
}

bool brings_token(const HttpRequest& request) {
  const bool control =
      request.path == "/-/freeze" || request.path == "/-/unfreeze" || request.path == "/-/reload";
  return control && bearer_token(request);
}

HttpResponse answer_freeze(const Control& control, const core::View* view, core::WallTime now,
                           const HttpRequest& request) {
  if (request.method != "POST") return method_not_allowed("POST");
  if (auto refusal = refuse_stranger(control, request)) return *refusal;
  const auto order = OrderReader(request, now).read();
  if (const auto* problem = std::get_if<std::string>(&order))
    return text_response(400, *problem + "\n");
  const auto& wanted = std::get<FreezeOrder>(order);
  if (wanted.shard && !has_shard(view, *wanted.shard))
    return text_response(404, "there is no such shard\n");
  const auto done = control.freeze(wanted);
  return done ? text_response(200, done.value()) : error_response(done.error());
}

}  // namespace rpoguard::serve
