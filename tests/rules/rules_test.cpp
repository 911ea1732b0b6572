// The shipped rules: well-formed, complete, on metrics that exist, each with a test and a runbook.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include <gtest/gtest-spi.h>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/view.hpp"
#include "exporter/serve/metrics/metric_table.hpp"

#include "tests/rules/rule_files.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

using Names = std::set<std::string>;

/// What Prometheus adds to every series of a target.
const Names kTargetLabels = {"job", "instance"};
/// What rules and Kubernetes add.
const Names kOtherLabels = {"pod", "sloth_window", "sloth_id", "sloth_service", "sloth_slo"};

std::map<std::string, Names> table_labels() {
  std::map<std::string, Names> labels;
  for (const serve::MetricRow& metric : serve::metric_table()) {
    Names& names = labels[std::string(metric.name)];
    for (const std::string_view label : metric.labels) {
      if (!label.empty()) names.insert(std::string(label));
    }
  }
  return labels;
}

template <typename Enum>
Names words(std::size_t count) {
  Names names;
  for (std::size_t i = 0; i < count; ++i) names.insert(name_of(static_cast<Enum>(i)));
  return names;
}

/// Labels whose values the program chooses.
std::map<std::pair<std::string, std::string>, Names> chosen_values() {
  return {
      {{"rpoguard_node_state", "state"}, words<core::NodeState>(core::kNodeStateCount)},
      {{"rpoguard_node_lineage", "state"}, words<core::Lineage>(core::kLineageCount)},
      {{"rpoguard_gate_reason", "reason"}, words<core::Reason>(core::kReasonCount)},
      {{"rpoguard_probe_failures_total", "reason"},
       words<core::ProbeFailure>(core::kProbeFailureCount)},
      {{"rpoguard_slo_bad_seconds_total", "reason"}, {"exceeded", "unknown"}},
      {{"rpoguard_replica_lag_bytes", "stage"}, {"flush", "replay"}},
      {{"rpoguard_replica_lag_seconds", "stage"}, {"flush", "replay"}},
      {{"rpoguard_node_info", "role_wanted"}, {"home", "copy", "reader"}},
      {{"rpoguard_endpoint_on_writer", "endpoint"}, {"writer"}},
      {{"rpoguard_witness_up", "witness"}, {"epoch", "generation"}},
      {{"rpoguard_gate_checks_total", "decision"}, {"open", "closed"}},
      {{"rpoguard_hook_deliveries_total", "result"}, {"delivered", "failed", "dropped"}},
      {{"rpoguard_web_certificate_expiry_timestamp_seconds", "listener"}, {"ops", "gate"}},
      {{"rpoguard_web_config_reload_failures_total", "listener"}, {"ops", "gate"}},
  };
}

std::vector<std::string> alternatives(const std::string& value) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= value.size();) {
    const std::size_t to = std::min(value.find('|', from), value.size());
    parts.push_back(value.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

/// A selector that could match something rpoguard exports.
void expect_possible(const Selector& selector, const std::string& where) {
  static const auto table = table_labels();
  static const auto values = chosen_values();
  const auto metric = table.find(selector.name);
  ASSERT_NE(metric, table.end()) << where << ": no such metric: " << selector.name;
  for (const auto& [label, value] : selector.matchers) {
    EXPECT_TRUE(metric->second.contains(label) || kTargetLabels.contains(label))
        << where << ": " << selector.name << " has no label " << label;
    const auto allowed = values.find({selector.name, label});
    if (allowed == values.end()) continue;
    for (const std::string& part : alternatives(value)) {
      EXPECT_TRUE(allowed->second.contains(part))
          << where << ": " << selector.name << " never has " << label << "=" << part;
    }
  }
}

bool is_ours(const std::string& file) {
  return !file.ends_with("neighbours.rules.yml");
}

Names labels_that_exist() {
  Names all = kOtherLabels;
  all.insert(kTargetLabels.begin(), kTargetLabels.end());
  for (const auto& [metric, labels] : table_labels()) all.insert(labels.begin(), labels.end());
  return all;
}

TEST(Rules, promtool_accepts_every_rule_file) {
  EXPECT_TRUE(
      accepted_by({"promtool", "check", "rules", "--lint=all", "--lint-fatal"}, rule_files()));
}

class PromtoolTest : public testing::TestWithParam<std::string> {};

TEST_P(PromtoolTest, alerts_fire_stay_silent_and_resolve) {
  EXPECT_TRUE(accepted_by({"promtool", "test", "rules"},
                          {std::string(RPOGUARD_SOURCE_DIR) + "/rules/tests/" + GetParam()}));
}

std::vector<std::string> promtool_test_names() {
  std::vector<std::string> names;
  for (const std::string& file : files_in("rules/tests", ".yml"))
    names.push_back(std::filesystem::path(file).filename());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Files, PromtoolTest, testing::ValuesIn(promtool_test_names()),
                         [](const auto& test) {
                           return test.param.substr(0, test.param.find('.'));
                         });

TEST(Rules, every_alert_has_a_hold_a_severity_and_its_texts) {
  static const Names severities = {"critical", "warning", "none"};
  const RuleSet rules = shipped_rules();
  EXPECT_GE(rules.alerts.size(), 40U);
  for (const AlertRule& alert : rules.alerts) {
    EXPECT_TRUE(alert.name.starts_with("RPOGuard")) << alert.name;
    EXPECT_NE(alert.hold, "") << alert.name << ": one look would be enough to fire";
    EXPECT_TRUE(severities.contains(alert.labels.at("severity"))) << alert.name;
    const std::string summary = alert.annotations.at("summary");
    EXPECT_TRUE(summary.ends_with('.')) << alert.name << ": " << summary;
    EXPECT_TRUE(alert.annotations.at("description").ends_with('.')) << alert.name;
    EXPECT_EQ(alert.annotations.at("runbook_url"), "rules/runbooks/" + alert.name + ".md");
  }
}

// A label with the value in it makes a new alert of every evaluation, and "for" never passes.
TEST(Rules, labels_of_alerts_are_constant) {
  for (const AlertRule& alert : shipped_rules().alerts) {
    for (const auto& [label, value] : alert.labels)
      EXPECT_EQ(value.find("{{"), std::string::npos) << alert.name << ": " << label;
  }
}

TEST(Rules, select_only_what_rpoguard_exports) {
  const Names known = labels_that_exist();
  std::size_t selectors = 0;
  const auto check = [&](const std::string& name, const std::string& expr) {
    for (const Selector& selector : rpoguard_selectors(expr)) {
      expect_possible(selector, name);
      ++selectors;
    }
    for (const std::string& label : grouping_labels(expr))
      EXPECT_TRUE(known.contains(label)) << name << " groups by " << label;
  };
  for (const AlertRule& alert : shipped_rules().alerts) {
    if (is_ours(alert.file)) check(alert.name, alert.expr);
  }
  for (const RecordingRule& record : shipped_rules().recordings) check(record.name, record.expr);
  EXPECT_GE(selectors, 60U);
}

TEST(Rules, texts_of_alerts_use_only_labels_and_metrics_that_exist) {
  static const std::regex label(R"(\$labels\.([a-z_]+))");
  const Names known = labels_that_exist();
  for (const AlertRule& alert : shipped_rules().alerts) {
    if (!is_ours(alert.file)) continue;
    for (const auto& [name, text] : alert.annotations) {
      for (std::sregex_iterator it(text.begin(), text.end(), label); it != std::sregex_iterator();
           ++it) {
        EXPECT_TRUE(known.contains((*it)[1])) << alert.name << ": " << it->str();
      }
      for (const Selector& selector : rpoguard_selectors(text)) {
        EXPECT_TRUE(table_labels().contains(selector.name)) << alert.name << ": " << selector.name;
      }
    }
  }
}

TEST(Rules, selectors_that_cannot_match_are_noticed) {
  const auto failures = [](const std::string& expr) {
    testing::TestPartResultArray results;
    {
      const testing::ScopedFakeTestPartResultReporter reporter(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
      for (const Selector& selector : rpoguard_selectors(expr)) expect_possible(selector, "x");
    }
    return results.size();
  };
  EXPECT_EQ(failures("rpoguard_node_state{state=~\"writer|split_brain\"} == 1"), 0);
  EXPECT_EQ(failures("rpoguard_node_state{state=~\"writer|splitbrain\"} == 1"), 1);
  EXPECT_EQ(failures("rpoguard_node_state{region=\"iad\"} == 1"), 1);
  EXPECT_EQ(failures("rpoguard_gate_closed == 1"), 1);
  EXPECT_EQ(grouping_labels("sum by (job, shard) (a) / on (node) group_left (region) b"),
            (Names{"job", "shard", "node", "region"}));
}

// A test on series that rpoguard never exports proves nothing.
TEST(Rules, promtool_tests_feed_series_as_rpoguard_exports_them) {
  const auto table = table_labels();
  std::size_t series = 0;
  for (const PromtoolCase& test : promtool_cases()) {
    for (const std::string& text : test.series) {
      const std::vector<Selector> parsed = rpoguard_selectors(text);
      if (parsed.empty()) continue;
      ASSERT_EQ(parsed.size(), 1U) << text;
      expect_possible(parsed.front(), test.file);
      Names given;
      for (const auto& [label, value] : parsed.front().matchers) given.insert(label);
      Names wanted = table.at(parsed.front().name);
      wanted.insert(kTargetLabels.begin(), kTargetLabels.end());
      EXPECT_EQ(given, wanted) << test.file << ": " << text;
      ++series;
    }
  }
  EXPECT_GE(series, 90U);
}

/// Does the case show the rule silent, then firing, then silent again?
bool proves(const PromtoolCase& test, const AlertRule& alert, bool resolves) {
  int stage = 0;  // 1: was silent, 2: fired, 3: silent again
  std::vector<AlertQuestion> questions = test.questions;
  std::stable_sort(
      questions.begin(), questions.end(),
      [](const AlertQuestion& a, const AlertQuestion& b) { return a.at_seconds < b.at_seconds; });
  for (const AlertQuestion& question : questions) {
    if (question.alert != alert.name) continue;
    const bool fires =
        std::any_of(question.firing.begin(), question.firing.end(), [&](const auto& labels) {
          return std::all_of(alert.labels.begin(), alert.labels.end(), [&](const auto& label) {
            const auto found = labels.find(label.first);
            return found != labels.end() && found->second == label.second;
          });
        });
    if (stage == 0 && !fires) stage = 1;
    if (stage == 1 && fires) stage = 2;
    if (stage == 2 && !fires) stage = 3;
  }
  return stage == 3 || (stage == 2 && !resolves);
}

TEST(Rules, every_alert_is_seen_silent_firing_and_resolved_in_one_promtool_case) {
  const std::vector<PromtoolCase> cases = promtool_cases();
  for (const AlertRule& alert : shipped_rules().alerts) {
    const bool resolves = alert.name != "RPOGuardWatchdog";
    EXPECT_TRUE(std::any_of(cases.begin(), cases.end(),
                            [&](const auto& test) { return proves(test, alert, resolves); }))
        << alert.name << " " << alert.labels.at("severity") << " for " << alert.hold;
  }
}

TEST(Rules, promtool_tests_ask_for_alerts_that_exist) {
  Names alerts;
  for (const AlertRule& alert : shipped_rules().alerts) alerts.insert(alert.name);
  for (const PromtoolCase& test : promtool_cases()) {
    for (const AlertQuestion& question : test.questions)
      EXPECT_TRUE(alerts.contains(question.alert)) << test.file << ": " << question.alert;
  }
}

}  // namespace
}  // namespace rpoguard::test
