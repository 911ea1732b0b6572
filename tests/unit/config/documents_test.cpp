// The YAML in the documents for users loads as it stands there.
#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "exporter/config/load.hpp"

namespace rpoguard::config {
namespace {

// What the first example of the README names; fragments without shards are tried with it.
constexpr std::string_view kShards =
    "shards:\n"
    "  - id: \"184\"\n"
    "    home_region: iad\n"
    "    nodes:\n"
    "      - {name: iad-a, region: iad, host: 10.0.0.1}\n"
    "      - {name: phx-a, region: phx, host: 10.1.0.1}\n";

struct Block {
  std::string name;  ///< "README.md:83"
  std::string text;
};

std::vector<Block> yaml_blocks(const std::string& document) {
  std::ifstream file(std::string(RPOGUARD_SOURCE_DIR "/") + document);
  EXPECT_TRUE(file.is_open()) << document;
  std::vector<Block> blocks;
  bool inside = false;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back().text += line + "\n";
    } else if (line == "```yaml") {
      inside = true;
      blocks.push_back({document + ":" + std::to_string(number), ""});
    }
  }
  EXPECT_FALSE(inside) << document << ": a block is not closed";
  return blocks;
}

Loaded load_block(const Block& block) {
  const bool whole = ("\n" + block.text).find("\nshards:") != std::string::npos;
  return load_text(whole ? block.text : block.text + std::string(kShards), block.name);
}

void expect_all_load(const std::string& document, std::size_t least) {
  const auto blocks = yaml_blocks(document);
  EXPECT_GE(blocks.size(), least) << document;
  for (const Block& block : blocks) {
    const Loaded loaded = load_block(block);
    EXPECT_TRUE(loaded.spec.has_value()) << block.text;
    for (const Diagnostic& diagnostic : loaded.diagnostics) ADD_FAILURE() << render(diagnostic);
  }
}

TEST(ConfigDocuments, examples_of_the_readme_load) {
  expect_all_load("README.md", 5);
}

TEST(ConfigDocuments, examples_of_the_recovery_point_load) {
  expect_all_load("docs/recovery-point.md", 1);
  expect_all_load("docs/hooks.md", 1);
  expect_all_load("docs/postgresql.md", 2);
}

TEST(ConfigDocuments, a_wrong_example_would_be_found) {
  EXPECT_FALSE(load_block({"f", "defaults: {rpo: 5}\n"}).spec.has_value());
  EXPECT_TRUE(load_block({"f", "defaults: {rpo: 5s}\n"}).spec.has_value());
}

}  // namespace
}  // namespace rpoguard::config
