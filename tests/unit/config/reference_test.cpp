// The reference file against the key table: the same keys, defaults, words.
#include <fstream>
#include <iterator>
#include <set>

#include "exporter/config/keys.hpp"
#include "exporter/config/load.hpp"
#include "exporter/config/reader.hpp"
#include "exporter/config/settings.hpp"
#include "exporter/config/value.hpp"

namespace rpoguard::config {
namespace {

class ConfigReference : public testing::Test {
 protected:
  static std::string read() {
    std::ifstream file(RPOGUARD_SOURCE_DIR "/docs/rpoguard.reference.yml");
    EXPECT_TRUE(file.is_open());
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static Settings settings() {
    Report report("rpoguard.reference.yml");
    const auto root = read_yaml(read(), report);
    EXPECT_TRUE(root.has_value());
    Settings collected = collect_settings(root.value_or(Node{}), report);
    EXPECT_TRUE(report.empty());
    return collected;
  }
};

TEST_F(ConfigReference, loads) {
  const Loaded loaded = load_text(read(), "rpoguard.reference.yml");
  for (const Diagnostic& diagnostic : loaded.diagnostics) ADD_FAILURE() << render(diagnostic);
  EXPECT_TRUE(loaded.spec.has_value());
}

TEST_F(ConfigReference, has_every_key_of_the_table) {
  std::set<std::string_view> written;
  for (const auto& [path, setting] : settings().by_path) {
    if (setting.key != nullptr) written.insert(setting.key->path);
  }
  for (const Key& key : all_keys()) EXPECT_TRUE(written.contains(key.path)) << key.path;
  EXPECT_EQ(written.size(), all_keys().size());
}

TEST_F(ConfigReference, has_every_key_at_its_default) {
  for (const auto& [path, setting] : settings().by_path) {
    if (setting.key == nullptr) continue;
    const auto value = default_of(*setting.key);
    EXPECT_TRUE(!value || setting.value == value) << path;
  }
}

TEST_F(ConfigReference, means_the_same_as_its_required_keys_alone) {
  const Loaded reference = load_text(read(), "rpoguard.reference.yml");
  const Loaded required = load_text(
      "hooks:\n"
      "  - {name: pager, type: webhook, url: \"https://hooks.example.com/rpoguard\"}\n"
      "shards:\n"
      "  - id: 184\n"
      "    home_region: iad\n"
      "    nodes:\n"
      "      - {name: iad-a, region: iad, host: 10.0.0.1}\n"
      "      - {name: iad-b, region: iad, host: 10.0.0.2}\n"
      "      - {name: phx-a, region: phx, host: 10.1.0.1}\n",
      "required.yml");
  ASSERT_TRUE(reference.spec.has_value());
  EXPECT_TRUE(reference.spec == required.spec);
}

TEST_F(ConfigReference, comments_say_what_the_table_says) {
  const std::string text = read();
  for (const Key& key : all_keys()) {
    const std::string help =
        "# " + std::string(key.help) + (key.reloadable ? "\n" : " (restart)\n");
    std::string allowed = "# allowed: " + render_allowed(key);
    if (key.default_text.starts_with('(')) {
      const std::string_view derived = key.default_text.substr(1, key.default_text.size() - 2);
      allowed += "; default: " + std::string(derived);
    }
    const std::size_t at = text.find(help);
    ASSERT_NE(at, std::string::npos) << key.path << ": " << help;
    const std::size_t next = text.find_first_not_of(' ', at + help.size());
    EXPECT_EQ(text.substr(next, allowed.size() + 1), allowed + "\n") << key.path;
  }
}

}  // namespace
}  // namespace rpoguard::config
