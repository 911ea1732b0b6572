// The gate as Envoy's ext_authz and Traefik's ForwardAuth ask it, with the configurations that we
// ship. Both proxies are played here: what they send for a request, and what they make of the
// answer.
#include <algorithm>
#include <cctype>
#include <stdexcept>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "exporter/serve/gate/gate_http.hpp"

#include "tests/support/http.hpp"
#include "tests/support/shipped_file.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

using Headers = std::map<std::string, std::string>;

/// What a client sends to the proxy.
struct ClientRequest {
  std::string method = "POST";
  std::string target = "/";
  Headers headers{};
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// The headers that the proxy passes on, by their names in the configuration.
Headers allowed(const Headers& headers, const std::vector<std::string>& names) {
  Headers result;
  for (const auto& [name, value] : headers) {
    for (const std::string& wanted : names) {
      if (lower(name) == lower(wanted)) result.emplace(name, value);
    }
  }
  return result;
}

/// ext_authz with an HTTP service: the original method, path_prefix and the original path with its
/// query, an empty body, and of the headers Host, Authorization and the allowed ones.
class Envoy {
 public:
  Envoy() {
    const YAML::Node file = YAML::Load(shipped_file("docs/integrations/envoy.yaml"));
    const auto manager =
        file["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    const auto filter = manager["http_filters"][0];
    EXPECT_EQ(filter["name"].as<std::string>(), "envoy.filters.http.ext_authz");
    const auto settings = filter["typed_config"];
    const auto service = settings["http_service"];
    prefix_ = service["path_prefix"].as<std::string>();
    for (const auto& pattern : settings["allowed_headers"]["patterns"])
      names_.push_back(pattern["exact"].as<std::string>());
    fails_open_ = settings["failure_mode_allow"].as<bool>();
    // The cluster that it asks is there, and leads where the URI says.
    const auto server = service["server_uri"];
    const auto clusters = file["static_resources"]["clusters"];
    const auto asked = std::find_if(clusters.begin(), clusters.end(), [&](const YAML::Node& one) {
      return one["name"].as<std::string>() == server["cluster"].as<std::string>();
    });
    if (asked == clusters.end()) throw std::runtime_error("envoy.yaml: no cluster to ask");
    const auto endpoint = (*asked)["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
                                  ["address"]["socket_address"];
    EXPECT_EQ(server["uri"].as<std::string>(), "http://" + endpoint["address"].as<std::string>() +
                                                   ":" + endpoint["port_value"].as<std::string>());
  }

  bool fails_open() const { return fails_open_; }
  HttpCall call(const ClientRequest& request) const {
    HttpCall call{.method = request.method, .target = prefix_ + request.target};
    call.headers = allowed(request.headers, names_);
    call.headers.merge(allowed(request.headers, {"authorization"}));
    call.headers["Content-Length"] = "0";
    call.headers["x-envoy-internal"] = "true";
    return call;
  }

 private:
  std::string prefix_;
  std::vector<std::string> names_;
  bool fails_open_ = true;
};

/// ForwardAuth: GET to one fixed address, the request described in X-Forwarded-*.
class Traefik {
 public:
  Traefik() {
    const YAML::Node file = YAML::Load(shipped_file("docs/integrations/traefik.yml"));
    const auto http = file["http"];
    const auto name = http["routers"]["writes"]["middlewares"][0].as<std::string>();
    const auto settings = http["middlewares"][name]["forwardAuth"];
    const auto address = settings["address"].as<std::string>();
    path_ = address.substr(address.find('/', std::string("http://").size()));
    for (const auto& header : settings["authRequestHeaders"])
      names_.push_back(header.as<std::string>());
  }

  HttpCall call(const ClientRequest& request) const {
    HttpCall call{.target = path_};
    call.headers = allowed(request.headers, names_);
    call.headers["X-Forwarded-Method"] = request.method;
    call.headers["X-Forwarded-Uri"] = request.target;
    call.headers["X-Forwarded-Proto"] = "https";
    call.headers["X-Forwarded-Host"] = "api.example.com";
    call.headers["X-Forwarded-For"] = "192.0.2.7";
    call.headers["Accept-Encoding"] = "gzip";
    call.headers["User-Agent"] = "Go-http-client/1.1";
    return call;
  }

 private:
  std::string path_;
  std::vector<std::string> names_;
};

/// Requests of all shapes that an API gets.
std::vector<ClientRequest> requests() {
  std::vector<ClientRequest> result;
  for (const char* method :
       {"POST", "PUT", "PATCH", "DELETE", "PROPFIND", "M-SEARCH", "GET", "HEAD", "OPTIONS"})
    result.push_back({.method = method, .target = "/orders/7"});
  for (const char* target :
       {"/", "/?", "/orders?epoch=6&generation=x&priority=urgent&epoch=8", "/a%2Fb%00%ff/%zz", "//",
        "/../../gate/186", "/authz/186", "/;a=1", "/x?=&&a=b=c&%", "/a/b/c/d/e/f/g/"})
    result.push_back({.target = target});
  result.push_back({.target = "/" + std::string(7000, 'x')});
  const Headers usual{{"Authorization", "Bearer abc"},      {"Cookie", std::string(4000, 'c')},
                      {"Content-Type", "application/json"}, {"Transfer-Encoding", "chunked"},
                      {"Expect", "100-continue"},           {"Range", "bytes=0-1,1-2,2-3"}};
  result.push_back({.target = "/orders", .headers = usual});
  Headers speaking = usual;
  speaking["Rpoguard-Epoch"] = "7";
  speaking["Rpoguard-Timeline"] = "3";
  speaking["rpoguard-writer"] = "iad-a";
  speaking["rpoguard-generation"] = "12";
  speaking["RPOGUARD-PRIORITY"] = "low";
  result.push_back({.target = "/orders", .headers = speaking});
  return result;
}

class AuthzContract : public ::testing::Test {
 protected:
  AuthzContract() {
    world_.views.publish(mixed_view(world_.clock.now()));
    auto gate = serve::StreamServer::bind(
        {"127.0.0.1", 0}, serve::http_stream_options(),
        serve::make_http_protocol(serve::make_gate_handler(world_.gate_context())));
    EXPECT_TRUE(gate.ok());
    gate_ = std::move(gate).value();
    gate_->start([] { ADD_FAILURE() << "the gate's listener failed"; });
  }

  HttpReply answer(const HttpCall& call) const {
    const auto reply = http_call(gate_->port(), call);
    EXPECT_TRUE(reply) << call.method << ' ' << call.target.substr(0, 80);
    return reply.value_or(HttpReply{});
  }
  /// Whichever proxy asks, for whichever request.
  void all_get(int status, const std::string& reason) const {
    for (const ClientRequest& request : requests()) {
      for (const HttpCall& call : {envoy_.call(request), traefik_.call(request)}) {
        const HttpReply reply = answer(call);
        const std::string what = call.method + " " + call.target.substr(0, 80);
        EXPECT_EQ(reply.status, status) << what;
        const auto found = reply.headers.find("rpoguard-reason");
        EXPECT_EQ(found == reply.headers.end() ? "" : found->second, reason) << what;
        EXPECT_EQ(reply.headers.count("retry-after"), reason.empty() ? 0U : 1U) << what;
        // The client reads this body when it is refused.
        if (call.method == "HEAD") continue;
        EXPECT_EQ(nlohmann::json::parse(reply.body)["open"], reason.empty()) << what;
      }
    }
  }

  World world_;
  Envoy envoy_;
  Traefik traefik_;
  std::unique_ptr<serve::StreamServer> gate_;
};

TEST_F(AuthzContract, an_open_gate_is_200_whatever_the_request) {
  EXPECT_FALSE(envoy_.fails_open());
  all_get(200, "");
}

TEST_F(AuthzContract, a_closed_gate_is_403_with_a_reason_and_when_to_come_back) {
  world_.clock.advance(5s);
  all_get(403, "rpo_exceeded");
}

TEST_F(AuthzContract, a_gate_that_shuts_down_is_closed) {
  world_.stopping = true;
  all_get(403, "shutting_down");
}

TEST_F(AuthzContract, what_the_caller_states_fences_it) {
  for (const Headers& headers :
       {Headers{{"Rpoguard-Epoch", "6"}}, Headers{{"rpoguard-epoch", "seven"}},
        Headers{{"Rpoguard-Timeline", "2"}}, Headers{{"rpoguard-writer", "phx-a"}},
        Headers{{"Rpoguard-Generation", "11"}}, Headers{{"Rpoguard-Priority", "urgent"}}}) {
    const ClientRequest request{.target = "/orders?epoch=7", .headers = headers};
    EXPECT_EQ(answer(envoy_.call(request)).status, 403) << headers.begin()->second;
    EXPECT_EQ(answer(traefik_.call(request)).status, 403) << headers.begin()->second;
  }
  world_.clock.advance(3500ms);
  const ClientRequest low{.headers = {{"Rpoguard-Priority", "low"}}};
  EXPECT_EQ(answer(envoy_.call(low)).status, 403);
  EXPECT_EQ(answer(traefik_.call(low)).status, 403);
}

TEST_F(AuthzContract, an_unknown_shard_is_refused_and_not_missing) {
  HttpCall call = envoy_.call({.target = "/orders"});
  call.target = "/authz/999/orders";
  EXPECT_EQ(answer(call).status, 403);
}

// To Envoy a 5xx is a failure of the authorisation service, which it may let pass.
TEST_F(AuthzContract, even_what_cannot_be_read_is_a_refusal_and_no_failure) {
  HttpCall huge = envoy_.call({.target = "/" + std::string(60'000, 'x')});
  EXPECT_EQ(answer(huge).status, 431);
  HttpCall split = envoy_.call({});
  split.target = "/authz/184/a b";
  EXPECT_EQ(answer(split).status, 400);
}

}  // namespace
}  // namespace rpoguard::test
