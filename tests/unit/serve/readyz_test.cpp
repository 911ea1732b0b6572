#include "exporter/serve/ops/readyz.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/serve/golden.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

using nlohmann::json;
using serve::HttpResponse;
using Query = std::multimap<std::string, std::string>;

class Readyz : public ::testing::Test {
 protected:
  Readyz() : started_(world_.clock.now()) {}

  HttpResponse ask(Query query = {}) {
    return serve::answer_readyz(world_.health_context(), started_,
                                request("/readyz", std::move(query)));
  }
  HttpResponse check(const std::string& name) {
    return serve::answer_readyz_check(world_.health_context(), started_, name);
  }
  void publish_healthy(std::size_t shards = 1) {
    world_.views.publish(healthy_view(world_.clock.now(), shards));
  }

  World world_;
  core::Instant started_;
};

// Ignored, it would say yes to a question that nobody asked.
TEST_F(Readyz, refuses_a_parameter_that_only_looks_like_one) {
  publish_healthy();
  for (const char* name : {"REQUIRE", "amp;require", "require[]", "Shard", ";exclude"})
    EXPECT_EQ(ask({{name, "writes"}}).status, 400) << name;
  for (const char* name : {"t", "requires", "verbose"})
    EXPECT_EQ(ask({{name, ""}}).status, 200) << name;
}

TEST_F(Readyz, says_503_until_a_view_is_published) {
  const HttpResponse response = ask();
  EXPECT_EQ(response.status, 503);
  const json body = json::parse(response.body);
  EXPECT_EQ(body["status"], "failed");
  EXPECT_EQ(body["checks"]["view"]["status"], "failed");
  EXPECT_EQ(body["cluster"]["writes_usable"], false);
}

TEST_F(Readyz, losing_the_writer_does_not_take_rpoguard_away) {
  auto view = mixed_view(world_.clock.now());
  view->shards[2] = view->shards[1];
  world_.views.publish(view);
  EXPECT_EQ(ask().status, 200);
  EXPECT_EQ(ask({{"require", "writes"}}).status, 503);
}

TEST_F(Readyz, a_shard_that_was_never_evaluated_is_not_ready) {
  world_.views.publish(mixed_view(world_.clock.now()));
  const HttpResponse response = ask();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(json::parse(response.body)["checks"]["view"]["message"],
            "shard 186 has not been evaluated yet");
}

struct Freshness {
  const char* name;
  core::Duration interval;
  core::Duration timeout;
  core::Duration limit;
};

TEST_F(Readyz, a_view_is_fresh_for_three_intervals_or_an_interval_and_two_timeouts_or_two_seconds) {
  const std::vector<Freshness> rows{
      {"fast", 100ms, 80ms, 2s}, {"usual", 1s, 800ms, 3s}, {"patient", 1s, 2s, 5s}};
  for (const Freshness& row : rows) {
    auto view = healthy_view(world_.clock.now());
    auto spec = std::make_shared<core::Spec>(*view->spec);
    spec->probe.interval = row.interval;
    spec->probe.timeout = row.timeout;
    view->spec = spec;
    world_.views.publish(view);
    world_.clock.advance(row.limit - 1ns);
    EXPECT_EQ(ask().status, 200) << row.name;
    world_.clock.advance(1ns);
    EXPECT_EQ(ask().status, 503) << row.name;
  }
}

TEST_F(Readyz, require_writes_follows_the_lease_at_the_moment_of_the_request) {
  publish_healthy();
  EXPECT_EQ(ask({{"require", "writes"}}).status, 200);
  world_.clock.advance(4300ms);
  auto view = std::make_shared<core::View>(*world_.views.current());
  view->published = world_.clock.now();
  world_.views.publish(view);
  EXPECT_EQ(ask().status, 200);
  EXPECT_EQ(ask({{"require", "writes"}}).status, 503);
}

TEST_F(Readyz, require_writes_looks_only_at_the_shard_that_is_asked_for) {
  auto view = mixed_view(world_.clock.now());
  view->shards[2] = view->shards[1];
  world_.views.publish(view);
  EXPECT_EQ(ask({{"require", "writes"}, {"shard", "184"}}).status, 200);
  EXPECT_EQ(ask({{"require", "writes"}, {"shard", "186"}}).status, 503);
}

TEST_F(Readyz, refuses_what_it_does_not_understand) {
  publish_healthy();
  EXPECT_EQ(ask({{"shard", "nope"}}).status, 404);
  EXPECT_EQ(ask({{"shard", "s0"}, {"shard", "s0"}}).status, 400);
  EXPECT_EQ(ask({{"require", "reads"}}).status, 400);
}

TEST_F(Readyz, is_503_while_shutting_down) {
  publish_healthy();
  world_.stopping = true;
  EXPECT_EQ(ask().status, 503);
  EXPECT_EQ(check("shutdown").status, 503);
  EXPECT_EQ(check("view").status, 200);
}

TEST_F(Readyz, verbose_lists_the_checks_as_kube_apiserver_does) {
  publish_healthy();
  const HttpResponse good = ask({{"verbose", ""}});
  EXPECT_EQ(good.body,
            "[+]config ok\n[+]view ok\n[+]loop ok\n[+]shutdown ok\nreadyz check passed\n");
  world_.stopping = true;
  const HttpResponse bad = ask({{"verbose", ""}});
  EXPECT_EQ(bad.status, 503);
  EXPECT_EQ(bad.body,
            "[+]config ok\n[+]view ok\n[+]loop ok\n[-]shutdown failed: shutting down\n"
            "readyz check failed\n");
}

TEST_F(Readyz, excluded_checks_do_not_count) {
  EXPECT_EQ(ask({{"exclude", "view"}}).status, 503);
  const HttpResponse response = ask({{"exclude", "view"}, {"exclude", "config"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(json::parse(response.body)["checks"]["view"]["status"], "excluded");
}

TEST_F(Readyz, each_check_can_be_asked_alone) {
  for (const char* name : {"config", "view"}) EXPECT_EQ(check(name).status, 503) << name;
  publish_healthy();
  for (const char* name : {"config", "view", "loop", "shutdown"}) {
    EXPECT_EQ(check(name).status, 200) << name;
  }
  EXPECT_EQ(check("writes").status, 404);
}

TEST_F(Readyz, a_failed_reload_does_not_take_rpoguard_away) {
  publish_healthy();
  world_.reload_status.set({false, world_.clock.wall()});
  EXPECT_EQ(ask().status, 200);
}

TEST_F(Readyz, the_writer_stands_on_top_only_where_there_is_one_shard) {
  publish_healthy(2);
  EXPECT_TRUE(json::parse(ask().body)["cluster"]["writer"].is_null());
  const json one = json::parse(ask({{"shard", "s1"}}).body)["cluster"];
  EXPECT_EQ(one["writer"]["writer_region"], "iad");
  EXPECT_EQ(one["highest_epoch"], 7);
  EXPECT_EQ(one["writes_usable"], true);
  EXPECT_EQ(one["shards"].size(), 1U);
  publish_healthy(1);
  EXPECT_EQ(json::parse(ask().body)["cluster"]["writer"]["node"], "iad-a");
}

TEST_F(Readyz, has_the_agreed_shape) {
  world_.views.publish(mixed_view(world_.clock.now()));
  const std::string actual = nlohmann::ordered_json::parse(ask().body).dump(2) + "\n";
  EXPECT_EQ(actual, golden("readyz.json", actual));
}

TEST_F(Readyz, the_loop_counts_as_hung_after_ten_intervals_from_start_or_from_the_last_round) {
  EXPECT_EQ(serve::loop_problem(nullptr, started_, started_ + 10s - 1ns), "");
  EXPECT_NE(serve::loop_problem(nullptr, started_, started_ + 10s), "");
  auto view = healthy_view(started_);
  auto spec = std::make_shared<core::Spec>(*view->spec);
  spec->probe.interval = 3s;
  view->spec = spec;
  EXPECT_EQ(serve::loop_problem(view.get(), started_, started_ + 30s - 1ns), "");
  EXPECT_NE(serve::loop_problem(view.get(), started_, started_ + 30s), "");
}

}  // namespace
}  // namespace rpoguard::test
