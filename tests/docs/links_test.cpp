// Links and anchors of every document lead somewhere, and every page can be found.
#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/docs/markdown.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

namespace fs = std::filesystem;

bool is_address(const std::string& target) {
  return target.starts_with("https://") || target.starts_with("http://");
}

// "docs/hooks.md" and "../README.md#run-it" are "README.md" and "run-it".
struct Place {
  std::string path;
  std::string anchor;
};

Place place_of(const std::string& document, const std::string& target) {
  const std::size_t hash = target.find('#');
  const std::string file = target.substr(0, hash);
  const fs::path path = file.empty() ? fs::path(document) : fs::path(document).parent_path() / file;
  std::string normal = path.lexically_normal();
  if (normal.ends_with('/')) normal.pop_back();
  return {normal, hash == std::string::npos ? std::string() : target.substr(hash + 1)};
}

std::string problem_of(const Place& place) {
  if (!fs::exists(fs::path(RPOGUARD_SOURCE_DIR) / place.path)) return "there is no such file";
  if (place.anchor.empty()) return {};
  if (!place.path.ends_with(".md")) return "an anchor in a file without headings";
  const auto anchors = anchors_of(read_document(place.path).headings);
  return std::ranges::find(anchors, place.anchor) == anchors.end() ? "there is no such heading"
                                                                   : std::string();
}

TEST(Documents, links_and_anchors_lead_somewhere) {
  std::size_t checked = 0;
  for (const std::string& path : documents()) {
    for (const DocumentLink& link : read_document(path).links) {
      if (is_address(link.target)) continue;
      ++checked;
      EXPECT_EQ(problem_of(place_of(path, link.target)), "")
          << path << ":" << link.line << ": " << link.target;
    }
  }
  EXPECT_GT(checked, 50U);
}

TEST(Documents, a_dead_link_and_a_dead_anchor_are_found) {
  EXPECT_EQ(problem_of(place_of("docs/hooks.md", "nowhere.md")), "there is no such file");
  EXPECT_EQ(problem_of(place_of("docs/hooks.md", "#nowhere")), "there is no such heading");
  EXPECT_EQ(problem_of(place_of("docs/hooks.md", "../README.md#the-idea")), "");
  EXPECT_EQ(anchors_of({"## `GET /gate/SHARD`", "## A, b", "### A, b"}),
            (std::vector<std::string>{"get-gateshard", "a-b", "a-b-1"}));
}

TEST(Documents, every_page_is_reached_from_the_index) {
  std::set<std::string> reached;
  for (const DocumentLink& link : read_document("docs/README.md").links)
    reached.insert(place_of("docs/README.md", link.target).path);
  for (const std::string& path : documents()) {
    const bool page = fs::path(path).parent_path() == "docs" && path != "docs/README.md";
    EXPECT_TRUE(!page || reached.contains(path)) << path << " is not in docs/README.md";
  }
}

/// "/exporter/core/judge/gate.hpp" of every file and folder.
std::vector<std::string> paths_of_sources() {
  std::vector<std::string> paths;
  const fs::path root = RPOGUARD_SOURCE_DIR;
  for (const char* folder : {"exporter", "tests", "docs"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder))
      paths.push_back("/" + entry.path().lexically_relative(root).string());
  }
  return paths;
}

/// A file by its path or the end of it, a unit without its suffix, a folder.
bool is_there(const std::string& name, const std::vector<std::string>& paths) {
  const std::string end = "/" + (name.ends_with('/') ? name.substr(0, name.size() - 1) : name);
  return std::ranges::any_of(paths, [&](const std::string& path) {
    return path.ends_with(end) || path.ends_with(end + ".hpp");
  });
}

/// `config/key.hpp` and `judge/`: what stands between backticks and looks like a path.
std::vector<std::string> files_named_in(const std::string& text) {
  static const std::regex file(R"(`([a-z_]+(/[a-z_.]*)+|[a-z_]+\.[ch]pp)`)");
  std::vector<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), file); at != std::sregex_iterator(); ++at)
    names.push_back((*at)[1]);
  return names;
}

TEST(Documents, name_files_of_the_exporter_that_exist) {
  const std::vector<std::string> paths = paths_of_sources();
  EXPECT_FALSE(is_there("core/spec.hpp", paths));
  const std::vector<std::string> named =
      files_named_in(read_file(std::string(RPOGUARD_SOURCE_DIR) + "/exporter/README.md"));
  EXPECT_GT(named.size(), 50U);
  for (const std::string& name : named) EXPECT_TRUE(is_there(name, paths)) << name;
}

}  // namespace
}  // namespace rpoguard::test
