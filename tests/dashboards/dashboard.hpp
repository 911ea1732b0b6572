// The shipped Grafana dashboards as values.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace rpoguard::dashboards {

/// A query of a panel.
struct Target {
  std::size_t index = 0;
  std::string expr;
  std::string legend;
  bool instant = false;
};

struct Panel {
  nlohmann::json json;
  std::string title;
  std::string type;
  std::vector<Target> targets;
};

struct Dashboard {
  nlohmann::json json;
  std::string title;
  std::string uid;
  std::vector<Panel> panels;  ///< rows too, and what lies inside of them

  /// The variable of that name; null when there is none.
  const nlohmann::json* variable(const std::string& name) const;
};

/// The series of a variable that is filled by label_values(series, label); absent for any other
/// query.
std::optional<std::string> variable_series(const nlohmann::json& variable);

/// Nothing is required of the JSON but that it is an object: what is missing reads as empty.
Dashboard read_dashboard(const nlohmann::json& json);

/// Every .json file of the folder, sorted by path. Throws when one cannot be parsed.
std::vector<Dashboard> load_dashboards(const std::filesystem::path& folder);

}  // namespace rpoguard::dashboards
