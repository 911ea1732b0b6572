// The SLO is written three times: as Prometheus rules, for Sloth and in OpenSLO. They say the same.
#include <map>
#include <regex>
#include <set>
#include <tuple>

#include <yaml-cpp/yaml.h>

#include "tests/rules/rule_files.hpp"
#include "tests/rules/scaled_rules.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/monitoring.hpp"
#include "tests/support/replaced.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

const std::string kRules = std::string(RPOGUARD_SOURCE_DIR) + "/rules/slo";

/// Long window, short window, burn factor, hold, severity.
using Tier = std::tuple<std::string, std::string, double, std::string, std::string>;

/// Of the shipped alerts, read out of their expressions.
std::set<Tier> shipped_tiers() {
  static const std::regex leg(
      R"re(ratio_rate(\w+)\{[^}]*\}\)\s*>\s*(?:([0-9.]+) \* )?slo:error)re");
  std::set<Tier> tiers;
  for (const AlertRule& alert : read_rules(kRules + ".rules.yml").alerts) {
    if (alert.name != "RPOGuardErrorBudgetBurn") continue;
    std::vector<std::string> windows;
    std::set<std::string> factors;
    for (std::sregex_iterator it(alert.expr.begin(), alert.expr.end(), leg);
         it != std::sregex_iterator(); ++it) {
      windows.push_back((*it)[1]);
      factors.insert((*it)[2].matched ? (*it)[2].str() : "1");
    }
    EXPECT_EQ(windows.size(), 2U) << alert.expr;
    EXPECT_EQ(factors.size(), 1U) << "both legs have the same factor";
    EXPECT_EQ(windows.at(0), alert.labels.at("long"));
    EXPECT_EQ(windows.at(1), alert.labels.at("short"));
    tiers.emplace(windows.at(0), windows.at(1), std::stod(*factors.begin()), alert.hold,
                  alert.labels.at("severity"));
  }
  return tiers;
}

TEST(Slo, has_the_four_tiers_of_a_period_of_30_days) {
  EXPECT_EQ(shipped_tiers(), (std::set<Tier>{{"1h", "5m", 14.4, "2m", "critical"},
                                             {"6h", "30m", 6, "15m", "critical"},
                                             {"1d", "2h", 3, "1h", "warning"},
                                             {"3d", "6h", 1, "3h", "warning"}}));
}

TEST(Slo, sloths_input_asks_what_the_recording_rules_ask) {
  const YAML::Node slo = YAML::LoadFile(kRules + ".sloth.yml")["slos"][0];
  const auto query = slo["sli"]["raw"]["error_ratio_query"].as<std::string>();
  std::size_t windows = 0;
  for (const RecordingRule& rule : read_rules(kRules + ".rules.yml").recordings) {
    const std::string prefix = "slo:sli_error:ratio_rate";
    const std::string window = rule.name.starts_with(prefix) ? rule.name.substr(prefix.size()) : "";
    if (window.empty() || window == "30d") continue;
    EXPECT_EQ(rule.expr, replaced(query, {{"{{.window}}", window}}));
    EXPECT_EQ(rule.labels, (std::map<std::string, std::string>{{"sloth_id", "rpoguard-rpo"},
                                                               {"sloth_service", "rpoguard"},
                                                               {"sloth_slo", "rpo"},
                                                               {"sloth_window", window}}));
    ++windows;
  }
  EXPECT_EQ(windows, 7U);
}

TEST(Slo, both_specifications_have_the_default_objective) {
  static const std::regex written(R"(objective: ([0-9.]+))");
  std::smatch found;
  const std::string reference =
      read_file(std::string(RPOGUARD_SOURCE_DIR) + "/docs/rpoguard.reference.yml");
  ASSERT_TRUE(std::regex_search(reference, found, written));
  const double percent = std::stod(found[1]);
  EXPECT_EQ(YAML::LoadFile(kRules + ".sloth.yml")["slos"][0]["objective"].as<double>(), percent);
  for (const YAML::Node& document : YAML::LoadAllFromFile(kRules + ".openslo.yml")) {
    if (document["kind"].as<std::string>() != "SLO") continue;
    const YAML::Node objective = document["spec"]["objectives"][0];
    EXPECT_DOUBLE_EQ(objective["target"].as<double>(), percent / 100);
    EXPECT_EQ(document["spec"]["budgetingMethod"].as<std::string>(), "Timeslices");
  }
}

TEST(Slo, openslo_has_the_tiers_and_every_reference_leads_somewhere) {
  std::set<std::pair<std::string, std::string>> defined;  // kind, name
  std::set<std::pair<std::string, std::string>> used;
  std::set<std::tuple<std::string, double, std::string, std::string>> tiers;
  for (const YAML::Node& document : YAML::LoadAllFromFile(kRules + ".openslo.yml")) {
    EXPECT_EQ(document["apiVersion"].as<std::string>(), "openslo/v1");
    const auto kind = document["kind"].as<std::string>();
    const YAML::Node spec = document["spec"];
    defined.emplace(kind, document["metadata"]["name"].as<std::string>());
    if (kind == "SLO") {
      used.emplace("Service", spec["service"].as<std::string>());
      used.emplace("SLI", spec["indicatorRef"].as<std::string>());
      for (const YAML::Node& policy : spec["alertPolicies"])
        used.emplace("AlertPolicy", policy.as<std::string>());
    }
    if (kind != "AlertPolicy") continue;
    used.emplace("AlertNotificationTarget",
                 spec["notificationTargets"][0]["targetRef"].as<std::string>());
    const YAML::Node condition = spec["conditions"][0]["spec"];
    tiers.emplace(condition["condition"]["lookbackWindow"].as<std::string>(),
                  condition["condition"]["threshold"].as<double>(),
                  condition["condition"]["alertAfter"].as<std::string>(),
                  condition["severity"].as<std::string>() == "page" ? "critical" : "warning");
  }
  for (const auto& reference : used)
    EXPECT_TRUE(defined.contains(reference)) << reference.first << " " << reference.second;
  std::set<std::tuple<std::string, double, std::string, std::string>> shipped;
  for (const auto& [longer, shorter, factor, hold, severity] : shipped_tiers())
    shipped.emplace(longer, factor, hold, severity);
  EXPECT_EQ(tiers, shipped);
}

TEST(ScaledRules, shorten_windows_and_holds_and_nothing_else) {
  EXPECT_EQ(scaled_rules("expr: rate(a_total[1h]) > 60\nfor: 2m\ninterval: 30s\n"
                         "record: x:ratio_rate1h\nlabels: {sloth_window: 1h}\n",
                         60),
            "expr: rate(a_total[60s]) > 60\nfor: 2s\ninterval: 1s\n"
            "record: x:ratio_rate1h\nlabels: {sloth_window: 1h}\n");
  EXPECT_EQ(scaled_rules("max_over_time(a[1d:1m] offset 1h)", 60),
            "max_over_time(a[1440s:1s] offset 60s)");
  EXPECT_EQ(scaled_rules("increase(a[10m]) > 0\nfor: 9m\n", 60, 600),
            "increase(a[10s]) > 0\nfor: 9m\n");
  EXPECT_EQ(scaled_holds("increase(a[1h]) > 0\nfor: 1h\nfor: 9m\n", 60, 600),
            "increase(a[1h]) > 0\nfor: 60s\nfor: 9m\n");
  EXPECT_EQ(hasty_rules("interval: 30s\nincrease(a[1d:1m]) > 0\nfor: 1h\nfor: 9s\nfor: 90s\n"),
            "interval: 10s\nincrease(a[1d:10s]) > 0\nfor: 20s\nfor: 9s\nfor: 15s\n");
}

// The page tier with its windows sixty times shorter, in a real Prometheus.
TEST(ScaledRules, a_burning_budget_pages_a_real_alertmanager_and_ends) {
  // A page of metrics whose bad seconds pass at the speed of the clock.
  const TempDir dir;
  write_file(dir / "slo.rules.yml", scaled_rules(read_file(kRules + ".rules.yml"), 60));
  const auto started = std::chrono::steady_clock::now();
  const auto page = [&](double bad) {
    const double total =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return "rpoguard_slo_seconds_total{shard=\"184\"} " + std::to_string(total) +
           "\nrpoguard_slo_bad_seconds_total{shard=\"184\",reason=\"exceeded\"} " +
           std::to_string(bad) +
           "\nrpoguard_slo_bad_seconds_total{shard=\"184\",reason=\"unknown\"} 0\n"
           "rpoguard_slo_objective_ratio{shard=\"184\"} 0.999\n";
  };
  JsonServer exporter(page(0));
  const Alertmanager alertmanager;
  const Prometheus prometheus({.scrape_port = exporter.port(),
                               .rule_files = {dir / "slo.rules.yml"},
                               .alertmanager_port = alertmanager.port()});
  const auto burning = [&] {
    for (Labels& alert : alertmanager.alerts("active")) {
      if (alert["alertname"] == "RPOGuardErrorBudgetBurn" && alert["long"] == "1h") return true;
    }
    return false;
  };
  EXPECT_TRUE(holds_for(10s, [&] {
    exporter.say(page(0));
    return !burning();
  }));
  const auto since = std::chrono::steady_clock::now();
  double bad = 0;
  EXPECT_TRUE(eventually(60s, [&] {
    bad = std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
    exporter.say(page(bad));
    return burning();
  })) << prometheus.log();
  EXPECT_TRUE(eventually(60s, [&] {
    exporter.say(page(bad));
    return !burning();
  }));
}

}  // namespace
}  // namespace rpoguard::test
