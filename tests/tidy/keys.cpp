// Configuration keys are written once: in the row of their table.
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy/rules.hpp"

namespace rpoguard::tidy {
namespace {

struct Literal {
  std::size_t line = 0;  ///< 1-based
  std::string text;
};

// The string literals of a file. `code` has them blanked out, which shows where they are.
std::vector<Literal> literals_of(const Source& source) {
  std::vector<Literal> found;
  for (std::size_t i = 0; i < source.code.size(); ++i) {
    const std::string& code = source.code[i];
    std::size_t open = code.find('"');
    while (open != std::string::npos) {
      const std::size_t close = code.find('"', open + 1);
      if (close == std::string::npos) break;
      found.push_back({i + 1, source.lines[i].substr(open + 1, close - open - 1)});
      open = code.find('"', close + 1);
    }
  }
  return found;
}

bool is_table(const Source& source) {
  return source.under("exporter/config/table_") && source.path.ends_with(".cpp");
}

// The paths in the rows: those with a dot wherever they stand, the others behind `.path =`.
std::set<std::string> paths_in(const Source& source) {
  static const std::regex dotted(R"([a-z_]+(\[\])?(\.[a-z_]+(\[\])?)+)");
  static const std::regex row(R"re(\.path = "([^"]+)")re");
  std::set<std::string> paths;
  for (const Literal& literal : literals_of(source)) {
    if (std::regex_match(literal.text, dotted)) paths.insert(literal.text);
  }
  for (const std::string& line : source.lines) {
    std::smatch match;
    if (std::regex_search(line, match, row)) paths.insert(match[1]);
  }
  return paths;
}

// As checks used to name it: "gate.mode" for "defaults.gate.mode".
std::string short_name(const std::string& path) {
  static const std::regex group(
      R"(^(defaults\.connect\.|defaults\.|shards\[\]\.nodes\[\]\.|shards\[\]\.|hooks\[\]\.))");
  return std::regex_replace(path, group, "");
}

}  // namespace

Complaints check_keys_written_once(const std::vector<Source>& sources) {
  std::set<std::string> paths;
  for (const Source& source : sources) {
    if (is_table(source)) paths.merge(paths_in(source));
  }
  std::set<std::string> short_names;
  for (const std::string& path : paths) short_names.insert(short_name(path));
  Complaints complaints;
  std::map<std::string, std::size_t> written;
  for (const Source& source : sources) {
    if (!source.is_cpp() || !source.under("exporter/")) continue;
    for (const Literal& literal : literals_of(source)) {
      // One word alone may mean anything outside of config/.
      const bool telling =
          source.under("exporter/config/") || literal.text.find('.') != std::string::npos;
      const bool is_path = paths.contains(literal.text);
      const bool first_in_table = is_path && is_table(source) && ++written[literal.text] == 1;
      if (first_in_table || !telling || (!is_path && !short_names.contains(literal.text))) continue;
      complaints.push_back(source.path + ":" + std::to_string(literal.line) + ": the key \"" +
                           literal.text + "\" has a row in the table: name it by its member");
    }
  }
  return complaints;
}

}  // namespace rpoguard::tidy
