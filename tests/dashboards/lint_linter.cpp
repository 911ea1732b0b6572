// The rules of Grafana's dashboard-linter, by its documentation and its names. Its two rules for
// LogQL are void here: panel-datasource-rule lets no query reach Loki.
#include <algorithm>
#include <array>

#include "tests/dashboards/lint.hpp"
#include "tests/dashboards/promql.hpp"

namespace rpoguard::dashboards {
namespace {

using nlohmann::json;

const std::set<std::string> kWithUnits{"stat",  "singlestat", "graph",
                                       "table", "timeseries", "gauge"};
const std::set<std::string> kWithoutQueries{"row", "text", "news", "dashlist"};

/// Those of Grafana's units that make sense here. More may be added; "si:" prefixes may not.
const std::set<std::string> kUnits{"none",  "string",        "short", "percent", "percentunit",
                                   "bytes", "decbytes",      "Bps",   "binBps",  "s",
                                   "ms",    "dateTimeAsIso", "hertz", "cps",     "ops",
                                   "reqps", "bool",          "hex0x"};

void complain(Complaints& complaints, const std::string& what) {
  complaints.push_back({.what = what});
}
void complain(Complaints& complaints, const Panel& panel, const std::string& what) {
  complaints.push_back({.panel = panel.title, .what = what});
}
void complain(Complaints& complaints, const Panel& panel, const Target& target,
              const std::string& what) {
  complaints.push_back({.panel = panel.title, .target = target.index, .what = what});
}

json variables_of(const Dashboard& dashboard) {
  return dashboard.json.value("/templating/list"_json_pointer, json::array());
}

template <typename Check>
void for_each_selector(const Dashboard& dashboard, Check check) {
  for (const Panel& panel : dashboard.panels) {
    for (const Target& target : panel.targets) {
      for (const Selector& selector : read_expression(target.expr).selectors) {
        check(panel, target, selector);
      }
    }
  }
}

void template_datasource(const Dashboard& dashboard, const World&, Complaints& complaints) {
  std::size_t count = 0;
  for (const json& variable : variables_of(dashboard)) {
    if (variable.value("type", "") != "datasource") continue;
    ++count;
    if (variable.value("name", "") != "datasource") complain(complaints, "not named datasource");
    if (variable.value("label", "") != "Data source")
      complain(complaints, "not labelled Data source");
    if (variable.value("query", "") != "prometheus") complain(complaints, "not of Prometheus");
  }
  if (count != 1) complain(complaints, "needs exactly one variable for the data source");
}

void template_target_label(const Dashboard& dashboard, const std::string& name,
                           Complaints& complaints) {
  const json* variable = dashboard.variable(name);
  if (variable == nullptr) return complain(complaints, "no variable " + name);
  if (variable->value("label", "") != name) complain(complaints, "labelled otherwise");
  if (variable->value("type", "") != "query") complain(complaints, "not filled by a query");
  if (variable->value("/datasource/uid"_json_pointer, "") != "${datasource}")
    complain(complaints, "not of the chosen data source");
  if (!variable->value("multi", false)) complain(complaints, "not several at once");
  if (variable->value("allValue", "") != ".+") complain(complaints, "allValue is not .+");
}

void template_job(const Dashboard& dashboard, const World&, Complaints& complaints) {
  template_target_label(dashboard, "job", complaints);
}
void template_instance(const Dashboard& dashboard, const World&, Complaints& complaints) {
  template_target_label(dashboard, "instance", complaints);
}

void template_label_promql(const Dashboard& dashboard, const World&, Complaints& complaints) {
  for (const json& variable : variables_of(dashboard)) {
    if (variable.value("type", "") != "query") continue;
    const auto series = variable_series(variable);
    if (!series || !read_expression(*series).problem.empty())
      complain(complaints, "no label_values(series, label)");
  }
}

void template_on_time_change_reload(const Dashboard& dashboard, const World&,
                                    Complaints& complaints) {
  for (const json& variable : variables_of(dashboard)) {
    if (variable.value("type", "") == "query" && variable.value("refresh", 0) != 2)
      complain(complaints, variable.value("name", "") + " does not follow the shown time");
  }
}

void panel_datasource(const Dashboard& dashboard, const World&, Complaints& complaints) {
  for (const Panel& panel : dashboard.panels) {
    if (kWithoutQueries.contains(panel.type)) continue;
    const json source = panel.json.value("datasource", json::object());
    if (source != json{{"type", "prometheus"}, {"uid", "${datasource}"}})
      complain(complaints, panel, "not the chosen data source");
    for (const json& target : panel.json.value("targets", json::array())) {
      if (target.contains("datasource") && target["datasource"] != source)
        complain(complaints, panel, "a query with a data source of its own");
    }
  }
}

void panel_title_description(const Dashboard& dashboard, const World&, Complaints& complaints) {
  for (const Panel& panel : dashboard.panels) {
    if (panel.title.empty()) complain(complaints, panel, "no title");
    if (panel.type != "row" && panel.json.value("description", "").empty())
      complain(complaints, panel, "no description");
  }
}

void panel_units(const Dashboard& dashboard, const World&, Complaints& complaints) {
  for (const Panel& panel : dashboard.panels) {
    if (!kWithUnits.contains(panel.type)) continue;
    const std::string unit = panel.json.value("/fieldConfig/defaults/unit"_json_pointer, "");
    if (!kUnits.contains(unit)) complain(complaints, panel, "no such unit: '" + unit + "'");
    for (const json& one : panel.json.value("/fieldConfig/overrides"_json_pointer, json::array())) {
      for (const json& property : one.value("properties", json::array())) {
        if (property.value("id", "") == "unit" && !kUnits.contains(property.value("value", "")))
          complain(complaints, panel, "no such unit: " + property.dump());
      }
    }
  }
}

void panel_no_targets(const Dashboard& dashboard, const World&, Complaints& complaints) {
  for (const Panel& panel : dashboard.panels) {
    if (!kWithoutQueries.contains(panel.type) && panel.targets.empty())
      complain(complaints, panel, "asks nothing");
  }
}

// Prometheus itself parses every query in tests/stack/dashboards_test.cpp.
void target_promql(const Dashboard& dashboard, const World&, Complaints& complaints) {
  for (const Panel& panel : dashboard.panels) {
    for (const Target& target : panel.targets) {
      const Expression read = read_expression(target.expr);
      if (!read.problem.empty()) complain(complaints, panel, target, read.problem);
    }
  }
}

// Stricter than the original, which leaves increase() alone.
void target_rate_interval(const Dashboard& dashboard, const World&, Complaints& complaints) {
  static const std::set<std::string> kRates{"rate", "irate", "increase", "delta", "deriv"};
  for_each_selector(dashboard, [&](const Panel& panel, const Target& target, const Selector& s) {
    if (kRates.contains(s.function) && s.range != "$__rate_interval")
      complain(complaints, panel, target, s.function + " over " + s.range);
  });
}

void target_label(const Dashboard& dashboard, const std::string& label, Complaints& complaints) {
  for_each_selector(dashboard, [&](const Panel& panel, const Target& target, const Selector& s) {
    const Matcher* matcher = s.matcher(label);
    if (matcher == nullptr || matcher->op != "=~" || matcher->value != "$" + label)
      complain(complaints, panel, target, s.metric + " without " + label + "=~\"$" + label + "\"");
  });
}

void target_job(const Dashboard& dashboard, const World&, Complaints& complaints) {
  target_label(dashboard, "job", complaints);
}
void target_instance(const Dashboard& dashboard, const World&, Complaints& complaints) {
  target_label(dashboard, "instance", complaints);
}

void target_counter_agg(const Dashboard& dashboard, const World&, Complaints& complaints) {
  static const std::set<std::string> kRates{"rate", "irate", "increase"};
  for_each_selector(dashboard, [&](const Panel& panel, const Target& target, const Selector& s) {
    if (s.metric.ends_with("_total") && (s.range.empty() || !kRates.contains(s.function)))
      complain(complaints, panel, target, s.metric + " is a counter");
  });
}

void uneditable_dashboard(const Dashboard& dashboard, const World&, Complaints& complaints) {
  if (dashboard.json.value("editable", true)) complain(complaints, "editable");
}

}  // namespace

const std::vector<NamedRule>& linter_rules() {
  static const std::vector<NamedRule> rules{
      {"template-datasource-rule", template_datasource},
      {"template-job-rule", template_job},
      {"template-instance-rule", template_instance},
      {"template-label-promql-rule", template_label_promql},
      {"template-on-time-change-reload", template_on_time_change_reload},
      {"panel-datasource-rule", panel_datasource},
      {"panel-title-description-rule", panel_title_description},
      {"panel-units-rule", panel_units},
      {"panel-no-targets-rule", panel_no_targets},
      {"target-promql-rule", target_promql},
      {"target-rate-interval-rule", target_rate_interval},
      {"target-job-rule", target_job},
      {"target-instance-rule", target_instance},
      {"target-counter-agg-rule", target_counter_agg},
      {"uneditable-dashboard", uneditable_dashboard},
  };
  return rules;
}

}  // namespace rpoguard::dashboards
