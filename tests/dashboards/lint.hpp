// Rules for the shipped dashboards: those of Grafana's dashboard-linter under their own names, and
// ours under house-*.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/dashboards/dashboard.hpp"

namespace rpoguard::dashboards {

struct Complaint {
  std::string rule{};
  std::string dashboard{};              ///< title
  std::string panel{};                  ///< title; empty when it is about the whole dashboard
  std::optional<std::size_t> target{};  ///< index; absent when it is about more
  std::string what{};
};
using Complaints = std::vector<Complaint>;

/// What a dashboard may speak of.
struct World {
  std::set<std::string> alerts;
  std::vector<Dashboard> dashboards;  ///< all that are shipped together
};

/// Names of all rules.
std::vector<std::string> rule_names();

/// What one dashboard of the world does wrong.
Complaints lint(const Dashboard& dashboard, const World& world);

/// Takes out what the .lint file of the dashboards' folder excludes. Its shape is the
/// dashboard-linter's (YAML; ours is written as JSON, which is YAML too):
/// {"exclusions": {rule: {"reason": "...", "entries": [{"dashboard", "panel"?, "targetIdx"?}]}}}.
/// An exclusion without a reason, of no known rule or of nothing is itself a complaint.
Complaints without_excluded(const Complaints& complaints, const nlohmann::json& exclusions);

/// One line each.
std::string listed(const Complaints& complaints);

// The rules, in two files. Each appends what it finds.
using Rule = void (*)(const Dashboard& dashboard, const World& world, Complaints& complaints);
struct NamedRule {
  const char* name;
  Rule rule;
};
const std::vector<NamedRule>& linter_rules();  ///< lint_linter.cpp
const std::vector<NamedRule>& house_rules();   ///< lint_house.cpp

}  // namespace rpoguard::dashboards
