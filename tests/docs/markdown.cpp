#include "tests/docs/markdown.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = RPOGUARD_SOURCE_DIR;

// In-line code may hold brackets that are no link.
std::string without_code(const std::string& line) {
  static const std::regex code("`[^`]*`");
  return std::regex_replace(line, code, "``");
}

void add_links(const std::string& line, std::size_t number, Document& document) {
  static const std::regex link(R"(\]\(([^)\s]+)\))");
  const std::string prose = without_code(line);
  for (std::sregex_iterator it(prose.begin(), prose.end(), link); it != std::sregex_iterator();
       ++it)
    document.links.push_back({number, (*it)[1]});
}

bool is_fence(const std::string& line) {
  return line.starts_with("```");
}

std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading.substr(heading.find_first_not_of('#') + 1)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ') anchor += '-';
    if (c == '-' || c == '_' || byte >= 0x80 || std::isalnum(byte) != 0)
      anchor += static_cast<char>(std::tolower(byte));
  }
  return anchor;
}

std::size_t level_of(const std::string& line) {
  return line.starts_with('#') ? line.find_first_not_of('#') : 0;
}

}  // namespace

Document read_document(const std::string& path) {
  std::istringstream text(read_file(kRoot / path));
  Document document{.path = path};
  std::size_t number = 0;
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    ++number;
    if (is_fence(line)) {
      inside = !inside;
      if (inside) document.blocks.push_back({path, number, line.substr(3), {}});
    } else if (inside) {
      document.blocks.back().text += line + "\n";
    } else {
      if (level_of(line) > 0) document.headings.push_back(line);
      add_links(line, number, document);
    }
  }
  if (number == 0 || inside) throw std::runtime_error(path + " is empty, or a fence stays open");
  return document;
}

std::vector<std::string> documents() {
  static const std::set<std::string> others = {"build", ".git", ".ci", ".demo", "node_modules"};
  std::vector<std::string> paths;
  for (fs::recursive_directory_iterator it(kRoot), end; it != end; ++it) {
    if (it->is_directory() && others.contains(it->path().filename()))
      it.disable_recursion_pending();
    if (it->path().extension() == ".md") paths.push_back(fs::relative(it->path(), kRoot));
  }
  std::ranges::sort(paths);
  return paths;
}

std::vector<std::string> anchors_of(const std::vector<std::string>& headings) {
  std::map<std::string, std::size_t> seen;
  std::vector<std::string> anchors;
  for (const std::string& heading : headings) {
    const std::string anchor = anchor_of(heading);
    const std::size_t before = seen[anchor]++;
    anchors.push_back(before == 0 ? anchor : anchor + "-" + std::to_string(before));
  }
  return anchors;
}

testing::AssertionResult is_current(const std::string& path, const std::string& name,
                                    const std::string& text) {
  const std::string first = "<!-- generated: " + name + " -->\n";
  const std::string last = "<!-- end of " + name + " -->\n";
  const std::string page = read_file(kRoot / path);
  const std::size_t begin = page.find(first);
  const std::size_t end = page.find(last);
  if (begin == std::string::npos || end == std::string::npos || end < begin)
    return testing::AssertionFailure() << path << " has no part between " << first << last;
  const std::size_t from = begin + first.size();
  if (page.substr(from, end - from) == text) return testing::AssertionSuccess();
  if (std::getenv("RPOGUARD_UPDATE_GOLDEN") != nullptr) {
    write_file(kRoot / path, page.substr(0, from) + text + page.substr(end));
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure()
         << path << ": " << name << " is not current; RPOGUARD_UPDATE_GOLDEN=1 writes it anew";
}

std::string section_of(const std::string& path, const std::string& heading) {
  std::istringstream text(read_file(kRoot / path));
  const std::size_t level = level_of(heading);
  std::string section;
  bool inside = false;
  bool code = false;
  for (std::string line; std::getline(text, line);) {
    if (is_fence(line)) code = !code;
    const std::size_t found = code ? 0 : level_of(line);
    if (inside && found > 0 && found <= level) break;
    if (inside) section += line + "\n";
    inside = inside || line == heading;
  }
  return section;
}

}  // namespace rpoguard::test
