#include "tests/dashboards/lint.hpp"

#include <algorithm>

namespace rpoguard::dashboards {
namespace {

using nlohmann::json;

bool covers(const json& entry, const Complaint& complaint) {
  const std::string target = entry.value("targetIdx", "");
  return entry.value("dashboard", "") == complaint.dashboard &&
         entry.value("panel", "") == complaint.panel &&
         (target.empty() || (complaint.target && target == std::to_string(*complaint.target)));
}

std::vector<NamedRule> all_rules() {
  std::vector<NamedRule> rules = linter_rules();
  rules.insert(rules.end(), house_rules().begin(), house_rules().end());
  return rules;
}

}  // namespace

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const NamedRule& rule : all_rules()) names.emplace_back(rule.name);
  return names;
}

Complaints lint(const Dashboard& dashboard, const World& world) {
  Complaints all;
  for (const NamedRule& rule : all_rules()) {
    Complaints some;
    rule.rule(dashboard, world, some);
    for (Complaint& complaint : some) {
      complaint.rule = rule.name;
      complaint.dashboard = dashboard.title;
      all.push_back(complaint);
    }
  }
  return all;
}

Complaints without_excluded(const Complaints& complaints, const json& file) {
  Complaints left = complaints;
  const std::vector<std::string> names = rule_names();
  const json exclusions = file.value("exclusions", json::object());
  for (const auto& [rule, exclusion] : exclusions.items()) {
    const auto complain = [&left, &rule = rule](const std::string& what) {
      left.push_back({.rule = rule, .dashboard = ".lint", .what = what});
    };
    if (std::find(names.begin(), names.end(), rule) == names.end()) complain("no such rule");
    if (exclusion.value("reason", "").empty()) complain("an exclusion without a reason");
    for (const json& entry : exclusion.value("entries", json::array())) {
      const auto erased = std::erase_if(left, [&rule = rule, &entry](const Complaint& complaint) {
        return complaint.rule == rule && covers(entry, complaint);
      });
      if (erased == 0) complain("excludes nothing: " + entry.dump());
    }
  }
  return left;
}

std::string listed(const Complaints& complaints) {
  std::string text;
  for (const Complaint& one : complaints) {
    text += one.rule + ": " + one.dashboard;
    if (!one.panel.empty()) text += " / " + one.panel;
    if (one.target) text += " / query " + std::to_string(*one.target);
    text += ": " + one.what + "\n";
  }
  return text;
}

}  // namespace rpoguard::dashboards
