#include <gtest/gtest.h>

#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

using serve::HttpResponse;

class OpsHandler : public ::testing::Test {
 protected:
  OpsHandler() : handler_(serve::make_ops_handler(world_.ops_context())) {
    world_.views.publish(mixed_view(world_.clock.now()));
  }

  HttpResponse ask(const std::string& path, const std::string& method = "GET") {
    return handler_(request(path, method));
  }

  World world_;
  serve::HttpHandler handler_;
};

struct Route {
  const char* path;
  int status;
  const char* content_type;
};

TEST_F(OpsHandler, every_path_answers_in_its_own_type) {
  const std::vector<Route> rows{
      {"/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"},
      {"/livez", 200, "text/plain; charset=utf-8"},
      {"/readyz", 503, "application/json"},
      {"/readyz/loop", 200, "text/plain; charset=utf-8"},
      {"/readyz/nope", 404, "text/plain; charset=utf-8"},
      {"/", 200, "text/html; charset=utf-8"},
      {"/api/v1/view", 200, "application/json"},
      {"/-/healthy", 200, "text/plain; charset=utf-8"},
      {"/-/ready", 503, "text/plain; charset=utf-8"},
      {"/gate/184", 404, "text/plain; charset=utf-8"},
      {"/metrics/", 404, "text/plain; charset=utf-8"},
      {"", 404, "text/plain; charset=utf-8"},
  };
  for (const Route& row : rows) {
    const HttpResponse response = ask(row.path);
    EXPECT_EQ(response.status, row.status) << row.path;
    EXPECT_EQ(response.content_type, row.content_type) << row.path;
  }
}

TEST_F(OpsHandler, reading_paths_refuse_other_methods) {
  for (const char* path : {"/metrics", "/livez", "/readyz", "/", "/api/v1/view", "/-/ready"}) {
    for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"}) {
      const HttpResponse response = ask(path, method);
      EXPECT_EQ(response.status, 405) << method << ' ' << path;
      EXPECT_EQ(header(response, "Allow"), "GET, HEAD") << method << ' ' << path;
    }
    EXPECT_EQ(ask(path, "HEAD").status, ask(path).status) << path;
  }
}

TEST_F(OpsHandler, livez_needs_a_turning_loop_and_nothing_else) {
  EXPECT_EQ(ask("/livez").status, 200);
  world_.clock.advance(9s);
  EXPECT_EQ(ask("/livez").status, 200);
  EXPECT_EQ(ask("/readyz").status, 503);
  world_.clock.advance(1s);
  EXPECT_EQ(ask("/livez").status, 503);
  EXPECT_EQ(ask("/-/healthy").status, 503);
}

TEST_F(OpsHandler, reload_is_a_post_or_put) {
  EXPECT_EQ(ask("/-/reload").status, 405);
  EXPECT_EQ(header(ask("/-/reload"), "Allow"), "POST, PUT");
  EXPECT_EQ(world_.reloads, 0);
  EXPECT_EQ(ask("/-/reload", "POST").status, 200);
  EXPECT_EQ(ask("/-/reload", "PUT").status, 200);
  EXPECT_EQ(world_.reloads, 2);
}

TEST_F(OpsHandler, a_refused_reload_says_what_is_wrong) {
  world_.reload_outcome = base::Error{"rpoguard.yml:12:5: shards[3].rpo: no unit", "write 5s"};
  const HttpResponse response = handler_(request("/-/reload", "POST"));
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body, "rpoguard.yml:12:5: shards[3].rpo: no unit\nHINT: write 5s\n");
}

TEST_F(OpsHandler, reload_without_a_token_is_taken_from_this_machine_only) {
  serve::HttpRequest asked = request("/-/reload", "POST");
  for (const char* address : {"10.0.0.7", "::ffff:10.0.0.7", "fe80::1", "", "1127.0.0.1"}) {
    asked.remote_address = address;
    EXPECT_EQ(handler_(asked).status, 403) << address;
  }
  EXPECT_EQ(world_.reloads, 0);
  for (const char* address : {"127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"}) {
    asked.remote_address = address;
    EXPECT_EQ(handler_(asked).status, 200) << address;
  }
}

TEST_F(OpsHandler, reload_obeys_the_rule_of_all_control_verbs) {
  serve::HttpRequest asked = request("/-/reload", "POST");
  world_.control.loopback = false;
  EXPECT_EQ(serve::make_ops_handler(world_.ops_context())(asked).status, 403);
  world_.control.token = []() -> base::Result<std::string> { return std::string("sesame"); };
  EXPECT_EQ(serve::make_ops_handler(world_.ops_context())(asked).status, 401);
  asked.headers["authorization"] = "Bearer sesame";
  EXPECT_EQ(serve::make_ops_handler(world_.ops_context())(asked).status, 200);
  EXPECT_EQ(world_.reloads, 1);
}

TEST_F(OpsHandler, the_health_listener_tells_nothing_of_shards) {
  world_.views.publish(healthy_view(world_.clock.now(), 1));
  const serve::HttpHandler health = serve::make_health_handler(world_.health_context());
  EXPECT_EQ(health(request("/livez")).status, 200);
  EXPECT_EQ(health(request("/readyz")).body, "ok\n");
  EXPECT_EQ(health(request("/readyz", {{"verbose", ""}, {"shard", "nope"}})).body, "ok\n");
  for (const char* path : {"/", "/metrics", "/readyz/view", "/api/v1/view", "/-/reload"})
    EXPECT_EQ(health(request(path)).status, 404) << path;
  EXPECT_EQ(health(request("/livez", "POST")).status, 405);
  world_.stopping = true;
  EXPECT_EQ(health(request("/readyz")).status, 503);
  EXPECT_EQ(health(request("/readyz")).body, "failed\n");
}

TEST_F(OpsHandler, the_view_is_an_error_before_there_is_one) {
  World empty;
  EXPECT_EQ(serve::make_ops_handler(empty.ops_context())(request("/api/v1/view")).status, 503);
}

}  // namespace
}  // namespace rpoguard::test
