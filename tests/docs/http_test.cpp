// docs/http.md against the routers' sources and a running rpoguard: the same endpoints, the same
// members, the same statuses.
#include <regex>
#include <set>

#include <nlohmann/json.hpp>

#include "exporter/serve/metrics/metric_table.hpp"

#include "tests/docs/markdown.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const std::string kPage = "docs/http.md";
const std::string kSourceRoot = std::string(RPOGUARD_SOURCE_DIR) + "/";

std::set<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern); it != std::sregex_iterator();
       ++it)
    found.insert((*it)[1]);
  return found;
}

// In the table of endpoints: | gate | `/gate/SHARD` ... |
std::set<std::string> documented(const std::string& listener) {
  const std::string page = read_file(kSourceRoot + kPage);
  std::set<std::string> paths;
  for (const std::string& row : matches(page, std::regex(R"((\| (?:gate|ops) \| .*\n))"))) {
    if (!row.starts_with("| " + listener + " ")) continue;
    const std::string cell = row.substr(0, row.rfind(" | "));
    for (const std::string& path : matches(cell, std::regex("`(/[^`]*)`"))) paths.insert(path);
  }
  return paths;
}

// "/readyz/CHECK" is served by what stands as "/readyz/" in the router.
std::string route_of(const std::string& path) {
  return std::regex_replace(path, std::regex("[A-Z]+"), "");
}

// The quoted paths of a router.
std::set<std::string> routes_in(const std::string& source) {
  return matches(read_file(kSourceRoot + source), std::regex(R"re("(/[-a-z0-9/]*)")re"));
}

TEST(HttpReference, names_every_route_of_the_ops_listener_and_no_other) {
  std::set<std::string> routes;
  for (const std::string& path : documented("ops")) routes.insert(route_of(path));
  EXPECT_EQ(routes, routes_in("exporter/serve/ops/ops_handler.cpp"));
}

TEST(HttpReference, names_every_route_of_the_gate_and_no_other) {
  std::set<std::string> routes = {"/authz"};  // without a shard it is an unknown shard
  for (const std::string& path : documented("gate")) routes.insert(route_of(path));
  EXPECT_EQ(routes, routes_in("exporter/serve/gate/gate_handler.cpp"));
}

/// A shard and a running rpoguard that has opened its gate.
class HttpReferenceLive : public testing::Test {
 protected:
  HttpReferenceLive() : shard_map_(R"({"generation": 12})"), rpoguard_(config()) {
    rpoguard_.wait_until_serving();
    if (!opens(rpoguard_, 30s)) throw std::runtime_error(rpoguard_.log());
  }

  // With all that shows on a page only if it is configured.
  RpoguardConfig config() {
    RpoguardConfig config = RegionPair::rpoguard_config({&shard_});
    config.defaults = "generation: {url: \"" + shard_map_.url() + "\", pointer: /generation}\n";
    config.process = "hooks: [{name: nobody, type: command, command: [/bin/true]}]\n";
    return config;
  }

  int status(std::uint16_t port, const std::string& method, std::string path) const {
    path = std::regex_replace(path, std::regex("SHARD"), "184");
    path = std::regex_replace(path, std::regex("CHECK"), "view");
    const auto reply = http_call(port, {.method = method, .target = path});
    return reply ? reply->status : 0;
  }

  RegionPair shard_;
  JsonServer shard_map_;
  Rpoguard rpoguard_;
};

TEST_F(HttpReferenceLive, every_documented_endpoint_answers) {
  for (const std::string& path : documented("gate"))
    EXPECT_EQ(status(rpoguard_.gate_port(), "GET", path), 200) << path;
  for (const std::string& path : documented("ops")) {
    const bool changes = path.ends_with("freeze") || path.ends_with("reload") ||
                         path.ends_with("rival") || path.ends_with("readmit") ||
                         path.ends_with("waive") || path.ends_with("lower");
    EXPECT_EQ(status(rpoguard_.ops_port(), "GET", path), changes ? 405 : 200) << path;
  }
  EXPECT_EQ(status(rpoguard_.ops_port(), "GET", "/nothing"), 404);
}

TEST_F(HttpReferenceLive, refusals_have_the_documented_status) {
  EXPECT_EQ(status(rpoguard_.gate_port(), "GET", "/gate/nobody"), 404);
  EXPECT_EQ(status(rpoguard_.gate_port(), "GET", "/authz/nobody"), 403);
  EXPECT_EQ(status(rpoguard_.gate_port(), "GET", "/gate/184?epoch=9"), 503);
  EXPECT_EQ(status(rpoguard_.gate_port(), "GET", "/authz/184?epoch=9"), 403);
  EXPECT_EQ(status(rpoguard_.gate_port(), "GET", "/gate/184?epoch=x"), 400);
  EXPECT_EQ(status(rpoguard_.gate_port(), "POST", "/gate/184"), 405);
  EXPECT_EQ(status(rpoguard_.gate_port(), "POST", "/authz/184"), 200);
  const std::string longer = "/" + std::string(300, 'x');
  EXPECT_EQ(status(rpoguard_.gate_port(), "GET", "/gate" + longer), 414);
  EXPECT_EQ(status(rpoguard_.gate_port(), "GET", "/authz/184" + longer), 200);
  EXPECT_EQ(status(rpoguard_.ops_port(), "GET", longer), 414);
  EXPECT_EQ(status(rpoguard_.ops_port(), "GET", "/readyz?shard=nobody"), 404);
  EXPECT_EQ(status(rpoguard_.ops_port(), "GET", "/readyz?require=reads"), 400);
  EXPECT_EQ(status(rpoguard_.ops_port(), "POST", "/metrics"), 405);
  EXPECT_EQ(status(rpoguard_.ops_port(), "POST", "/-/freeze?shard=184"), 400);
  EXPECT_EQ(status(rpoguard_.ops_port(), "POST", "/-/freeze?shard=x&by=y&reason=z"), 404);
  const std::string forget = "/-/forget-rival?by=y&reason=z&shard=184&node=";
  EXPECT_EQ(status(rpoguard_.ops_port(), "POST", forget), 400);
  EXPECT_EQ(status(rpoguard_.ops_port(), "POST", forget + "x"), 409);
  EXPECT_EQ(status(rpoguard_.ops_port(), "POST", forget + "phx-a"), 409);
  EXPECT_EQ(status(rpoguard_.ops_port(), "POST", "/-/readmit?by=y&reason=z&shard=184&node=phx-a"),
            409);
}

// Names of members, without those that are data: a state of connections, a kind of failure.
void collect_members(const json& value, std::set<std::string>& names) {
  static const std::set<std::string> data = {"connections", "probe_failures", "checks"};
  if (!value.is_structured()) return;
  for (const auto& [name, member] : value.items()) {
    if (value.is_object()) names.insert(name);
    if (!value.is_object() || !data.contains(name)) collect_members(member, names);
  }
}

TEST_F(HttpReferenceLive, every_member_of_view_and_readyz_is_explained) {
  // What is null otherwise has members while there is something to tell.
  ASSERT_EQ(status(rpoguard_.ops_port(), "POST", "/-/freeze?shard=184&by=a&reason=b&for=1m"), 200);
  std::set<std::string> members;
  collect_members(rpoguard_.ops_json("/api/v1/view"), members);
  collect_members(rpoguard_.ops_json("/readyz"), members);
  ASSERT_GT(members.size(), 80U);
  const std::string page = read_file(kSourceRoot + kPage);
  for (const std::string& name : members) {
    const std::regex told("`(?:[a-z_]+\\.)?" + name + R"((?:\[\])?`)");
    EXPECT_TRUE(std::regex_search(page, told)) << name;
  }
}

// The JSON example of a section, which has one.
json example_in(const std::string& heading) {
  const std::string section = section_of(kPage, heading);
  const std::size_t begin = section.find("```json\n") + 8;
  return json::parse(section.substr(begin, section.find("```", begin) - begin));
}

// Each member of the one is one of the other, all the way down; lists are told by their last
// element.
void expect_same_members(const json& documented, const json& real, const std::string& where) {
  if (documented.is_array() && real.is_array()) {
    ASSERT_FALSE(real.empty()) << where;
    return expect_same_members(documented.back(), real.back(), where + "[]");
  }
  if (!documented.is_object() || !real.is_object()) return;
  for (const auto& [name, value] : documented.items()) {
    EXPECT_TRUE(real.contains(name)) << where << ": no such member: " << name;
    if (real.contains(name)) expect_same_members(value, real.at(name), where + "." + name);
  }
  for (const auto& [name, value] : real.items())
    EXPECT_TRUE(documented.contains(name)) << where << ": not in the example: " << name;
}

TEST_F(HttpReferenceLive, examples_have_the_members_of_real_answers) {
  expect_same_members(example_in("### `GET /gate/SHARD`"), rpoguard_.gate_json("/gate/184"),
                      "gate");
  expect_same_members(example_in("### `GET /api/v1/events`"),
                      rpoguard_.ops_json("/api/v1/events?shard=184"), "events");
}

TEST_F(HttpReferenceLive, the_metrics_page_has_the_documented_names_and_the_rest_says_when_absent) {
  const std::string page = rpoguard_.ops("/metrics").value().body;
  const std::set<std::string> shown =
      matches(page, std::regex("# TYPE ([a-z_]+) ", std::regex::multiline));
  std::set<std::string> known;
  for (const serve::MetricRow& metric : serve::metric_table()) {
    const std::string name(metric.name);
    known.insert(name);
    const bool may_be_absent = metric.help.find("bsent") != std::string_view::npos;
    EXPECT_TRUE(shown.contains(name) || may_be_absent) << name;
  }
  for (const std::string& name : shown) EXPECT_TRUE(known.contains(name)) << name;
  EXPECT_GT(shown.size(), 50U);
}

}  // namespace
}  // namespace rpoguard::test
