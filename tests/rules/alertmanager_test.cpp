// The example configuration: who is told of which alert, and what is one page.
#include <algorithm>
#include <iostream>
#include <regex>
#include <set>

#include <yaml-cpp/yaml.h>

#include "tests/rules/example_routes.hpp"
#include "tests/rules/rule_files.hpp"
#include "tests/rules/webhook_receiver.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/http.hpp"
#include "tests/support/monitoring.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

const std::string kExample = example_routes();

/// Who is told of an alert with these labels.
testing::AssertionResult goes_to(const std::string& receiver, const Labels& labels) {
  std::vector<std::string> argv = {"amtool",
                                   "config",
                                   "routes",
                                   "test",
                                   "--config.file=" + kExample,
                                   "--verify.receivers=" + receiver};
  for (const auto& [name, value] : labels) argv.push_back(name + "=" + value);
  const CommandResult result = run_command({.argv = argv});
  if (result.exit_code == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.output;
}

TEST(AlertmanagerExample, amtool_accepts_it) {
  EXPECT_TRUE(accepted_by({"amtool", "check-config"}, {kExample}));
}

TEST(AlertmanagerExample, every_alert_reaches_whom_its_severity_names) {
  const std::map<std::string, std::string> receivers = {
      {"critical", "page"}, {"warning", "ticket"}, {"none", "dead_man"}};
  for (const AlertRule& alert : shipped_rules().alerts) {
    Labels labels = alert.labels;
    labels["alertname"] = alert.name;
    labels["shard"] = "184";
    EXPECT_TRUE(goes_to(receivers.at(alert.labels.at("severity")), labels)) << alert.name;
  }
  EXPECT_TRUE(goes_to("nobody", {{"alertname", "InfoInhibitor"}, {"severity", "none"}}));
  EXPECT_TRUE(goes_to("ticket", {{"alertname", "SomebodyElses"}}));
}

/// The patterns for alertname in a list of matchers.
std::vector<std::string> name_patterns(const YAML::Node& matchers) {
  static const std::regex matcher(R"re(alertname=~?"([^"]+)")re");
  std::vector<std::string> patterns;
  for (const YAML::Node& node : matchers) {
    const std::string text = node.as<std::string>();
    std::smatch found;
    if (std::regex_match(text, found, matcher)) patterns.push_back(found[1]);
  }
  return patterns;
}

TEST(AlertmanagerExample, inhibition_names_only_alerts_that_exist) {
  static const std::regex part("[A-Z][A-Za-z]+");
  std::set<std::string> names;
  for (const AlertRule& alert : shipped_rules().alerts) names.insert(alert.name);
  std::size_t parts = 0;
  for (const YAML::Node& rule : YAML::LoadFile(kExample)["inhibit_rules"]) {
    for (const char* side : {"source_matchers", "target_matchers"}) {
      for (const std::string& pattern : name_patterns(rule[side])) {
        std::set<std::string> matched;
        std::copy_if(names.begin(), names.end(), std::inserter(matched, matched.end()),
                     [&](const auto& name) { return std::regex_match(name, std::regex(pattern)); });
        for (std::sregex_iterator it(pattern.begin(), pattern.end(), part);
             it != std::sregex_iterator(); ++it) {
          EXPECT_TRUE(std::any_of(
              matched.begin(), matched.end(),
              [&](const auto& name) { return name.find(it->str()) != std::string::npos; }))
              << it->str() << " of " << pattern;
          ++parts;
        }
      }
    }
  }
  EXPECT_GE(parts, 40U);
}

void post_alerts(const Alertmanager& alertmanager, const std::vector<Labels>& alerts) {
  nlohmann::json body = nlohmann::json::array();
  for (const Labels& labels : alerts) body.push_back({{"labels", labels}});
  const auto reply =
      http_call(alertmanager.port(), {.method = "POST",
                                      .target = "/api/v2/alerts",
                                      .headers = {{"Content-Type", "application/json"}},
                                      .body = body.dump()});
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->status, 200) << reply->body;
}

std::set<std::string> shards_in(const Notification& notification) {
  std::set<std::string> shards;
  for (const auto& alert : notification.body["alerts"]) shards.insert(alert["labels"]["shard"]);
  return shards;
}

bool contains(const std::vector<Labels>& alerts, const Labels& wanted) {
  return std::any_of(alerts.begin(), alerts.end(), [&](const Labels& alert) {
    return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
      const auto found = alert.find(label.first);
      return found != alert.end() && found->second == label.second;
    });
  });
}

TEST(AlertmanagerExample, a_lost_region_of_many_shards_is_one_page_and_hides_no_other_shard) {
  const WebhookReceiver people;
  const Alertmanager alertmanager(with_webhooks(people.port()));
  std::vector<Labels> alerts;
  for (int i = 0; i < 30; ++i) {
    const std::string shard = std::to_string(i);
    const auto add = [&](const char* name, const char* severity, Labels more) {
      more.insert({{"alertname", name}, {"severity", severity}, {"shard", shard}});
      more.insert({{"job", "rpoguard"}, {"instance", "a"}});
      alerts.push_back(more);
    };
    add("RPOGuardRegionLost", "critical", {{"node_region", "iad"}});
    add("RPOGuardNoWriter", "critical", {});
    add("RPOGuardGateClosed", "critical", {});
    add("RPOGuardRPOExceeded", "critical", {});
    add("RPOGuardNodeDown", "warning", {{"node", "iad-a"}});
    add("RPOGuardNodeDown", "warning", {{"node", "iad-b"}});
    add("RPOGuardTooFewCopies", "warning", {});
  }
  alerts.push_back({{"alertname", "RPOGuardGateClosed"},
                    {"severity", "critical"},
                    {"shard", "elsewhere"},
                    {"job", "rpoguard"},
                    {"instance", "a"}});
  post_alerts(alertmanager, alerts);
  EXPECT_TRUE(eventually(60s, [&] { return people.sent_to("page").size() >= 2; }));
  // Tickets have waited as long as pages: none is on its way.
  EXPECT_TRUE(holds_for(2s, [&] { return people.sent_to("page").size() == 2; }));
  EXPECT_TRUE(people.sent_to("ticket").empty());
  std::set<std::set<std::string>> shards;
  for (const Notification& page : people.sent_to("page")) shards.insert(shards_in(page));
  EXPECT_TRUE(shards.contains({"elsewhere"}));
  EXPECT_EQ(shards.rbegin()->size() + shards.begin()->size(), 31U);
}

TEST(AlertmanagerExample, one_fault_is_one_page) {
  const WebhookReceiver people;
  const Alertmanager alertmanager(with_webhooks(people.port()));
  const auto alert = [](const char* name, const char* severity, const char* shard) {
    return Labels{{"alertname", name}, {"severity", severity}, {"shard", shard}};
  };
  post_alerts(alertmanager, {
                                alert("RPOGuardNoWriter", "critical", "1"),
                                alert("RPOGuardGateClosed", "critical", "1"),
                                alert("RPOGuardRPOExceeded", "critical", "1"),
                                alert("RPOGuardGateClosed", "critical", "2"),
                                alert("RPOGuardRPOExceeded", "critical", "2"),
                                alert("RPOGuardExposureHigh", "warning", "2"),
                                alert("RPOGuardReplicaLagBytes", "critical", "3"),
                                alert("RPOGuardReplicaLagBytes", "warning", "3"),
                                alert("RPOGuardWriterLostWal", "critical", "4"),
                                alert("RPOGuardGateClosed", "critical", "4"),
                                alert("RPOGuardExposureUnknown", "warning", "4"),
                            });
  EXPECT_TRUE(eventually(60s, [&] { return people.sent_to("page").size() >= 4; }));
  EXPECT_TRUE(holds_for(2s, [&] { return people.sent_to("page").size() == 4; }));
  EXPECT_TRUE(people.sent_to("ticket").empty());
}

TEST(AlertmanagerExample, the_watchdog_of_a_real_prometheus_reaches_the_dead_man_switch) {
  const WebhookReceiver people;
  const Alertmanager alertmanager(with_webhooks(people.port()));
  const Prometheus prometheus(
      {.scrape_port = 1, .rule_files = rule_files(), .alertmanager_port = alertmanager.port()});
  ASSERT_TRUE(eventually(60s, [&] { return !people.sent_to("dead_man").empty(); }))
      << prometheus.log();
  EXPECT_EQ(people.sent_to("dead_man").front().body["status"], "firing");
}

TEST(RegionLoss, of_real_servers_is_one_page_for_both_shards) {
  RegionPair first("184");
  RegionPair second("185");
  Rpoguard rpoguard(RegionPair::rpoguard_config({&first, &second}));
  ASSERT_TRUE(starts_open(rpoguard, 60s));
  ASSERT_TRUE(opens(rpoguard, 60s, "185"));
  const WebhookReceiver people;
  const Alertmanager alertmanager(with_webhooks(people.port()));
  const Prometheus prometheus({.scrape_port = rpoguard.ops_port(),
                               .rule_files = rule_files(),
                               .alertmanager_port = alertmanager.port()});
  ASSERT_TRUE(eventually(60s, [&] { return !people.sent_to("dead_man").empty(); }));
  ASSERT_TRUE(people.sent_to("page").empty());

  const auto lost = std::chrono::steady_clock::now();
  for (RegionPair* shard : {&first, &second}) {
    shard->iad_a().kill9();
    shard->iad_b().kill9();
  }
  EXPECT_TRUE(eventually(90s, [&] { return !people.sent_to("page").empty(); })) << prometheus.log();
  // All that follows is there, and silent.
  for (const char* shard : {"184", "185"}) {
    for (const char* name :
         {"RPOGuardNoWriter", "RPOGuardGateClosed", "RPOGuardRPOExceeded", "RPOGuardNodeDown"}) {
      EXPECT_TRUE(eventually(90s,
                             [&] {
                               return contains(alertmanager.alerts("suppressed"),
                                               {{"alertname", name}, {"shard", shard}});
                             }))
          << name << " of " << shard;
    }
  }
  const std::vector<Notification> pages = people.sent_to("page");
  ASSERT_EQ(pages.size(), 1U);
  EXPECT_EQ(pages.front().body["commonLabels"]["alertname"], "RPOGuardRegionLost");
  EXPECT_EQ(shards_in(pages.front()), (std::set<std::string>{"184", "185"}));
  EXPECT_TRUE(people.sent_to("ticket").empty());
  std::cout << "region lost to page: "
            << std::chrono::duration<double>(pages.front().at - lost).count() << " s\n";
}

}  // namespace
}  // namespace rpoguard::test
