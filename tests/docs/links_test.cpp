// Links and anchors of every document lead somewhere, and every page can be found.
#include <algorithm>
#include <filesystem>
#include <set>

#include "tests/docs/markdown.hpp"

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

}  // namespace
}  // namespace rpoguard::test
