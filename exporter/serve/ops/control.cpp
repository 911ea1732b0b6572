#include "exporter/serve/ops/control.hpp"

#include <algorithm>
#include <array>
#include <variant>

#include "exporter/base/constant_time.hpp"
#include "exporter/base/number.hpp"
#include "exporter/base/utf8.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::serve {
namespace {

namespace limits = core::limits;

constexpr std::size_t kNameShownMax = 63;
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

// Only one that says so can be told from a caller on this machine.
bool came_through_proxy(const HttpRequest& request) {
  constexpr std::array<std::string_view, 8> kSigns{
      "forwarded",           "via",
      "x-real-ip",           "x-client-ip",
      "x-cluster-client-ip", "true-client-ip",
      "cf-connecting-ip",    "x-envoy-external-address"};
  return std::ranges::any_of(request.headers, [&](const auto& header) {
    return header.first.starts_with("x-forwarded") ||
           std::ranges::find(kSigns, header.first) != kSigns.end();
  });
}

// Reads the parameters of an order, and remembers the first thing that is wrong with them.
class QueryReader {
 public:
  explicit QueryReader(const HttpRequest& request) : request_(request) {}

  const std::string& problem() const { return problem_; }
  void complain(const std::string& problem) {
    if (problem_.empty()) problem_ = problem;
  }

  template <std::size_t N>
  void check_names(const std::array<std::string_view, N>& known) {
    for (const auto& [name, value] : request_.query) {
      if (std::ranges::find(known, name) == known.end())
        complain("there is no such parameter here: " + base::foreign_text(name, kNameShownMax));
      else if (request_.query.count(name) > 1)
        complain(name + " is given twice");
    }
  }

  std::optional<std::string> value(const std::string& name) const {
    return find_parameter(request_.query, name);
  }

  std::string text(const std::string& name, bool required) {
    const std::string given = value(name).value_or("");
    if (required && given.empty()) complain("give " + name + "=TEXT");
    // It will stand in terminals, on pages and in messages.
    if (base::foreign_text(given, limits::kOperatorTextBytesMax) != given)
      complain(name + " is one line of at most " + std::to_string(limits::kOperatorTextBytesMax) +
               " bytes, of characters that can be seen");
    return given;
  }

 private:
  const HttpRequest& request_;
  std::string problem_;
};

std::optional<std::string> read_shard(QueryReader& reader) {
  const auto shard = reader.value("shard");
  const auto all = reader.value("all");
  if (all && *all != "true") reader.complain("all is either true or left out");
  if (shard.has_value() == all.has_value()) reader.complain("give either shard=ID or all=true");
  return shard;
}

struct Longest {
  core::Duration time;
  const char* words;
};
constexpr Longest kLongestFreeze{limits::kFreezeMax, "a year"};
constexpr Longest kLongestWaiver{limits::kWaiverMax, "30 days"};

std::optional<core::WallTime> read_end(QueryReader& reader, core::WallTime now,
                                       const Longest& longest) {
  const auto length = reader.value("for");
  const auto until = reader.value("until");
  if (length && until) reader.complain("give for or until, not both");
  std::optional<core::WallTime> end;
  if (length) {
    const auto duration = core::parse_duration(*length);
    if (!duration || *duration <= core::Duration{0} || *duration > longest.time) {
      reader.complain(std::string("for is a duration of more than 0s and at most ") +
                      longest.words + ", such as 30m");
    } else {
      end = now + std::chrono::ceil<core::WallTime::duration>(*duration);
    }
  }
  if (until) {
    end = core::parse_time(*until);
    if (!end || *end <= now || *end - now > longest.time)
      reader.complain(std::string("until is a moment to come within ") + longest.words +
                      ", such as 2030-01-31T18:00Z");
  }
  return end;
}

// What the query says, or what is wrong with it.
std::variant<FreezeOrder, std::string> read_freeze(const HttpRequest& request, core::WallTime now) {
  constexpr std::array<std::string_view, 6> kFreeze{"shard", "all", "by", "reason", "for", "until"};
  constexpr std::array<std::string_view, 4> kUnfreeze{"shard", "all", "by", "reason"};
  QueryReader reader(request);
  FreezeOrder order;
  order.freeze = request.path == "/-/freeze";
  if (order.freeze) {
    reader.check_names(kFreeze);
  } else {
    reader.check_names(kUnfreeze);
  }
  order.shard = read_shard(reader);
  order.by = reader.text("by", true);
  order.reason = reader.text("reason", order.freeze);
  if (order.freeze) order.until = read_end(reader, now, kLongestFreeze);
  if (!reader.problem().empty()) return reader.problem();
  return order;
}

std::variant<WaiverOrder, std::string> read_waiver(const HttpRequest& request, core::WallTime now) {
  constexpr std::array<std::string_view, 5> kWaive{"shard", "by", "reason", "for", "until"};
  constexpr std::array<std::string_view, 3> kUnwaive{"shard", "by", "reason"};
  QueryReader reader(request);
  WaiverOrder order;
  order.waive = request.path == "/-/waive";
  if (order.waive) {
    reader.check_names(kWaive);
  } else {
    reader.check_names(kUnwaive);
  }
  order.shard = reader.text("shard", true);
  order.by = reader.text("by", true);
  order.reason = reader.text("reason", order.waive);
  const auto end = order.waive ? read_end(reader, now, kLongestWaiver) : std::nullopt;
  // A promise that is waived for good is none.
  if (order.waive && !end) reader.complain("give for=DURATION or until=TIME");
  if (!reader.problem().empty()) return reader.problem();
  if (end) order.until = *end;
  return order;
}

std::variant<LowerOrder, std::string> read_lower(const HttpRequest& request) {
  constexpr std::array<std::string_view, 5> kNames{"shard", "by", "reason", "epoch", "generation"};
  QueryReader reader(request);
  reader.check_names(kNames);
  LowerOrder order;
  order.shard = reader.text("shard", true);
  order.by = reader.text("by", true);
  order.reason = reader.text("reason", true);
  const auto epoch = reader.value("epoch");
  const auto generation = reader.value("generation");
  if (epoch.has_value() == generation.has_value())
    reader.complain("give either epoch=NUMBER or generation=NUMBER");
  order.epoch = epoch.has_value();
  const auto number = base::parse_number<std::int64_t>(epoch ? *epoch : generation.value_or(""));
  if (!number || *number < 0)
    reader.complain(std::string(epoch ? "epoch" : "generation") +
                    " is a whole number from 0 to 9223372036854775807");
  order.to = number.value_or(0);
  if (!reader.problem().empty()) return reader.problem();
  return order;
}

std::variant<NodeOrder, std::string> read_node_order(const HttpRequest& request) {
  constexpr std::array<std::string_view, 4> kNames{"shard", "node", "by", "reason"};
  QueryReader reader(request);
  reader.check_names(kNames);
  NodeOrder order;
  order.shard = reader.text("shard", true);
  order.word.node = reader.text("node", true);
  order.word.by = reader.text("by", true);
  order.word.reason = reader.text("reason", true);
  if (!reader.problem().empty()) return reader.problem();
  return order;
}

const core::ShardSpec* shard_of(const core::View* view, const std::string& id) {
  const auto shard = view == nullptr ? std::nullopt : core::find_shard(*view->spec, id);
  return shard ? &view->spec->shards[*shard] : nullptr;
}

constexpr const char* kNoSuchShard = "there is no such shard\n";

// Carries out what is addressed to one shard.
template <typename Order>
HttpResponse answer_shard_order(const std::function<base::Result<Reply>(const Order&)>& verb,
                                const core::View* view,
                                const std::variant<Order, std::string>& order) {
  if (const auto* problem = std::get_if<std::string>(&order))
    return text_response(400, *problem + "\n");
  const auto& wanted = std::get<Order>(order);
  if (shard_of(view, wanted.shard) == nullptr) return text_response(404, kNoSuchShard);
  const auto reply = verb(wanted);
  if (!reply) return error_response(reply.error());
  return text_response(reply.value().done ? 200 : 409,
                       "shard " + wanted.shard + ": " + reply.value().text + "\n");
}

HttpResponse answer_node_order(const Control& control, const NodeVerb& verb,
                               std::string (*render)(const core::NodeWord&), const core::View* view,
                               const HttpRequest& request) {
  if (request.method != "POST") return method_not_allowed("POST");
  if (auto refusal = refuse_stranger(control, request)) return *refusal;
  const auto order = read_node_order(request);
  if (const auto* problem = std::get_if<std::string>(&order))
    return text_response(400, *problem + "\n");
  const auto& [id, word] = std::get<NodeOrder>(order);
  const core::ShardSpec* shard = shard_of(view, id);
  if (shard == nullptr) return text_response(404, kNoSuchShard);
  const auto refusal = verb(std::get<NodeOrder>(order));
  if (!refusal) return error_response(refusal.error());
  if (!refusal.value().empty()) return text_response(409, refusal.value() + "\n");
  return text_response(200, "shard " + id + ": " + render(word) + "\n");
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
    // Behind a proxy on this machine, everybody would be on this machine.
    if (!request.authenticated && came_through_proxy(request))
      return text_response(403, std::string("it came through a proxy, and without a token nobody "
                                            "can tell from whom: ") +
                                    kHowToConfigure + "\n");
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
  constexpr std::array<std::string_view, 8> kVerbs{"/-/freeze",  "/-/unfreeze",     "/-/waive",
                                                   "/-/unwaive", "/-/forget-rival", "/-/readmit",
                                                   "/-/lower",   "/-/reload"};
  return std::ranges::find(kVerbs, request.path) != kVerbs.end() && bearer_token(request);
}

HttpResponse answer_freeze(const Control& control, const core::View* view, core::WallTime now,
                           const HttpRequest& request) {
  if (request.method != "POST") return method_not_allowed("POST");
  if (auto refusal = refuse_stranger(control, request)) return *refusal;
  const auto order = read_freeze(request, now);
  if (const auto* problem = std::get_if<std::string>(&order))
    return text_response(400, *problem + "\n");
  const auto& wanted = std::get<FreezeOrder>(order);
  if (wanted.shard && shard_of(view, *wanted.shard) == nullptr)
    return text_response(404, kNoSuchShard);
  const auto done = control.freeze(wanted);
  return done ? text_response(200, done.value()) : error_response(done.error());
}

HttpResponse answer_waive(const Control& control, const core::View* view, core::WallTime now,
                          const HttpRequest& request) {
  if (request.method != "POST") return method_not_allowed("POST");
  if (auto refusal = refuse_stranger(control, request)) return *refusal;
  return answer_shard_order(control.waive, view, read_waiver(request, now));
}

HttpResponse answer_lower(const Control& control, const core::View* view,
                          const HttpRequest& request) {
  if (request.method != "POST") return method_not_allowed("POST");
  if (auto refusal = refuse_stranger(control, request)) return *refusal;
  return answer_shard_order(control.lower, view, read_lower(request));
}

HttpResponse answer_forget_rival(const Control& control, const core::View* view,
                                 const HttpRequest& request) {
  return answer_node_order(control, control.forget_rival, core::render_forgotten, view, request);
}

HttpResponse answer_readmit(const Control& control, const core::View* view,
                            const HttpRequest& request) {
  return answer_node_order(control, control.readmit, core::render_readmitted, view, request);
}

}  // namespace rpoguard::serve
