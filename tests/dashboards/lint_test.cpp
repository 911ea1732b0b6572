// The shipped dashboards obey the rules, and each rule can fail.
#include "tests/dashboards/lint.hpp"

#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/dashboards/promql.hpp"
#include "tests/dashboards/shipped.hpp"

namespace rpoguard::dashboards {
namespace {

using nlohmann::json;

json read_json(const std::string& path) {
  std::ifstream in(RPOGUARD_SOURCE_DIR "/" + path);
  return json::parse(in);
}

TEST(Dashboards, obey_every_rule_or_say_why_not) {
  const World world = shipped_world(RPOGUARD_SOURCE_DIR);
  ASSERT_EQ(world.dashboards.size(), 3U);
  ASSERT_GE(world.alerts.size(), 13U);
  Complaints all;
  for (const Dashboard& dashboard : world.dashboards) {
    EXPECT_GT(dashboard.panels.size(), 10U) << dashboard.title;
    const Complaints some = lint(dashboard, world);
    all.insert(all.end(), some.begin(), some.end());
  }
  const Complaints left = without_excluded(all, read_json("dashboards/.lint"));
  EXPECT_TRUE(left.empty()) << listed(left);
}

TEST(Exclusion, needs_a_reason_a_rule_and_something_to_exclude) {
  const Complaints found{{"target-job-rule", "A", "P", 1, "x"},
                         {"target-job-rule", "A", "P", 2, "x"}};
  const auto left = [&](const json& exclusion, const char* rule = "target-job-rule") {
    return without_excluded(found, {{"exclusions", {{rule, exclusion}}}}).size();
  };
  const json panel{{"dashboard", "A"}, {"panel", "P"}};
  json query = panel;
  query["targetIdx"] = "1";
  const json elsewhere{{"dashboard", "B"}, {"panel", "P"}};
  EXPECT_EQ(without_excluded(found, json::object()).size(), 2U);
  EXPECT_EQ(left({{"reason", "why"}, {"entries", json::array({query})}}), 1U);
  EXPECT_EQ(left({{"reason", "why"}, {"entries", json::array({panel})}}), 0U);
  EXPECT_EQ(left({{"entries", json::array({panel})}}), 1U) << "no reason";
  EXPECT_EQ(left({{"reason", "why"}, {"entries", json::array({elsewhere})}}), 3U);
  EXPECT_EQ(left({{"reason", "why"}}, "no-such-rule"), 3U);
}

/// A small dashboard that breaks no rule.
json good() {
  return read_json("tests/testdata/dashboards/good.json");
}

Complaints lint_alone(const json& board) {
  const Dashboard dashboard = read_dashboard(board);
  return lint(dashboard, {{"RPOGuardGateClosed"}, {dashboard}});
}

TEST(Rules, find_nothing_in_a_good_dashboard) {
  EXPECT_EQ(listed(lint_alone(good())), "");
}

/// Each mistake is one value that stands in the good dashboard instead of what belongs there.
TEST(Rules, find_every_mistake_of_the_table_and_all_can_fail) {
  std::set<std::string> failed;
  for (const json& mistake : read_json("tests/testdata/dashboards/mistakes.json")) {
    json board = good();
    board[json::json_pointer(mistake.at("at").get<std::string>())] = mistake.at("instead");
    const Complaints found = lint_alone(board);
    const std::string rule = mistake.at("rule");
    failed.insert(rule);
    EXPECT_TRUE(std::any_of(found.begin(), found.end(),
                            [&](const Complaint& complaint) { return complaint.rule == rule; }))
        << mistake.dump() << "\n"
        << listed(found);
  }
  for (const std::string& rule : rule_names()) EXPECT_TRUE(failed.contains(rule)) << rule;
}

TEST(Rules, notice_a_dashboard_of_the_same_uid_and_a_panel_that_differs_from_its_twin) {
  json other = good();
  other["title"] = "RPOGuard / B";
  other["panels"][0]["description"] = "Something else.";
  const World world{{"RPOGuardGateClosed"}, {read_dashboard(good()), read_dashboard(other)}};
  const Complaints found = lint(world.dashboards.front(), world);
  ASSERT_EQ(found.size(), 2U) << listed(found);
  EXPECT_EQ(found[0].rule, "house-model");
  EXPECT_EQ(found[1].rule, "house-twins");
}

TEST(Promql, is_read_into_selectors_with_function_range_and_labels) {
  const Expression read = read_expression(
      R"(label_replace(sum by (le, a) (increase(x_bucket{b!="},"}[$__range] @ end())), )"
      R"("c", "open", "", "") or 0 * max(y{d="1"}) and on (e) z > 0.5)");
  EXPECT_EQ(read.problem, "");
  ASSERT_EQ(read.selectors.size(), 3U);
  EXPECT_EQ(read.selectors[0].metric, "x_bucket");
  EXPECT_EQ(read.selectors[0].function, "increase");
  EXPECT_EQ(read.selectors[0].range, "$__range");
  ASSERT_NE(read.selectors[0].matcher("b"), nullptr);
  EXPECT_EQ(read.selectors[0].matcher("b")->value, "},");
  EXPECT_EQ(read.selectors[1].function, "max");
  EXPECT_EQ(read.selectors[2].metric, "z");
  EXPECT_EQ(read.grouping, (std::set<std::string>{"le", "a", "e"}));
  EXPECT_EQ(read.invented, std::set<std::string>{"c"});
}

TEST(Promql, that_is_broken_says_so) {
  for (const char* text :
       {"", "sum(x{a=\"b\"}", "x)", "x{a=\"b}", "x{a}", "sum by (a (x)", "x{a=b}", "x[5m"}) {
    EXPECT_NE(read_expression(text).problem, "") << text;
  }
}

}  // namespace
}  // namespace rpoguard::dashboards
