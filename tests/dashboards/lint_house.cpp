// What we ask of our own dashboards beyond the linter: that they speak only of what rpoguard
// exposes, never draw the unknown as a number, fit on the screen, lead somewhere, and need no red
// and green.
#include <algorithm>
#include <map>
#include <regex>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/view.hpp"
#include "exporter/serve/metrics/metric_table.hpp"

#include "tests/dashboards/lint.hpp"
#include "tests/dashboards/promql.hpp"

namespace rpoguard::dashboards {
namespace {

using nlohmann::json;
using Labels = std::set<std::string>;

void complain_of(Complaints& complaints, const std::string& what, const std::string& panel = "",
                 std::optional<std::size_t> target = std::nullopt) {
  complaints.push_back({.panel = panel, .target = target, .what = what});
}

// --- What may be asked for ---

const std::map<std::string, Labels>& known_series() {
  static const std::map<std::string, Labels> known = [] {
    // Of Prometheus itself. The labels of an alert are those of our rules.
    const Labels alert{"job", "instance", "alertname", "severity", "shard", "node"};
    std::map<std::string, Labels> all{{"up", {"job", "instance"}}, {"ALERTS_FOR_STATE", alert}};
    (all["ALERTS"] = alert).insert("alertstate");
    for (const serve::MetricRow& metric : serve::metric_table()) {
      Labels labels{"job", "instance"};
      for (const auto label : metric.labels) {
        if (!label.empty()) labels.emplace(label);
      }
      const std::string name(metric.name);
      if (metric.kind != serve::MetricKind::histogram) {
        all[name] = labels;
      } else {
        all[name + "_sum"] = all[name + "_count"] = labels;
        labels.emplace("le");
        all[name + "_bucket"] = labels;
      }
    }
    return all;
  }();
  return known;
}

template <typename Enum>
Labels words(std::size_t count) {
  Labels all;
  for (std::size_t i = 0; i < count; ++i) all.emplace(name_of(static_cast<Enum>(i)));
  return all;
}

/// Where the values of a label are words of ours.
const std::map<std::string, std::map<std::string, Labels>>& known_values() {
  static const std::map<std::string, std::map<std::string, Labels>> known{
      {"rpoguard_node_state", {{"state", words<core::NodeState>(core::kNodeStateCount)}}},
      {"rpoguard_node_lineage", {{"state", words<core::Lineage>(core::kLineageCount)}}},
      {"rpoguard_gate_reason", {{"reason", words<core::Reason>(core::kReasonCount)}}},
      {"rpoguard_gate_checks_total", {{"decision", {"open", "closed"}}}},
      {"rpoguard_replica_lag_seconds", {{"stage", {"flush", "replay"}}}},
      {"rpoguard_replica_lag_bytes", {{"stage", {"flush", "replay"}}}},
      {"rpoguard_replica_recovery_point_timestamp_seconds", {{"stage", {"flush", "replay"}}}},
      {"rpoguard_slo_bad_seconds_total", {{"reason", {"exceeded", "unknown"}}}},
      {"ALERTS", {{"alertstate", {"firing", "pending"}}}},
  };
  return known;
}

bool value_is_known(const Selector& selector, const Matcher& matcher) {
  const auto metric = known_values().find(selector.metric);
  if (metric == known_values().end() || matcher.op != "=") return true;
  const auto label = metric->second.find(matcher.label);
  return label == metric->second.end() || label->second.contains(matcher.value);
}

/// The labels that the expression may group by; complains of what rpoguard does not expose.
Labels check_series(const Expression& read, const std::string& panel,
                    std::optional<std::size_t> target, Complaints& complaints) {
  Labels usable = read.invented;
  for (const Selector& selector : read.selectors) {
    const auto found = known_series().find(selector.metric);
    if (found == known_series().end()) {
      complain_of(complaints, "no such metric: " + selector.metric, panel, target);
      continue;
    }
    usable.insert(found->second.begin(), found->second.end());
    for (const Matcher& matcher : selector.matchers) {
      const std::string text = selector.metric + "{" + matcher.label + matcher.op + matcher.value;
      if (!found->second.contains(matcher.label))
        complain_of(complaints, "no such label: " + text + "}", panel, target);
      if (!value_is_known(selector, matcher))
        complain_of(complaints, "no such value: " + text + "}", panel, target);
    }
  }
  for (const std::string& label : read.grouping) {
    if (!usable.contains(label)) complain_of(complaints, "groups by " + label, panel, target);
  }
  return usable;
}

void check_legend(const Expression& read, const Panel& panel, const Target& target,
                  Complaints& complaints) {
  static const std::regex kLabel(R"(\{\{\s*(\w+)\s*\}\})");
  const std::string& legend = target.legend;
  for (std::sregex_iterator it(legend.begin(), legend.end(), kLabel); it != std::sregex_iterator();
       ++it) {
    const std::string label = (*it)[1];
    if (!read.grouping.contains(label) && !read.invented.contains(label))
      complain_of(complaints, "a legend without its label: " + legend, panel.title, target.index);
  }
}

void names(const Dashboard& dashboard, const World&, Complaints& complaints) {
  for (const Panel& panel : dashboard.panels) {
    for (const Target& target : panel.targets) {
      const Expression read = read_expression(target.expr);
      check_series(read, panel.title, target.index, complaints);
      check_legend(read, panel, target, complaints);
    }
  }
  for (const json& variable :
       dashboard.json.value("/templating/list"_json_pointer, json::array())) {
    if (const auto series = variable_series(variable))
      check_series(read_expression(*series), "", std::nullopt, complaints);
  }
  for (const json& one : dashboard.json.value("/annotations/list"_json_pointer, json::array())) {
    const Expression read = read_expression(one.value("expr", ""));
    if (!read.problem.empty()) complain_of(complaints, "annotation: " + read.problem);
    check_series(read, "", std::nullopt, complaints);
  }
}

/// What the queries of a panel yield, by the names under which transformations and overrides see
/// it.
Labels fields_of(const Panel& panel) {
  Labels fields{"Time", "Value"};
  for (const json& target : panel.json.value("targets", json::array())) {
    fields.insert("Value #" + target.value("refId", ""));
    fields.insert(target.value("legendFormat", ""));
    const Expression read = read_expression(target.value("expr", ""));
    if (panel.type == "table") fields.insert(read.grouping.begin(), read.grouping.end());
  }
  return fields;
}

/// A column or a line that a panel treats in a way of its own must be there.
void fields(const Dashboard& dashboard, const World&, Complaints& complaints) {
  for (const Panel& panel : dashboard.panels) {
    const Labels asked = fields_of(panel);
    Labels shown = asked;
    for (const json& step : panel.json.value("transformations", json::array())) {
      for (const char* part : {"excludeByName", "indexByName", "renameByName"}) {
        const json columns = step.value("/options"_json_pointer / part, json::object());
        for (const auto& [field, value] : columns.items()) {
          if (!asked.contains(field)) complain_of(complaints, "no field " + field, panel.title);
          if (value.is_string()) shown.insert(value.get<std::string>());
        }
      }
    }
    for (const json& one : panel.json.value("/fieldConfig/overrides"_json_pointer, json::array())) {
      const json matcher = one.value("matcher", json::object());
      if (matcher.value("id", "") == "byName" && !shown.contains(matcher.value("options", "")))
        complain_of(complaints, "an override of nothing: " + matcher.dump(), panel.title);
    }
  }
}

// --- What may be shown ---

/// Hidden is worse than wrong: no data says so, a gap stays a gap, and a single number is of now.
void unknown(const Dashboard& dashboard, const World&, Complaints& complaints) {
  for (const Panel& panel : dashboard.panels) {
    if (panel.targets.empty()) continue;
    const json config = panel.json.value("fieldConfig", json::object());
    if (config.value("/defaults/noValue"_json_pointer, "") != "no data")
      complain_of(complaints, "does not say when there is no data", panel.title);
    const json gaps = config.value("/defaults/custom/spanNulls"_json_pointer, json());
    const bool over_time = panel.type == "timeseries" || panel.type == "state-timeline";
    if (over_time && gaps != false) complain_of(complaints, "draws over gaps", panel.title);
    if (over_time) continue;
    for (const Target& target : panel.targets) {
      if (!target.instant) complain_of(complaints, "may show the past", panel.title, target.index);
    }
  }
}

/// After Okabe and Ito: every pair differs for every kind of colour vision.
const Labels kPalette{"#0072B2", "#56B4E9", "#E69F00", "#F0E442", "#D55E00", "#CC79A7", "#999999"};

void check_colours(const json& value, const std::string& panel, Complaints& complaints) {
  if (value.is_object() && value.contains("color") && value["color"].is_string() &&
      value.size() == 1) {
    complain_of(complaints, "a colour without a text", panel);
  }
  for (const auto& [key, inner] : value.items()) {
    const bool colour = key == "color" || key == "fixedColor" || key == "iconColor";
    if (colour && inner.is_string() && !kPalette.contains(inner.get<std::string>()))
      complain_of(complaints, "not of the palette: " + inner.dump(), panel);
    if (inner.is_structured()) check_colours(inner, panel, complaints);
  }
}

/// No meaning in a colour alone: a line of dynamic colour is told apart by its row in the legend.
void colours(const Dashboard& dashboard, const World&, Complaints& complaints) {
  check_colours(dashboard.json.value("annotations", json::object()), "", complaints);
  for (const Panel& panel : dashboard.panels) {
    check_colours(panel.json.value("fieldConfig", json::object()), panel.title, complaints);
    const std::string legend = panel.json.value("/options/legend/displayMode"_json_pointer, "");
    if (panel.type == "timeseries" && legend != "table")
      complain_of(complaints, "lines without a table of their values", panel.title);
    if (panel.type == "state-timeline" &&
        panel.json.value("/fieldConfig/defaults/mappings"_json_pointer, json::array()).empty())
      complain_of(complaints, "lanes without words", panel.title);
  }
}

/// One lane for each node, drawn by a number: every state needs its own, and a word for it.
void states(const Dashboard& dashboard, const World&, Complaints& complaints) {
  for (const Panel& panel : dashboard.panels) {
    if (panel.title != "Node states") continue;
    Labels asked;
    for (const Target& target : panel.targets) {
      for (const Selector& selector : read_expression(target.expr).selectors)
        if (const Matcher* state = selector.matcher("state")) asked.insert(state->value);
    }
    const json worded =
        panel.json.value("/fieldConfig/defaults/mappings/0/options"_json_pointer, json());
    if (asked != words<core::NodeState>(core::kNodeStateCount) || worded.size() != asked.size())
      complain_of(complaints, "not every state of a node", panel.title);
  }
}

// --- Where it stands and leads ---

void model(const Dashboard& dashboard, const World& world, Complaints& complaints) {
  const json& board = dashboard.json;
  const int version = board.value("schemaVersion", 0);
  if (version < 36 || version > 42) complain_of(complaints, "schemaVersion");
  if (!board.contains("id") || !board["id"].is_null()) complain_of(complaints, "id is not null");
  if (dashboard.uid.empty() || dashboard.uid.size() > 40) complain_of(complaints, "uid");
  if (!dashboard.title.starts_with("RPOGuard / ")) complain_of(complaints, "title");
  if (board.value("tags", json::array()) != json::array({"rpoguard"}))
    complain_of(complaints, "tags");
  if (board.value("graphTooltip", 0) != 1) complain_of(complaints, "graphTooltip");
  if (board.value("timezone", "") != "utc") complain_of(complaints, "timezone: logs are in UTC");
  for (const char* exported : {"__inputs", "__requires", "gnetId"}) {
    if (board.contains(exported)) complain_of(complaints, std::string("an export: ") + exported);
  }
  const auto same = std::count_if(world.dashboards.begin(), world.dashboards.end(),
                                  [&](const Dashboard& o) { return o.uid == dashboard.uid; });
  if (same > 1) complain_of(complaints, "uid is taken");
}

void grid(const Dashboard& dashboard, const World&, Complaints& complaints) {
  std::set<int> ids;
  std::set<std::pair<int, int>> taken;
  for (const Panel& panel : dashboard.panels) {
    if (!ids.insert(panel.json.value("id", 0)).second || *ids.begin() <= 0)
      complain_of(complaints, "id is missing or taken", panel.title);
    const json at = panel.json.value("gridPos", json::object());
    const int x = at.value("x", -1);
    const int y = at.value("y", -1);
    const int width = at.value("w", 0);
    const int height = at.value("h", 0);
    if (x < 0 || y < 0 || width < 1 || height < 1 || x + width > 24) {
      complain_of(complaints, "off the grid", panel.title);
      continue;
    }
    bool free = true;
    for (int cell = 0; cell < width * height; ++cell)
      free = taken.insert({x + cell % width, y + cell / width}).second && free;
    if (!free) complain_of(complaints, "covers another panel", panel.title);
  }
}

void runbooks(const Dashboard& dashboard, const World& world, Complaints& complaints) {
  static const std::regex kAlert(R"(\bRPOGuard[A-Z]\w*)");
  const std::string text = dashboard.json.dump();
  for (std::sregex_iterator it(text.begin(), text.end(), kAlert); it != std::sregex_iterator();
       ++it) {
    if (!world.alerts.contains(it->str())) complain_of(complaints, "no such alert: " + it->str());
  }
}

void links(const Dashboard& dashboard, const World& world, Complaints& complaints) {
  static const std::regex kLink(R"(/d/([\w-]+)\?([^"]*))");
  static const std::regex kSet(R"((?:\$\{|var-)(\w+)[:=])");
  const std::string text = dashboard.json.dump();
  for (std::sregex_iterator it(text.begin(), text.end(), kLink); it != std::sregex_iterator();
       ++it) {
    const auto target =
        std::find_if(world.dashboards.begin(), world.dashboards.end(),
                     [&](const Dashboard& other) { return other.uid == (*it)[1].str(); });
    if (target == world.dashboards.end()) {
      complain_of(complaints, "leads to no dashboard: " + it->str());
      continue;
    }
    const std::string query = (*it)[2];
    for (std::sregex_iterator set(query.begin(), query.end(), kSet); set != std::sregex_iterator();
         ++set) {
      if (target->variable((*set)[1]) == nullptr)
        complain_of(complaints, "sets a variable that is not there: " + set->str());
    }
  }
  const json list = dashboard.json.value("links", json::array());
  if (std::none_of(list.begin(), list.end(), [](const json& link) {
        return link.value("type", "") == "dashboards" &&
               link.value("tags", json::array()) == json::array({"rpoguard"}) &&
               link.value("keepTime", false) && link.value("includeVars", false);
      })) {
    complain_of(complaints, "does not lead to the others");
  }
}

void variables(const Dashboard& dashboard, const World&, Complaints& complaints) {
  static const std::regex kUse(R"(\$\{?(\w+))");
  std::set<std::string> used;
  const std::string text = dashboard.json.dump();
  for (std::sregex_iterator it(text.begin(), text.end(), kUse); it != std::sregex_iterator();
       ++it) {
    const std::string name = (*it)[1];
    used.insert(name);
    if (!name.starts_with("__") && dashboard.variable(name) == nullptr)
      complain_of(complaints, "no such variable: " + name);
  }
  for (const json& variable :
       dashboard.json.value("/templating/list"_json_pointer, json::array())) {
    if (!used.contains(variable.value("name", "")))
      complain_of(complaints, "a variable without use: " + variable.value("name", ""));
  }
}

/// A panel that stands on two dashboards is the same on both.
void twins(const Dashboard& dashboard, const World& world, Complaints& complaints) {
  const auto essence = [](const Panel& panel) {
    json all = panel.json;
    all.erase("id");
    all.erase("gridPos");
    return all;
  };
  for (const Panel& panel : dashboard.panels) {
    if (panel.targets.empty()) continue;
    for (const Dashboard& other : world.dashboards) {
      for (const Panel& twin : other.panels) {
        if (twin.title == panel.title && !twin.targets.empty() && essence(twin) != essence(panel))
          complain_of(complaints, "another panel of this title on " + other.title, panel.title);
      }
    }
  }
}

}  // namespace

const std::vector<NamedRule>& house_rules() {
  static const std::vector<NamedRule> rules{
      {"house-names", names},         {"house-fields", fields},     {"house-unknown", unknown},
      {"house-colours", colours},     {"house-states", states},     {"house-model", model},
      {"house-grid", grid},           {"house-runbooks", runbooks}, {"house-links", links},
      {"house-variables", variables}, {"house-twins", twins},
  };
  return rules;
}

}  // namespace rpoguard::dashboards
