// The dashboards of the repository, and the alerts that its rules define.
#pragma once

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "tests/dashboards/lint.hpp"

namespace rpoguard::dashboards {

inline std::set<std::string> shipped_alerts(const std::filesystem::path& repository) {
  static const std::regex kAlert(R"(^\s*- alert: (\w+)\s*$)");
  std::set<std::string> alerts;
  for (const auto& file : std::filesystem::directory_iterator(repository / "rules")) {
    if (!file.is_regular_file()) continue;
    std::ifstream in(file.path());
    std::smatch match;
    for (std::string line; std::getline(in, line);) {
      if (std::regex_match(line, match, kAlert)) alerts.insert(match[1]);
    }
  }
  return alerts;
}

inline World shipped_world(const std::filesystem::path& repository) {
  return {shipped_alerts(repository), load_dashboards(repository / "dashboards")};
}

}  // namespace rpoguard::dashboards
