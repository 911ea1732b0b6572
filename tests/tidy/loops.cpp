// Include loops between units; a unit is a header and its .cpp together.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/tidy/rules.hpp"

namespace rpoguard::tidy {
namespace {

// Which units each unit includes.
using Graph = std::map<std::string, std::set<std::string>>;

std::string unit_of(const std::string& path) {
  return path.substr(0, path.rfind('.'));
}

Graph graph_of(const std::vector<Source>& sources) {
  Graph graph;
  for (const Source& source : sources) {
    if (!source.is_cpp() || !source.under("exporter/")) continue;
    const std::string unit = unit_of(source.path);
    for (const Include& include : source.includes) {
      const std::string other = unit_of(include.name);
      if (include.name.starts_with("exporter/") && other != unit) graph[unit].insert(other);
    }
  }
  return graph;
}

std::set<std::string> reached_from(const std::string& unit, const Graph& graph) {
  std::set<std::string> reached;
  std::vector<std::string> ahead{unit};
  while (!ahead.empty()) {
    const auto found = graph.find(ahead.back());
    ahead.pop_back();
    if (found == graph.end()) continue;
    for (const std::string& next : found->second) {
      if (reached.insert(next).second) ahead.push_back(next);
    }
  }
  return reached;
}

}  // namespace

Complaints check_loops(const std::vector<Source>& sources) {
  const Graph graph = graph_of(sources);
  std::map<std::string, std::set<std::string>> reached;
  for (const auto& [unit, includes] : graph) reached[unit] = reached_from(unit, graph);
  Complaints complaints;
  for (const auto& [unit, includes] : graph) {
    for (const std::string& other : includes) {
      if (!reached[other].contains(unit)) continue;
      complaints.push_back(unit + ".hpp:1: part of an include loop through " + other);
    }
  }
  return complaints;
}

}  // namespace rpoguard::tidy
