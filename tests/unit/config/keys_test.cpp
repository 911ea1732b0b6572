#include "exporter/config/keys.hpp"

#include <set>
#include <typeinfo>

#include "exporter/config/key.hpp"
#include "exporter/config/value.hpp"

#include "tests/unit/config/key_at.hpp"

namespace rpoguard::config {
namespace {

TEST(ConfigKeys, paths_are_unique) {
  std::set<std::string_view> paths;
  for (const Key& key : all_keys()) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
  }
}

TEST(ConfigKeys, every_key_is_found_by_the_member_that_it_sets) {
  for (const Key& key : all_keys()) {
    const bool of_connect = key.default_text == "(as in connect)";
    EXPECT_EQ(key.sets.path == typeid(void), of_connect) << key.path;
    if (of_connect) continue;
    EXPECT_EQ(&key_of(key.sets.path), &key) << key.path;
  }
  EXPECT_EQ((key_of<&core::ShardSpec::gate, &core::GateSpec::mode>().path), "defaults.gate.mode");
}

TEST(ConfigKeys, what_a_key_derives_is_a_member_of_the_owner_of_its_own) {
  for (const Key& key : all_keys()) {
    if (key.derived.index() == 0) continue;
    EXPECT_TRUE(key.default_text.starts_with('(')) << key.path;
    EXPECT_EQ(key.derived.index(), key.sets.set.index()) << key.path;
  }
}

TEST(ConfigKeys, messages_name_a_key_without_its_group_of_places) {
  EXPECT_EQ(short_name(key_at("state_dir")), "state_dir");
  EXPECT_EQ(short_name(key_at("defaults.gate.mode")), "gate.mode");
  EXPECT_EQ(short_name(key_at("defaults.connect.port")), "port");
  EXPECT_EQ(short_name(key_at("shards[].nodes[].name")), "name");
  EXPECT_EQ(short_name(key_at("hooks[].url")), "url");
}

TEST(ConfigKeys, every_key_has_a_one_line_help_and_says_what_is_allowed) {
  for (const Key& key : all_keys()) {
    EXPECT_FALSE(key.help.empty()) << key.path;
    EXPECT_EQ(key.help.find('\n'), std::string_view::npos) << key.path;
    EXPECT_FALSE(key.help.ends_with('.')) << key.path;
    EXPECT_FALSE(render_allowed(key).empty()) << key.path;
  }
}

TEST(ConfigKeys, a_key_is_required_or_has_a_default_that_is_allowed) {
  for (const Key& key : all_keys()) {
    const bool derived = key.default_text.starts_with('(');
    EXPECT_EQ(default_of(key).has_value(), !key.required && !derived) << key.path;
    EXPECT_TRUE(!key.required || key.default_text.empty()) << key.path;
  }
}

TEST(ConfigKeys, the_bounds_of_a_range_are_in_it_unless_excluded) {
  for (const Key& key : all_keys()) {
    if (key.range.low.empty()) continue;
    const auto accepts = [&key](std::string_view text) {
      return parse_value(key, Node(Node::Kind::plain, {}, std::string(text))).ok();
    };
    EXPECT_EQ(accepts(key.range.low), !key.range.low_excluded) << key.path;
    EXPECT_EQ(accepts(key.range.high), !key.range.high_excluded) << key.path;
    EXPECT_TRUE(key.range.or_word.empty() || accepts(key.range.or_word)) << key.path;
  }
}

template <typename Enum>
void expect_words(std::string_view path, std::initializer_list<Enum> values) {
  std::vector<std::string_view> words;
  for (const Enum value : values) words.emplace_back(core::name_of(value));
  EXPECT_EQ(key_at(path).choices, words) << path;
}

TEST(ConfigKeys, choices_are_spelled_like_the_enums_of_the_core) {
  expect_words("defaults.durability", {core::Durability::flush, core::Durability::replay});
  expect_words("defaults.epoch.source", {core::EpochSource::table, core::EpochSource::timeline,
                                         core::EpochSource::query, core::EpochSource::http});
  expect_words("defaults.archive.source",
               {core::ArchiveSource::postgres, core::ArchiveSource::directory,
                core::ArchiveSource::command});
  expect_words("defaults.archive.format",
               {core::ArchiveFormat::names, core::ArchiveFormat::pgbackrest});
  expect_words("defaults.after_failover",
               {core::AfterFailover::waive, core::AfterFailover::enforce});
  expect_words("hooks[].type", {core::HookType::webhook, core::HookType::command,
                                core::HookType::sql, core::HookType::alertmanager});
  EXPECT_EQ(key_at("hooks[].events").choices.size(), core::kEventKindCount);
  expect_words("defaults.gate.mode",
               {core::GateMode::enforce, core::GateMode::shadow, core::GateMode::off});
}

TEST(ConfigKeys, an_endpoint_has_the_connection_keys_of_a_node) {
  for (const Key& key : all_keys()) {
    constexpr std::string_view kConnect = "defaults.connect.";
    if (!key.path.starts_with(kConnect)) continue;
    const std::string name(key.path.substr(kConnect.size()));
    const Key& same = key_at("defaults.writer_endpoint." + name);
    EXPECT_EQ(same.type, key.type) << name;
    EXPECT_EQ(same.choices, key.choices) << name;
    EXPECT_EQ(same.secret, key.secret) << name;
  }
}

TEST(ConfigKeys, places_go_from_defaults_to_the_node) {
  using Places = std::vector<std::string>;
  EXPECT_EQ(places_of(key_at("state_dir")), Places{"state_dir"});
  EXPECT_EQ(places_of(key_at("defaults.gate.mode")),
            (Places{"defaults.gate.mode", "shards[].gate.mode"}));
  EXPECT_EQ(places_of(key_at("defaults.connect.port")),
            (Places{"defaults.connect.port", "shards[].connect.port",
                    "shards[].nodes[].connect.port", "shards[].nodes[].port"}));
}

}  // namespace
}  // namespace rpoguard::config
