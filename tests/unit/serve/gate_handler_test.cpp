// One decision, two dialects.
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "exporter/core/judge/gate.hpp"

#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

using core::Reason;
using nlohmann::json;
using serve::HttpResponse;

class GateHandler : public ::testing::Test {
 protected:
  GateHandler() { world_.views.publish(mixed_view(world_.clock.now())); }

  HttpResponse ask(const serve::HttpRequest& request) {
    return serve::make_gate_handler(world_.gate_context())(request);
  }
  HttpResponse ask(const std::string& path, std::multimap<std::string, std::string> query = {}) {
    return ask(request(path, std::move(query)));
  }

  World world_;
};

TEST_F(GateHandler, an_open_gate_says_for_how_long) {
  const HttpResponse response = ask("/gate/184");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body,
            R"({"shard":"184","open":true,"open_for_ms":4300,"epoch":7,"timeline":3,)"
            R"("generation":12,"writer":{"node":"iad-a","region":"iad"},)"
            R"("exposure_seconds":0.7,"rpo_seconds":5})"
            "\n");
  EXPECT_EQ(header(response, "Rpoguard-Gate"), "open");
  EXPECT_EQ(header(response, "Rpoguard-Open-For-Ms"), "4300");
  EXPECT_EQ(header(response, "Rpoguard-Epoch"), "7");
  EXPECT_EQ(header(response, "Rpoguard-Timeline"), "3");
  EXPECT_EQ(header(response, "Rpoguard-Writer"), "iad-a");
  EXPECT_EQ(header(response, "Rpoguard-Reason"), "");
  EXPECT_EQ(header(response, "Retry-After"), "");
}

TEST_F(GateHandler, a_closed_gate_says_why_and_when_to_come_back) {
  const HttpResponse response = ask("/gate/we\"ird\\ <\xFF>");
  EXPECT_EQ(response.status, 503);
  const json body = json::parse(response.body);
  EXPECT_EQ(body["shard"], "we\"ird\\ <\xEF\xBF\xBD>");
  EXPECT_EQ(body["open"], false);
  EXPECT_EQ(body["open_for_ms"], 0);
  EXPECT_EQ(body["code"], "writer_unavailable");
  EXPECT_EQ(body["reason"], "stale_epoch");
  EXPECT_EQ(body["retryable"], true);
  EXPECT_TRUE(body["epoch"].is_null());
  EXPECT_TRUE(body["timeline"].is_null());
  EXPECT_TRUE(body["writer"].is_null());
  EXPECT_TRUE(body["exposure_seconds"].is_null());
  EXPECT_EQ(header(response, "Rpoguard-Gate"), "closed");
  EXPECT_EQ(header(response, "Rpoguard-Reason"), "stale_epoch");
  EXPECT_EQ(header(response, "Rpoguard-Open-For-Ms"), "0");
  EXPECT_EQ(header(response, "Rpoguard-Epoch"), "");
  EXPECT_EQ(header(response, "Rpoguard-Timeline"), "");
  EXPECT_EQ(header(response, "Retry-After"), "3");  // 2.5 s, rounded up
}

TEST_F(GateHandler, closes_at_the_very_moment_the_lease_ends_though_the_view_stands_still) {
  world_.clock.advance(4300ms - 1ns);
  EXPECT_EQ(ask("/gate/184").status, 200);
  EXPECT_EQ(header(ask("/gate/184"), "Rpoguard-Open-For-Ms"), "0");
  world_.clock.advance(1ns);
  EXPECT_EQ(ask("/gate/184").status, 503);
  EXPECT_EQ(header(ask("/gate/184"), "Rpoguard-Reason"), "rpo_exceeded");
}

TEST_F(GateHandler, a_shard_not_evaluated_yet_is_unproven) {
  const HttpResponse response = ask("/gate/186");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(header(response, "Rpoguard-Reason"), "unproven");
  EXPECT_EQ(json::parse(response.body)["rpo_seconds"], 5.0);
}

TEST_F(GateHandler, an_unknown_shard_is_a_denial) {
  for (const auto& [path, status] :
       std::vector<std::pair<std::string, int>>{{"/gate/nope", 404},
                                                {"/gate/184/x", 404},
                                                {"/authz/nope", 403},
                                                {"/authz", 403},
                                                {"/authz/", 403},
                                                {"/authz//184", 403}}) {
    const HttpResponse response = ask(path);
    EXPECT_EQ(response.status, status) << path;
    EXPECT_EQ(header(response, "Rpoguard-Gate"), "closed") << path;
    EXPECT_EQ(header(response, "Rpoguard-Reason"), "unknown_shard") << path;
    EXPECT_EQ(json::parse(response.body)["retryable"], false) << path;
  }
}

TEST_F(GateHandler, before_the_first_view_every_shard_is_unproven) {
  World empty;
  const auto gate = serve::make_gate_handler(empty.gate_context());
  EXPECT_EQ(gate(request("/gate/184")).status, 503);
  EXPECT_EQ(gate(request("/authz/184")).status, 403);
  EXPECT_EQ(header(gate(request("/gate/184")), "Rpoguard-Reason"), "unproven");
  EXPECT_EQ(gate(request("/gate")).status, 503);
}

TEST_F(GateHandler, authorisation_accepts_any_method_and_any_suffix) {
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "PROPFIND", "x"}) {
    EXPECT_EQ(ask(request("/authz/184/orders/7", method)).status, 200) << method;
    EXPECT_EQ(ask(request("/authz/186/orders/7", method)).status, 403) << method;
  }
  serve::HttpRequest cut = request("/authz/184/" + std::string(200, 'x'));
  cut.path_cut = true;
  EXPECT_EQ(ask(cut).status, 200);
}

// Envoy appends path and query of what it wants to let through: they are an application's words.
TEST_F(GateHandler, behind_a_suffix_only_headers_speak_for_the_caller) {
  for (const char* path : {"/authz/184/", "/authz/184/orders"}) {
    EXPECT_EQ(ask(path, {{"epoch", "6"}}).status, 200) << path;
    EXPECT_EQ(ask(path, {{"priority", "urgent"}, {"generation", ""}}).status, 200) << path;
    serve::HttpRequest fenced = request(path, {{"epoch", "7"}});
    fenced.headers["rpoguard-epoch"] = "6";
    EXPECT_EQ(ask(fenced).status, 403) << path;
  }
  EXPECT_EQ(ask("/authz/184", {{"epoch", "6"}}).status, 403);
}

TEST_F(GateHandler, the_health_check_dialect_is_read_only) {
  const HttpResponse response = ask(request("/gate/184", "POST"));
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(header(response, "Allow"), "GET, HEAD");
  EXPECT_EQ(ask(request("/gate/184", "HEAD")).status, 200);
}

TEST_F(GateHandler, other_paths_are_not_found_and_cut_ones_too_long) {
  EXPECT_EQ(ask("/").status, 404);
  EXPECT_EQ(ask("/gates").status, 404);
  EXPECT_EQ(ask("/metrics").status, 404);
  serve::HttpRequest cut = request("/gate/184");
  cut.path_cut = true;
  EXPECT_EQ(ask(cut).status, 414);
}

struct Malformed {
  const char* name;
  std::multimap<std::string, std::string> query;
  std::map<std::string, std::string> headers;
};

TEST_F(GateHandler, a_malformed_statement_of_the_caller_never_opens) {
  const std::vector<Malformed> rows{
      {"empty", {{"epoch", ""}}, {}},
      {"sign", {{"epoch", "+7"}}, {}},
      {"negative", {{"epoch", "-7"}}, {}},
      {"space", {{"epoch", " 7"}}, {}},
      {"trailing", {{"epoch", "7;"}}, {}},
      {"hex", {{"epoch", "0x7"}}, {}},
      {"too large", {{"epoch", "9223372036854775808"}}, {}},
      {"twice", {{"epoch", "7"}, {"epoch", "7"}}, {}},
      {"escape", {{"epoch", "%zz"}}, {}},
      {"generation", {{"generation", "x"}}, {}},
      {"timeline", {{"timeline", "0"}}, {}},
      {"timeline too large", {{"timeline", "4294967296"}}, {}},
      {"writer", {{"writer", ""}}, {}},
      {"another writer in the header", {{"writer", "iad-a"}}, {{"rpoguard-writer", "iad-b"}}},
      {"priority", {{"priority", "LOW"}}, {}},
      {"header", {}, {{"rpoguard-epoch", "seven"}}},
      {"contradiction", {{"epoch", "7"}}, {{"rpoguard-epoch", "6"}}},
      {"capitals", {{"EPOCH", "7"}}, {}},
      {"markup", {{"priority", "low"}, {"amp;epoch", "7"}}, {}},
      {"semicolon first", {{";epoch", "7"}}, {}},
      {"semicolon between", {{"x", "1;epoch=7"}}, {}},
      {"markup between", {{"x", "1&amp;Epoch=7"}}, {}},
      {"question mark between", {{"x", "1?a&epoch=7"}}, {}},
      {"list", {{"epoch[]", "7"}}, {}},
      {"space behind", {{"epoch ", "7"}}, {}},
      {"the header's name", {{"rpoguard-epoch", "7"}}, {}},
      {"capitals of another", {{"Timeline", "3"}}, {}},
      {"underscore", {}, {{"rpoguard_epoch", "7"}}},
      {"prefix", {}, {{"x-rpoguard-writer", "iad-a"}}},
  };
  for (const Malformed& row : rows) {
    serve::HttpRequest asked = request("/gate/184", row.query);
    asked.headers = row.headers;
    const HttpResponse gate = ask(asked);
    EXPECT_EQ(gate.status, 400) << row.name;
    EXPECT_TRUE(json::parse(gate.body)["error"].is_string()) << row.name;
    asked.path = "/authz/184";
    const HttpResponse authz = ask(asked);
    EXPECT_EQ(authz.status, 403) << row.name;
    EXPECT_EQ(header(authz, "Rpoguard-Reason"), "bad_request") << row.name;
    EXPECT_EQ(header(authz, "Rpoguard-Gate"), "closed") << row.name;
  }
}

TEST_F(GateHandler, a_header_that_came_twice_never_opens) {
  for (const char* name : {"rpoguard-epoch", "rpoguard-timeline", "rpoguard-priority"}) {
    serve::HttpRequest asked = request("/gate/184");
    asked.headers["rpoguard-epoch"] = "7";
    EXPECT_EQ(ask(asked).status, 200);
    asked.repeated = {"accept", name};
    EXPECT_EQ(ask(asked).status, 400) << name;
    asked.path = "/authz/184/orders";
    EXPECT_EQ(ask(asked).status, 403) << name;
  }
}

TEST_F(GateHandler, what_is_no_statement_of_the_caller_is_none) {
  for (const auto& [name, value] :
       {std::pair("t", "1767225600"), std::pair("myepoch", "6"), std::pair("q", "a;b=c&d"),
        std::pair("q", "epoch=6"), std::pair("q", ";epoch")})
    EXPECT_EQ(ask("/gate/184", {{name, value}}).status, 200) << name << "=" << value;
  serve::HttpRequest asked = request("/gate/184");
  asked.headers = {{"rpoguard-gate", "open"}, {"x-epoch", "6"}, {"priority", "u=1"}};
  EXPECT_EQ(ask(asked).status, 200);
}

TEST_F(GateHandler, a_caller_with_another_epoch_is_fenced) {
  EXPECT_EQ(ask("/gate/184", {{"epoch", "7"}}).status, 200);
  for (const char* epoch : {"6", "8", "0"}) {
    const HttpResponse response = ask("/gate/184", {{"epoch", epoch}});
    EXPECT_EQ(response.status, 503) << epoch;
    EXPECT_EQ(header(response, "Rpoguard-Reason"), "stale_epoch") << epoch;
  }
  serve::HttpRequest by_header = request("/authz/184", "POST");
  by_header.headers["rpoguard-epoch"] = "6";
  EXPECT_EQ(ask(by_header).status, 403);
}

TEST_F(GateHandler, a_caller_of_another_history_is_fenced_though_its_epoch_is_right) {
  EXPECT_EQ(ask("/gate/184", {{"epoch", "7"}, {"timeline", "3"}, {"writer", "iad-a"}}).status, 200);
  for (const auto& [name, value] :
       {std::pair("timeline", "2"), std::pair("timeline", "4"), std::pair("writer", "phx-a")}) {
    const HttpResponse response = ask("/gate/184", {{"epoch", "7"}, {name, value}});
    EXPECT_EQ(response.status, 503) << value;
    EXPECT_EQ(header(response, "Rpoguard-Reason"), "stale_epoch") << value;
    EXPECT_EQ(header(response, "Rpoguard-Open-For-Ms"), "0") << value;
    EXPECT_EQ(header(response, "Rpoguard-Timeline"), "3") << value << ": where to go on";
    serve::HttpRequest by_header = request("/authz/184/orders", "POST");
    by_header.headers["rpoguard-" + std::string(name)] = value;
    EXPECT_EQ(ask(by_header).status, 403) << value;
  }
}

TEST_F(GateHandler, no_answer_is_good_for_longer_than_max_lease) {
  auto view = healthy_view(world_.clock.now());
  auto spec = std::make_shared<core::Spec>(*view->spec);
  spec->shards[0].gate.max_lease = 2s;
  view->spec = spec;
  world_.views.publish(view);
  EXPECT_EQ(header(ask("/gate/s0"), "Rpoguard-Open-For-Ms"), "1600") << "judged 400 ms ago";
  EXPECT_EQ(header(ask("/gate"), "Rpoguard-Open-For-Ms"), "1600");
  world_.clock.advance(1600ms);
  EXPECT_EQ(ask("/gate/s0").status, 503);
  EXPECT_EQ(header(ask("/gate/s0"), "Rpoguard-Reason"), "unproven");
}

TEST_F(GateHandler, a_generation_that_nobody_can_confirm_is_refused) {
  world_.views.publish(healthy_view(world_.clock.now()));  // no witness is configured
  EXPECT_EQ(header(ask("/gate/s0", {{"generation", "12"}}), "Rpoguard-Reason"), "stale_generation");
  EXPECT_TRUE(json::parse(ask("/gate/s0").body)["generation"].is_null());
}

TEST_F(GateHandler, low_priority_yields_first) {
  EXPECT_EQ(header(ask("/gate/184", {{"priority", "low"}}), "Rpoguard-Open-For-Ms"), "3300");
  world_.clock.advance(3500ms);
  EXPECT_EQ(ask("/gate/184", {{"priority", "low"}}).status, 503);
  EXPECT_EQ(ask("/gate/184", {{"priority", "normal"}}).status, 200);
  EXPECT_EQ(ask("/gate/184").status, 200);
}

TEST_F(GateHandler, is_closed_while_shutting_down) {
  world_.stopping = true;
  const HttpResponse gate = ask("/gate/184");
  EXPECT_EQ(gate.status, 503);
  EXPECT_EQ(header(gate, "Rpoguard-Reason"), "shutting_down");
  EXPECT_EQ(json::parse(gate.body)["retryable"], true);
  EXPECT_EQ(ask("/authz/184").status, 403);
}

TEST_F(GateHandler, a_waiver_is_announced) {
  auto view = healthy_view(world_.clock.now());
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  shard->gate.waived = true;
  view->shards[0] = shard;
  world_.views.publish(view);
  EXPECT_EQ(header(ask("/gate/s0"), "Rpoguard-Rpo"), "waived");
}

TEST_F(GateHandler, the_overview_is_open_only_if_every_gate_is) {
  const HttpResponse mixed = ask("/gate");
  EXPECT_EQ(mixed.status, 503);
  const json body = json::parse(mixed.body);
  ASSERT_EQ(body["shards"].size(), 3U);
  EXPECT_EQ(body["shards"][0]["open"], true);
  EXPECT_EQ(body["shards"][1]["reason"], "stale_epoch");
  EXPECT_EQ(header(mixed, "Rpoguard-Gate"), "closed");
  EXPECT_EQ(header(mixed, "Rpoguard-Reason"), "stale_epoch");
  world_.views.publish(healthy_view(world_.clock.now(), 3));
  EXPECT_EQ(ask("/gate").status, 200);
  EXPECT_EQ(header(ask("/gate/"), "Rpoguard-Open-For-Ms"), "4300");
}

TEST_F(GateHandler, counts_answers_but_not_the_overview) {
  ask("/gate/184");
  ask(request("/authz/184", "POST"));
  ask("/gate/184", {{"epoch", "6"}});
  ask("/gate");
  ask("/gate/nope");
  const auto counts = world_.counters.of("184");
  EXPECT_EQ(counts.open, 2U);
  EXPECT_EQ(counts.closed, 1U);
  EXPECT_EQ(counts.shadow_denials, 0U);
}

class GateMode : public GateHandler {
 protected:
  void publish(core::GateMode mode) {
    auto view = mixed_view(world_.clock.now());
    auto spec = std::make_shared<core::Spec>(*view->spec);
    for (core::ShardSpec& shard : spec->shards) shard.gate.mode = mode;
    view->spec = spec;
    world_.views.publish(view);
  }
};

TEST_F(GateMode, shadow_answers_open_and_counts_what_it_would_have_refused) {
  publish(core::GateMode::shadow);
  EXPECT_EQ(ask("/gate/186").status, 200);
  const auto counts = world_.counters.of("186");
  EXPECT_EQ(counts.open, 1U);
  EXPECT_EQ(counts.shadow_denials, 1U);
}

TEST_F(GateMode, off_counts_nothing) {
  publish(core::GateMode::off);
  EXPECT_EQ(ask("/gate/186").status, 200);
  EXPECT_EQ(world_.counters.of("186").open, 0U);
}

// Property: whatever the view, both dialects give the same verdict, headers and body.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  bool chance() { return below(2) == 0; }
  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(engine_); }
  core::Duration span() { return std::chrono::milliseconds(below(20'000) - 10'000); }

 private:
  std::mt19937 engine_;
};

std::shared_ptr<core::View> random_view(Random& random, core::Instant now) {
  auto view = healthy_view(now);
  auto spec = std::make_shared<core::Spec>(*view->spec);
  spec->shards[0].gate.mode = static_cast<core::GateMode>(random.below(3));
  view->spec = spec;
  if (random.below(8) == 0) {
    view->shards[0] = nullptr;
    return view;
  }
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  if (random.chance()) shard->writer.reset();
  if (random.chance()) shard->recovery_point.reset();
  shard->gate.open_until = now + random.span();
  if (random.chance()) shard->gate.shed_low_priority_from.reset();
  if (random.chance()) {
    shard->gate.reasons = {static_cast<Reason>(random.below(core::kReasonCount))};
  }
  shard->gate.waived = random.chance();
  shard->gate.when_expired = static_cast<Reason>(random.below(core::kReasonCount));
  if (random.chance()) shard->gate.retry_after = random.span();
  view->shards[0] = shard;
  return view;
}

serve::HttpRequest random_request(Random& random) {
  const std::vector<std::string> epochs{"7", "6", "x", "-1"};
  serve::HttpRequest asked = request("");
  if (random.chance())
    asked.query.emplace("epoch", epochs.at(static_cast<std::size_t>(random.below(4))));
  if (random.below(4) == 0)
    asked.headers["rpoguard-epoch"] = epochs.at(static_cast<std::size_t>(random.below(4)));
  if (random.below(4) == 0) asked.query.emplace("generation", "3");
  if (random.below(4) == 0) asked.query.emplace("timeline", random.chance() ? "3" : "2");
  if (random.below(4) == 0) asked.headers["rpoguard-writer"] = random.chance() ? "iad-a" : "phx-a";
  if (random.chance()) asked.query.emplace("priority", random.chance() ? "low" : "normal");
  return asked;
}

TEST_F(GateHandler, both_dialects_always_agree) {
  constexpr unsigned kSeed = 20260101;
  Random random(kSeed);
  const std::map<int, int> translated{{200, 200}, {503, 403}, {404, 403}, {400, 403}};
  for (int round = 0; round < 5000; ++round) {
    world_.views.publish(random_view(random, world_.clock.now()));
    world_.stopping = random.below(10) == 0;
    const std::string shard = random.below(10) == 0 ? "nope" : "s0";
    serve::HttpRequest asked = random_request(random);
    asked.path = "/gate/" + shard;
    const HttpResponse gate = ask(asked);
    asked.path = "/authz/" + shard;
    // Behind a suffix only headers count, so it is tried with what both dialects read.
    if (asked.query.empty() && random.chance()) asked.path += "/any/suffix";
    asked.method = random.chance() ? "POST" : "PROPFIND";
    const HttpResponse authz = ask(asked);
    ASSERT_EQ(authz.status, translated.at(gate.status)) << "round " << round << " seed " << kSeed;
    ASSERT_EQ(authz.headers, gate.headers) << "round " << round << " seed " << kSeed;
    ASSERT_EQ(authz.body, gate.body) << "round " << round << " seed " << kSeed;
    ASSERT_EQ(header(gate, "Rpoguard-Gate"), gate.status == 200 ? "open" : "closed");
  }
}

}  // namespace
}  // namespace rpoguard::test
