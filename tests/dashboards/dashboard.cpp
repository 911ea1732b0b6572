#include "tests/dashboards/dashboard.hpp"

#include <algorithm>
#include <fstream>

namespace rpoguard::dashboards {
namespace {

using nlohmann::json;

Panel read_panel(const json& object) {
  Panel panel{object, object.value("title", ""), object.value("type", ""), {}};
  for (const json& target : object.value("targets", json::array())) {
    panel.targets.push_back({panel.targets.size(), target.value("expr", ""),
                             target.value("legendFormat", ""), target.value("instant", false)});
  }
  return panel;
}

void add_panels(const json& list, std::vector<Panel>& panels) {
  for (const json& object : list) {
    panels.push_back(read_panel(object));
    add_panels(object.value("panels", json::array()), panels);
  }
}

}  // namespace

const json* Dashboard::variable(const std::string& name) const {
  const auto templating = json.find("templating");
  if (templating == json.end() || !templating->contains("list")) return nullptr;
  for (const auto& one : (*templating)["list"]) {
    if (one.value("name", "") == name) return &one;
  }
  return nullptr;
}

std::optional<std::string> variable_series(const json& variable) {
  static const std::string kCall = "label_values(";
  const std::string query = variable.value("/query/query"_json_pointer, "");
  const std::size_t comma = query.rfind(',');
  if (!query.starts_with(kCall) || !query.ends_with(")") || comma == std::string::npos)
    return std::nullopt;
  return query.substr(kCall.size(), comma - kCall.size());
}

Dashboard read_dashboard(const json& object) {
  Dashboard dashboard{object, object.value("title", ""), object.value("uid", ""), {}};
  add_panels(object.value("panels", json::array()), dashboard.panels);
  return dashboard;
}

std::vector<Dashboard> load_dashboards(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Dashboard> dashboards;
  for (const auto& file : files) {
    std::ifstream in(file);
    dashboards.push_back(read_dashboard(json::parse(in)));
  }
  return dashboards;
}

}  // namespace rpoguard::dashboards
