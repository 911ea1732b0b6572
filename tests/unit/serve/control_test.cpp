#include "exporter/serve/ops/control.hpp"

#include <gtest/gtest.h>

#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

using serve::FreezeOrder;
using serve::HttpRequest;
using serve::HttpResponse;
using serve::LowerOrder;
using serve::NodeOrder;
using serve::Reply;
using serve::WaiverOrder;
using Query = std::multimap<std::string, std::string>;

class ControlTest : public ::testing::Test {
 protected:
  ControlTest() {
    world.control.loopback = true;
    world.control.freeze = [this](const FreezeOrder& order) {
      orders.push_back(order);
      return outcome;
    };
    world.control.waive = [this](const WaiverOrder& order) {
      waivers.push_back(order);
      return reply;
    };
    world.control.lower = [this](const LowerOrder& order) {
      lowered.push_back(order);
      return reply;
    };
    world.control.forget_rival = world.control.readmit = [this](const NodeOrder& order) {
      rivals.push_back(order);
      return refusal;
    };
    world.views.publish(mixed_view(world.clock.now()));
  }

  static HttpRequest post(const std::string& path, Query query) {
    HttpRequest asked = request(path, std::move(query));
    asked.method = "POST";
    return asked;
  }
  static HttpRequest freeze_184() {
    return post("/-/freeze", {{"shard", "184"}, {"by", "jo"}, {"reason", "a move"}});
  }
  static HttpRequest forget(Query changes = {}) {
    Query query{{"shard", "184"}, {"node", "phx-a"}, {"by", "jo"}, {"reason", "it is fenced"}};
    for (const auto& [name, value] : changes) {
      query.erase(name);
      if (!value.empty()) query.emplace(name, value);
    }
    return post("/-/forget-rival", std::move(query));
  }
  HttpResponse ask(const HttpRequest& asked) {
    return serve::make_ops_handler(world.ops_context())(asked);
  }
  void use_token(const std::string& token) {
    world.control.token = [token]() -> base::Result<std::string> { return token; };
  }
  int status_with(const std::string& authorization) {
    HttpRequest asked = freeze_184();
    asked.headers["authorization"] = authorization;
    return ask(asked).status;
  }

  World world;
  std::vector<FreezeOrder> orders;
  base::Result<std::string> outcome = std::string("done\n");
  std::vector<WaiverOrder> waivers;
  std::vector<LowerOrder> lowered;
  base::Result<Reply> reply = Reply{true, "done"};
  std::vector<NodeOrder> rivals;
  base::Result<std::string> refusal = std::string();
};

TEST_F(ControlTest, an_order_says_what_for_whom_and_until_when) {
  const HttpResponse response = ask(freeze_184());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "done\n");
  EXPECT_EQ(ask(post("/-/freeze", {{"all", "true"}, {"by", "jo"}, {"reason", "x"}, {"for", "30m"}}))
                .status,
            200);
  EXPECT_EQ(ask(post("/-/unfreeze", {{"shard", "184"}, {"by", "ana"}})).status, 200);
  ASSERT_EQ(orders.size(), 3U);
  EXPECT_EQ(orders[0].shard, "184");
  EXPECT_TRUE(orders[0].freeze);
  EXPECT_EQ(orders[0].by, "jo");
  EXPECT_EQ(orders[0].reason, "a move");
  EXPECT_EQ(orders[0].until, std::nullopt);
  EXPECT_EQ(orders[1].shard, std::nullopt);
  EXPECT_EQ(orders[1].until, world.clock.wall() + 30min);
  EXPECT_FALSE(orders[2].freeze);
}

TEST_F(ControlTest, what_is_not_understood_is_refused_and_nothing_done) {
  const std::string long_text(501, 'x');
  const std::vector<Query> rows{
      {},
      {{"shard", "184"}},
      {{"shard", "184"}, {"by", "jo"}},
      {{"shard", "184"}, {"reason", "x"}},
      {{"by", "jo"}, {"reason", "x"}},
      {{"shard", "184"}, {"all", "true"}, {"by", "jo"}, {"reason", "x"}},
      {{"all", "yes"}, {"by", "jo"}, {"reason", "x"}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", "x"}, {"for", "30"}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", "x"}, {"for", "0s"}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", "x"}, {"for", "367d"}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", "x"}, {"until", "tomorrow"}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", "x"}, {"until", "2001-01-01T00:00Z"}},
      {{"shard", "184"},
       {"by", "jo"},
       {"reason", "x"},
       {"for", "1m"},
       {"until", "2030-01-01T00:00Z"}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", "x"}, {"reasn", "x"}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", "x"}, {"by", "ana"}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", "two\nlines"}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", long_text}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", "\x1b[2J"}},
      {{"shard", "184"},
       {"by", "jo"},
       {"reason",
        "C1: \xC2\x9B"
        "2J"}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", "turned \xE2\x80\xAE around"}},
      {{"shard", "184"}, {"by", "no \xFF UTF-8"}, {"reason", "x"}},
      {{"shard", "184"}, {"by", "jo"}, {"reason", "x"}, {"SHARD", "184"}},
  };
  for (std::size_t i = 0; i < rows.size(); ++i)
    EXPECT_EQ(ask(post("/-/freeze", rows[i])).status, 400) << "row " << i;
  EXPECT_EQ(ask(post("/-/unfreeze", {{"shard", "184"}, {"by", "jo"}, {"for", "1m"}})).status, 400);
  EXPECT_EQ(ask(post("/-/freeze", {{"shard", "nope"}, {"by", "jo"}, {"reason", "x"}})).status, 404);
  HttpRequest get = freeze_184();
  get.method = "GET";
  EXPECT_EQ(ask(get).status, 405);
  EXPECT_TRUE(orders.empty());
}

TEST_F(ControlTest, without_a_token_only_this_machine_on_a_loopback_listener_may) {
  HttpRequest asked = freeze_184();
  asked.remote_address = "10.0.0.7";
  EXPECT_EQ(ask(asked).status, 403);
  HttpRequest page = freeze_184();
  page.headers["origin"] = "http://evil.example";
  EXPECT_EQ(ask(page).status, 403);
  world.control.loopback = false;
  EXPECT_EQ(ask(freeze_184()).status, 403) << "a proxy on this machine may forward strangers";
  EXPECT_TRUE(orders.empty());
}

TEST_F(ControlTest, without_a_token_nobody_may_through_a_proxy_that_says_it_is_one) {
  for (const char* sign : {"forwarded", "via", "x-forwarded-for", "x-forwarded-port", "x-real-ip",
                           "cf-connecting-ip", "x-envoy-external-address"}) {
    HttpRequest asked = freeze_184();
    asked.headers[sign] = "127.0.0.1";
    EXPECT_EQ(ask(asked).status, 403) << sign;
    asked.authenticated = true;
    EXPECT_EQ(ask(asked).status, 200) << sign << ", with a password";
    use_token("sesame");
    asked.headers["authorization"] = "Bearer sesame";
    EXPECT_EQ(ask(asked).status, 200) << sign << ", with the token";
    world.control.token = nullptr;
  }
  EXPECT_EQ(orders.size(), 14U);
}

TEST_F(ControlTest, without_a_token_whom_the_listener_has_authenticated_may_but_no_web_page) {
  world.control.loopback = false;
  HttpRequest asked = freeze_184();
  asked.remote_address = "10.0.0.7";
  EXPECT_EQ(ask(asked).status, 403);
  asked.authenticated = true;
  EXPECT_EQ(ask(asked).status, 200);
  asked.headers["origin"] = "http://evil.example";
  EXPECT_EQ(ask(asked).status, 403) << "a browser sends passwords and certificates by itself";
  asked.headers.erase("origin");
  use_token("sesame");
  EXPECT_EQ(ask(asked).status, 401) << "a token makes scrapers mere scrapers";
  EXPECT_EQ(orders.size(), 1U);
}

TEST_F(ControlTest, brings_a_token_who_asks_for_a_verb_with_a_bearer) {
  HttpRequest asked = freeze_184();
  EXPECT_FALSE(serve::brings_token(asked));
  asked.headers["authorization"] = "Bearer x";
  for (const char* path : {"/-/freeze", "/-/unfreeze", "/-/waive", "/-/unwaive", "/-/forget-rival",
                           "/-/readmit", "/-/lower", "/-/reload"}) {
    asked.path = path;
    EXPECT_TRUE(serve::brings_token(asked)) << path;
  }
  for (const char* path : {"/metrics", "/", "/-/healthy", "/-/freeze/", "/-/reloads"}) {
    asked.path = path;
    EXPECT_FALSE(serve::brings_token(asked)) << path;
  }
}

TEST_F(ControlTest, with_a_token_only_who_has_it_may_from_wherever) {
  use_token("sesame");
  EXPECT_EQ(ask(freeze_184()).status, 401) << "also on this machine";
  EXPECT_EQ(header(ask(freeze_184()), "WWW-Authenticate"), "Bearer");
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer sesam", "Bearer sesame2",
                            "Bearer Sesame", "Basic sesame", "sesame", "Bearer  sesame"})
    EXPECT_EQ(status_with(wrong), 401) << wrong;
  EXPECT_TRUE(orders.empty());
  HttpRequest asked = freeze_184();
  asked.remote_address = "10.0.0.7";
  asked.headers["authorization"] = "Bearer sesame";
  world.control.loopback = false;
  EXPECT_EQ(ask(asked).status, 200);
}

TEST_F(ControlTest, a_token_that_cannot_be_read_or_is_empty_lets_nobody_in) {
  use_token("");
  EXPECT_EQ(status_with("Bearer "), 500);
  world.control.token = []() -> base::Result<std::string> {
    return base::Error{"cannot read it: secret-path", ""};
  };
  EXPECT_EQ(status_with("Bearer x"), 500);
  EXPECT_TRUE(orders.empty());
}

TEST_F(ControlTest, a_freeze_that_is_not_on_disk_is_no_success) {
  outcome = base::Error{"in force, but not on disk", "check state_dir"};
  const HttpResponse response = ask(freeze_184());
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body, "in force, but not on disk\nHINT: check state_dir\n");
}

TEST_F(ControlTest, a_rival_is_forgotten_by_somebody_for_a_reason) {
  const HttpResponse response = ask(forget());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body,
            "shard 184: phx-a is no rival any more, forgotten by jo: it is fenced\n");
  ASSERT_EQ(rivals.size(), 1U);
  EXPECT_EQ(rivals[0].shard, "184");
  EXPECT_EQ(rivals[0].word.node, "phx-a");
  EXPECT_EQ(rivals[0].word.by, "jo");
  EXPECT_EQ(rivals[0].word.reason, "it is fenced");
}

TEST_F(ControlTest, a_rival_that_is_not_named_in_full_is_not_forgotten) {
  for (const char* name : {"shard", "node", "by", "reason"})
    EXPECT_EQ(ask(forget({{name, ""}})).status, 400) << name;
  EXPECT_EQ(ask(forget({{"all", "true"}})).status, 400);
  EXPECT_EQ(ask(forget({{"reason", "two\nlines"}})).status, 400);
  EXPECT_EQ(ask(forget({{"shard", "nope"}})).status, 404);
  HttpRequest get = forget();
  get.method = "GET";
  EXPECT_EQ(ask(get).status, 405);
  HttpRequest stranger = forget();
  stranger.remote_address = "10.0.0.7";
  EXPECT_EQ(ask(stranger).status, 403);
  use_token("sesame");
  EXPECT_EQ(ask(forget()).status, 401);
  EXPECT_TRUE(rivals.empty());
}

TEST_F(ControlTest, a_node_is_readmitted) {
  HttpRequest readmit = forget();
  readmit.path = "/-/readmit";
  const HttpResponse response = ask(readmit);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "shard 184: phx-a counts again, readmitted by jo: it is fenced\n");
  ASSERT_EQ(rivals.size(), 1U);
  EXPECT_EQ(rivals[0].word.node, "phx-a");
  refusal = std::string("nothing is held against phx-a: there is nothing to readmit");
  EXPECT_EQ(ask(readmit).status, 409);
}

TEST_F(ControlTest, what_speaks_against_forgetting_a_rival_is_told) {
  refusal = std::string("phx-a is no rival of a split brain: there is nothing to forget");
  const HttpResponse refused = ask(forget());
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.body, "phx-a is no rival of a split brain: there is nothing to forget\n");
  refusal = base::Error{"in force, but not on disk", "check state_dir"};
  EXPECT_EQ(ask(forget()).status, 500);
}

TEST_F(ControlTest, a_waiver_says_who_why_and_until_when) {
  const Query who{{"shard", "184"}, {"by", "jo"}, {"reason", "phx is gone"}};
  const auto with = [&](const std::string& name, const std::string& value) {
    Query query = who;
    query.emplace(name, value);
    return post("/-/waive", query);
  };
  const HttpResponse response = ask(with("for", "2h"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "shard 184: done\n");
  EXPECT_EQ(ask(post("/-/unwaive", {{"shard", "184"}, {"by", "ana"}})).status, 200);
  ASSERT_EQ(waivers.size(), 2U);
  EXPECT_TRUE(waivers[0].waive);
  EXPECT_EQ(waivers[0].shard, "184");
  EXPECT_EQ(waivers[0].by, "jo");
  EXPECT_EQ(waivers[0].reason, "phx is gone");
  EXPECT_EQ(waivers[0].until, world.clock.wall() + 2h);
  EXPECT_FALSE(waivers[1].waive);
  EXPECT_EQ(waivers[1].reason, "");
  reply = Reply{false, "a copy is proven: there is nothing to waive"};
  const HttpResponse refused = ask(with("for", "2h"));
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.body, "shard 184: a copy is proven: there is nothing to waive\n");
  reply = base::Error{"in force, but not on disk", "check state_dir"};
  EXPECT_EQ(ask(with("for", "2h")).status, 500);

  waivers.clear();
  EXPECT_EQ(ask(post("/-/waive", who)).status, 400) << "no waiver is for good";
  for (const auto& [name, value] :
       {std::pair("for", "0s"), std::pair("for", "31d"), std::pair("for", "2"),
        std::pair("until", "2001-01-01T00:00Z"), std::pair("all", "true"),
        std::pair("reason", "twice"), std::pair("SHARD", "184")})
    EXPECT_EQ(ask(with(name, value)).status, 400) << name << "=" << value;
  EXPECT_EQ(ask(with("for", "31d")).body,
            "for is a duration of more than 0s and at most 30 days, such as 30m\n");
  EXPECT_EQ(ask(post("/-/waive", {{"shard", "184"}, {"by", "jo"}, {"for", "2h"}})).status, 400);
  EXPECT_EQ(ask(post("/-/unwaive", {{"shard", "184"}, {"by", "jo"}, {"for", "2h"}})).status, 400);
  EXPECT_EQ(ask(post("/-/unwaive", {{"shard", "nope"}, {"by", "jo"}})).status, 404);
  HttpRequest get = with("for", "2h");
  get.method = "GET";
  EXPECT_EQ(ask(get).status, 405);
  HttpRequest stranger = with("for", "2h");
  stranger.remote_address = "10.0.0.7";
  EXPECT_EQ(ask(stranger).status, 403);
  EXPECT_TRUE(waivers.empty());
}

TEST_F(ControlTest, a_number_is_lowered_by_somebody_for_a_reason) {
  const Query who{{"shard", "184"}, {"by", "jo"}, {"reason", "a slip"}};
  const auto with = [&](const std::string& name, const std::string& value) {
    Query query = who;
    query.emplace(name, value);
    return post("/-/lower", query);
  };
  EXPECT_EQ(ask(with("epoch", "7")).status, 200);
  EXPECT_EQ(ask(with("generation", "0")).status, 200);
  ASSERT_EQ(lowered.size(), 2U);
  EXPECT_TRUE(lowered[0].epoch);
  EXPECT_EQ(lowered[0].to, 7);
  EXPECT_EQ(lowered[0].by, "jo");
  EXPECT_EQ(lowered[0].reason, "a slip");
  EXPECT_FALSE(lowered[1].epoch);
  EXPECT_EQ(lowered[1].to, 0);
  reply = Reply{false, "the highest epoch is 7: there is nothing to lower"};
  EXPECT_EQ(ask(with("epoch", "8")).status, 409);

  lowered.clear();
  for (const char* number : {"", "-1", "x", "7 ", "9223372036854775808"})
    EXPECT_EQ(ask(with("epoch", number)).status, 400) << number;
  EXPECT_EQ(ask(with("epoch", "9223372036854775808")).body,
            "epoch is a whole number from 0 to 9223372036854775807\n");
  EXPECT_EQ(ask(post("/-/lower", who)).status, 400);
  HttpRequest both = with("epoch", "7");
  both.query.emplace("generation", "7");
  EXPECT_EQ(ask(both).status, 400);
  EXPECT_EQ(ask(post("/-/lower", {{"shard", "184"}, {"by", "jo"}, {"epoch", "7"}})).status, 400);
  HttpRequest elsewhere = with("epoch", "7");
  elsewhere.query.erase("shard");
  elsewhere.query.emplace("shard", "nope");
  EXPECT_EQ(ask(elsewhere).status, 404);
  HttpRequest get = with("epoch", "7");
  get.method = "GET";
  EXPECT_EQ(ask(get).status, 405);
  HttpRequest stranger = with("epoch", "7");
  stranger.remote_address = "10.0.0.7";
  EXPECT_EQ(ask(stranger).status, 403);
  EXPECT_TRUE(lowered.empty());
}

TEST_F(ControlTest, events_are_listed_and_filtered) {
  world.journal.append("184", R"({"id":"1-1"})");
  world.journal.append("185", R"({"id":"1-2"})");
  EXPECT_EQ(ask(request("/api/v1/events")).body,
            "{\"events\":[\n{\"id\":\"1-1\"},\n{\"id\":\"1-2\"}],\n\"forgotten\":0}\n");
  EXPECT_EQ(ask(request("/api/v1/events", Query{{"shard", "185"}})).body,
            "{\"events\":[\n{\"id\":\"1-2\"}],\n\"forgotten\":0}\n");
}

}  // namespace
}  // namespace rpoguard::test
