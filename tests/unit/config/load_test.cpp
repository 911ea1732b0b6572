#include "exporter/config/load.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <locale>

#include "exporter/config/diagnostic.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::config {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const fs::path kTestData = fs::path(RPOGUARD_SOURCE_DIR) / "tests/testdata/config";

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kTestData / folder)) {
    if (entry.path().extension() == ".yml") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

std::string render_all(const Loaded& loaded) {
  std::string text;
  for (const Diagnostic& diagnostic : loaded.diagnostics) text += render(diagnostic) + "\n";
  return text;
}

Loaded load_data(const std::string& folder, const std::string& name) {
  const std::string file = name + ".yml";
  return load_text(read(kTestData / folder / file), file);
}

core::Spec load_good(const std::string& name) {
  const Loaded loaded = load_data("good", name);
  EXPECT_TRUE(loaded.spec.has_value()) << render_all(loaded);
  return loaded.spec.value_or(core::Spec{});
}

struct FileNames {
  std::string operator()(const testing::TestParamInfo<std::string>& info) const {
    return info.param;
  }
};

class BadFile : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Config, BadFile, testing::ValuesIn(names_in("bad")), FileNames{});

TEST_P(BadFile, is_refused_with_exactly_these_messages) {
  const Loaded loaded = load_data("bad", GetParam());
  EXPECT_FALSE(loaded.spec.has_value());
  EXPECT_EQ(render_all(loaded), read(kTestData / "bad" / (GetParam() + ".err")));
}

TEST_P(BadFile, has_one_line_messages_in_the_order_of_the_file_without_secrets) {
  const Loaded loaded = load_data("bad", GetParam());
  ASSERT_FALSE(loaded.diagnostics.empty());
  EXPECT_TRUE(std::ranges::is_sorted(loaded.diagnostics, {}, &Diagnostic::line));
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    const std::string text = render(diagnostic);
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_EQ(text.find("hunter"), std::string::npos) << text;
    EXPECT_FALSE(diagnostic.problem.ends_with('.')) << text;
  }
}

class GoodFile : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Config, GoodFile, testing::ValuesIn(names_in("good")), FileNames{});

TEST_P(GoodFile, loads) {
  const Loaded loaded = load_data("good", GetParam());
  EXPECT_TRUE(loaded.spec.has_value());
  EXPECT_EQ(render_all(loaded), "");
}

TEST(ConfigLoad, what_is_not_written_has_the_defaults_of_the_spec) {
  const core::Spec spec = load_good("minimal");
  core::Spec expected;
  core::ShardSpec shard;
  shard.id = "a";
  shard.home_region = "iad";
  shard.allowed_regions = {"iad", "phx"};
  shard.gate.reopen_below = 2500ms;
  for (const auto& [name, region, host] :
       {std::tuple("iad-a", "iad", "10.0.0.1"), std::tuple("phx-a", "phx", "10.1.0.1")}) {
    core::NodeSpec node{.name = name, .region = region, .connect = {}, .application_name = ""};
    node.connect.host = host;
    shard.nodes.push_back(node);
  }
  expected.shards.push_back(shard);
  EXPECT_EQ(spec, expected);
}

TEST(ConfigLoad, the_example_of_the_design_means_what_it_says) {
  const core::Spec spec = load_good("design");
  ASSERT_EQ(spec.shards.size(), 1u);
  const core::ShardSpec& shard = spec.shards[0];
  EXPECT_EQ(shard.id, "184");
  EXPECT_EQ(shard.rto, 10min);
  EXPECT_EQ(shard.slo_objective_percent, 99.9);
  ASSERT_EQ(shard.nodes.size(), 3u);
  for (const core::NodeSpec& node : shard.nodes) {
    EXPECT_EQ(node.connect.dbname, "app");
    EXPECT_EQ(node.connect.password.file, "/run/secrets/pg");
    EXPECT_EQ(node.connect.port, 5432);
  }
  EXPECT_EQ(shard.nodes[2].connect.host, "10.1.0.1");
}

TEST(ConfigLoad, nodes_override_shards_and_shards_override_defaults) {
  const core::Spec spec = load_good("every_level_overrides");
  ASSERT_EQ(spec.shards.size(), 2u);
  EXPECT_EQ(spec.ops, (core::ListenSpec{"::", 0}));
  EXPECT_EQ(spec.gate, (core::ListenSpec{"::", 0}));
  EXPECT_EQ(spec.ops_hosts, std::vector<std::string>{"*.example.com"});
  EXPECT_EQ(spec.probe,
            (core::ProbeSpec{.interval = 250ms, .timeout = 200ms, .slow_interval = 1min}));

  const core::ShardSpec& plain = spec.shards[0];
  EXPECT_EQ(plain.id, "010");
  EXPECT_EQ(plain.rpo, 8s);
  EXPECT_EQ(plain.archive.max_age, core::Duration(2min));
  EXPECT_EQ(plain.gate.mode, core::GateMode::off);
  EXPECT_EQ(plain.gate.reopen_below, 4s);
  EXPECT_EQ(plain.gate.max_lease, 10s);
  const core::ConnectSpec inherited{.host = "a",
                                    .port = 6000,
                                    .dbname = "d0",
                                    .user = "u0",
                                    .password = {.file = "/p0", .env = ""},
                                    .sslmode = "verify-full",
                                    .sslrootcert = "/ca",
                                    .sslcert = "",
                                    .sslkey = ""};
  EXPECT_EQ(plain.nodes[0].connect, inherited);
  core::ConnectSpec nested = inherited;
  nested.host = "::1";
  nested.dbname = "d3";
  nested.user = "u3";
  nested.password = {.file = "", .env = "P3"};
  EXPECT_EQ(plain.nodes[1].connect, nested);
  core::ConnectSpec direct = inherited;
  direct.host = "/run/pg";
  direct.port = 6001;
  direct.password = {};
  direct.sslmode = "disable";
  EXPECT_EQ(plain.nodes[2].connect, direct);
}

TEST(ConfigLoad, every_key_of_defaults_can_be_overridden_in_a_shard) {
  const core::Spec spec = load_good("every_level_overrides");
  ASSERT_EQ(spec.shards.size(), 2u);
  core::ShardSpec shard = spec.shards[1];
  EXPECT_EQ(shard.nodes[0].connect.user, "u2");
  EXPECT_FALSE(shard.nodes[0].durability_target);
  EXPECT_EQ(shard.nodes[1].application_name, "walreceiver b");
  shard.nodes.clear();
  const core::ShardSpec expected{.id = "südost",
                                 .home_region = "iad",
                                 .allowed_regions = {"iad", "phx", "sjc"},
                                 .nodes = {},
                                 .rpo = 0s,
                                 .rto = 90min,
                                 .durability = core::Durability::replay,
                                 .copies = 2,
                                 .epoch_source = core::EpochSource::timeline,
                                 .archive = {},
                                 .after_failover = core::AfterFailover::enforce,
                                 .waive_for = 2h,
                                 .proof_ttl = 500ms,
                                 .slo_objective_percent = 99.95,
                                 .gate = {.mode = core::GateMode::shadow,
                                          .reopen_below = 3s,
                                          .reopen_after = 0s,
                                          .shed_low_priority_at = 1.0,
                                          .max_lease = 3s}};
  EXPECT_EQ(shard, expected);
}

// A gate must stay open from one look to the next, however far apart they are.
TEST(ConfigLoad, a_yes_may_last_for_two_probe_intervals_where_these_are_longer_than_usual) {
  for (const auto& [interval, max_lease] :
       {std::pair("5s", 10000ms), std::pair("5s1ms", 10002ms), std::pair("30s", 60000ms)}) {
    const Loaded loaded = load_text("probe: {interval: " + std::string(interval) +
                                        ", slow_interval: 1m}\n"
                                        "shards:\n"
                                        "  - id: a\n"
                                        "    rpo: 10m\n"
                                        "    home_region: iad\n"
                                        "    nodes:\n"
                                        "      - {name: iad-a, region: iad, host: 10.0.0.1}\n"
                                        "      - {name: phx-a, region: phx, host: 10.1.0.1}\n",
                                    "slow.yml");
    ASSERT_TRUE(loaded.spec.has_value()) << render_all(loaded);
    EXPECT_EQ(loaded.spec->shards[0].gate.max_lease, max_lease) << interval;
  }
}

TEST(ConfigLoad, every_source_of_facts_may_stand_in_defaults) {
  const core::Spec spec = load_good("every_source");
  ASSERT_EQ(spec.shards.size(), 4u);
  EXPECT_EQ(spec.probe.connect_timeout, 10s);
  const core::ShardSpec& shard = spec.shards[0];
  EXPECT_EQ(shard.epoch_source, core::EpochSource::http);
  EXPECT_EQ(shard.epoch_query, "");
  const core::WitnessSpec epoch{
      .url = "https://meta.example.com:8443/v1/shards/s%C3%BCdost%261?view=full",
      .pointer = "/shard/epoch",
      .writer_pointer = "/shard/writer~1region",
      .token_file = "/run/secrets/meta",
      .ca_file = "/etc/ssl/meta.pem",
      .interval = 2s,
      .timeout = 1s,
      .ttl = 10s};
  EXPECT_EQ(shard.epoch_witness, epoch);
  const core::WitnessSpec generation{.url = "http://[fd00::1]/map?shard=s%C3%BCdost%261",
                                     .pointer = "/generation",
                                     .writer_pointer = "",
                                     .token_file = "",
                                     .ca_file = "",
                                     .interval = 2s,
                                     .timeout = 1s,
                                     .ttl = 10s};
  EXPECT_EQ(shard.generation_witness, generation);
  const core::ArchiveSpec archive{
      .max_age = core::Duration(1min),
      .source = core::ArchiveSource::command,
      .directory = "",
      .command = {"/usr/bin/list-wal", "--stanza", "südost&1", "", "s3://wal/südost&1/"},
      .format = core::ArchiveFormat::names,
      .interval = 10s,
      .timeout = 1min,
      .readable_from = {"phx"}};
  EXPECT_EQ(shard.archive, archive);
  core::EndpointSpec endpoint{.connect = {}, .canary = true};
  endpoint.connect.host = "pooler.example.com";
  endpoint.connect.port = 6432;
  endpoint.connect.dbname = "app";
  endpoint.connect.user = "canary";
  endpoint.connect.password = {.file = "", .env = "CANARY"};
  endpoint.connect.sslmode = "require";
  EXPECT_EQ(shard.endpoint, endpoint);
}

TEST(ConfigLoad, a_shard_replaces_every_source_of_facts) {
  const core::Spec spec = load_good("every_source");
  ASSERT_EQ(spec.shards.size(), 4u);
  const core::ShardSpec& shard = spec.shards[1];
  EXPECT_EQ(shard.epoch_source, core::EpochSource::query);
  EXPECT_EQ(shard.epoch_query, "select epoch, region\nfrom fencing.current_writer");
  ASSERT_TRUE(shard.epoch_witness.has_value());  // that of defaults: one more witness
  EXPECT_EQ(shard.epoch_witness->url, "https://meta.example.com:8443/v1/shards/b?view=full");
  EXPECT_EQ(shard.epoch_witness->writer_pointer, "");
  EXPECT_EQ(shard.epoch_witness->ttl, 1500ms);
  const core::WitnessSpec generation{.url = "https://meta.example.com/b",
                                     .pointer = "/1/g",
                                     .writer_pointer = "",
                                     .token_file = "/t",
                                     .ca_file = "/ca",
                                     .interval = 1s,
                                     .timeout = 500ms,
                                     .ttl = 1500ms};
  EXPECT_EQ(shard.generation_witness, generation);
  const core::ArchiveSpec archive{.max_age = std::nullopt,
                                  .source = core::ArchiveSource::directory,
                                  .directory = "/mnt/wal/b",
                                  .command = {},
                                  .format = core::ArchiveFormat::names,
                                  .interval = 2s,
                                  .timeout = 3s,
                                  .readable_from = {"phx", "iad"}};
  EXPECT_EQ(shard.archive, archive);
  const core::EndpointSpec endpoint{.connect = {.host = "/run/pgbouncer",
                                                .port = 6433,
                                                .dbname = "postgres",
                                                .user = "canary",
                                                .password = {.file = "/p1", .env = ""},
                                                .sslmode = "verify-full",
                                                .sslrootcert = "/ca",
                                                .sslcert = "/c",
                                                .sslkey = "/k"},
                                    .canary = false,
                                    .interval = 1s,
                                    .timeout = 900ms,
                                    .ttl = 1900ms};
  EXPECT_EQ(shard.endpoint, endpoint);
}

TEST(ConfigLoad, a_service_fills_what_is_not_written) {
  using Words = std::vector<std::string>;
  const core::ShardSpec shard = load_good("service").shards.at(0);
  const auto service = [&](std::size_t node) { return shard.nodes.at(node).connect.service; };
  EXPECT_EQ(service(0),
            (core::ServiceSource{"a", "/services",
                                 Words{"dbname", "user", "channel_binding", "sslrootcert", "sslkey",
                                       "sslpassword", "password", "passfile"}}));
  EXPECT_EQ(service(1),
            (core::ServiceSource{"b", "/services", Words{"channel_binding", "sslrootcert"}}));
  EXPECT_EQ(service(2), core::ServiceSource{});
  EXPECT_EQ(shard.endpoint->connect.service.name, "a") << "the endpoint inherits it";
  EXPECT_EQ(std::ranges::count(shard.endpoint->connect.service.fills, "password"), 0);
}

TEST(ConfigLoad, a_shard_switches_sources_of_facts_off) {
  const core::Spec spec = load_good("every_source");
  ASSERT_EQ(spec.shards.size(), 4u);
  const core::ShardSpec& off = spec.shards[2];
  EXPECT_EQ(off.epoch_source, core::EpochSource::timeline);
  EXPECT_EQ(off.epoch_witness, std::nullopt);
  EXPECT_EQ(off.generation_witness, std::nullopt);
  EXPECT_EQ(off.endpoint, std::nullopt);
  EXPECT_TRUE(off.archive.command.empty());
  EXPECT_TRUE(off.archive.readable_from.empty());

  const core::ShardSpec& report = spec.shards[3];
  EXPECT_EQ(report.archive.format, core::ArchiveFormat::pgbackrest);
  EXPECT_EQ(report.archive.command.back(), "--stanza=d");
  ASSERT_TRUE(report.epoch_witness && report.endpoint);
  EXPECT_EQ(report.epoch_witness->writer_pointer, "");
  EXPECT_EQ(report.endpoint->connect.password, core::PasswordSource{});
}

TEST(ConfigLoad, quoted_and_block_texts_are_taken_literally) {
  const core::Spec spec = load_good("quoted_and_block_texts");
  EXPECT_EQ(spec.state_dir, "/it's");
  EXPECT_EQ(spec.shards.at(0).id, "A");
  EXPECT_EQ(spec.shards.at(0).nodes.at(0).region, "iad");
}

// As somebody writes them, one node a line.
std::string many_shards(std::size_t count, std::size_t nodes = 2) {
  std::string text = "shards:\n";
  for (std::size_t i = 0; i < count; ++i) {
    text += "  - id: s" + std::to_string(i) + "\n    home_region: iad\n    nodes:\n";
    for (std::size_t node = 0; node < nodes; ++node) {
      const std::string name = (node % 2 == 0 ? "iad-" : "phx-") + std::to_string(node);
      text += "      - {name: " + name + ", region: " + name.substr(0, 3) + ", host: " + name +
              ".postgres.example.com, port: 5432}\n";
    }
  }
  return text;
}

TEST(ConfigLoad, the_greatest_number_of_shards_loads_and_one_more_does_not) {
  const std::size_t most = core::limits::kShardsMax;
  const Loaded loaded = load_text(many_shards(most, core::limits::kNodesPerShardMax), "f.yml");
  ASSERT_TRUE(loaded.spec.has_value()) << render_all(loaded);
  EXPECT_EQ(loaded.spec->shards.size(), most);
  EXPECT_EQ(loaded.spec->shards.back().nodes.size(), core::limits::kNodesPerShardMax);
  EXPECT_EQ(render_all(load_text(many_shards(most + 1), "f.yml")),
            "f.yml:2:3: shards: has 1001 entries (allowed: a list of 1..1000)\n");
}

TEST(ConfigLoad, sizes_beyond_the_limits_are_refused) {
  const std::string large(core::limits::kConfigBytesMax + 1, '#');
  EXPECT_EQ(render_all(load_text(large, "f.yml")),
            "f.yml: the file is larger than 8192000 bytes\n");
  std::string crowded = "[";
  for (std::size_t i = 0; i <= core::limits::kConfigNodesMax; ++i) crowded += "a,";
  EXPECT_EQ(render_all(load_text(crowded + "]", "f.yml")),
            "f.yml:1:1024000: more than 512000 keys and values\n");
}

TEST(ConfigLoad, hostile_nesting_and_aliases_end_in_a_message) {
  const std::string brackets(100'000, '[');
  EXPECT_FALSE(load_text(brackets, "f.yml").diagnostics.empty());
  const std::string braces(100'000, '{');
  EXPECT_FALSE(load_text(braces, "f.yml").diagnostics.empty());
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before +
            "]\n";
  }
  EXPECT_FALSE(load_text(bomb, "f.yml").diagnostics.empty());
}

TEST(ConfigLoad, a_file_that_cannot_be_read_is_one_problem_with_its_reason) {
  const Loaded missing = load_file("/nonexistent/rpoguard.yml");
  EXPECT_FALSE(missing.spec.has_value());
  EXPECT_EQ(render_all(missing),
            "/nonexistent/rpoguard.yml: cannot read /nonexistent/rpoguard.yml: "
            "No such file or directory\n");
  EXPECT_EQ(load_file("/").diagnostics.size(), 1u);
}

TEST(ConfigLoad, messages_of_a_file_name_its_path) {
  const std::string path = (kTestData / "bad/key_no_shards.yml").string();
  const Loaded loaded = load_file(path);
  ASSERT_EQ(loaded.diagnostics.size(), 1u);
  EXPECT_EQ(loaded.diagnostics[0].file, path);
  EXPECT_EQ(loaded.diagnostics[0].line, 1);
  EXPECT_EQ(loaded.diagnostics[0].column, 9);
  EXPECT_EQ(loaded.diagnostics[0].key, "shards");
}

TEST(ConfigLoad, hooks_are_taken_over_key_by_key) {
  const Loaded loaded = load_text(
      "control: {token_file: /run/token}\n"
      "hooks:\n"
      "  - {name: chat, type: webhook, url: \"https://h/x\", secret_file: /s, token_file: /t,\n"
      "     ca_file: /c, events: [split_brain, frozen], timeout: 3s, give_up_after: 1h}\n"
      "  - {name: pool, type: command, command: [/bin/x, \"a b\"]}\n"
      "  - {name: note, type: sql, sql: [select 1, select 2], user: u, password_file: /p, dbname: "
      "d}\n"
      "  - {name: am, type: alertmanager, url: \"http://am:9093\", labels: [\"job=a=b\", "
      "instance=]}\n" +
          many_shards(1),
      "f.yml");
  ASSERT_TRUE(loaded.spec) << render_all(loaded);
  EXPECT_EQ(loaded.spec->control_token_file, "/run/token");
  const auto& hooks = loaded.spec->hooks;
  ASSERT_EQ(hooks.size(), 4u);
  core::HookSpec chat;
  chat.name = "chat";
  chat.url = "https://h/x";
  chat.secret_file = "/s";
  chat.token_file = "/t";
  chat.ca_file = "/c";
  chat.events = {core::EventKind::split_brain, core::EventKind::frozen};
  chat.timeout = std::chrono::seconds(3);
  chat.give_up_after = std::chrono::hours(1);
  EXPECT_EQ(hooks[0], chat);
  EXPECT_EQ(hooks[1].type, core::HookType::command);
  EXPECT_EQ(hooks[1].command, (std::vector<std::string>{"/bin/x", "a b"}));
  EXPECT_EQ(hooks[2].sql, (std::vector<std::string>{"select 1", "select 2"}));
  EXPECT_EQ(hooks[2].user + hooks[2].password_file + hooks[2].dbname, "u/pd");
  EXPECT_EQ(hooks[3].labels,
            (std::map<std::string, std::string>{{"job", "a=b"}, {"instance", ""}}));
}

// Decimal comma and digit groups, as in de_DE, without needing that locale to be installed.
class GermanNumbers : public std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

class GlobalLocale {
 public:
  explicit GlobalLocale(const std::locale& locale) : before_(std::locale::global(locale)) {}
  ~GlobalLocale() { std::locale::global(before_); }
  GlobalLocale(const GlobalLocale&) = delete;
  GlobalLocale& operator=(const GlobalLocale&) = delete;

 private:
  std::locale before_;
};

TEST(ConfigLoad, a_german_locale_changes_nothing) {
  const core::Spec usual = load_good("every_level_overrides");
  const std::string messages = render_all(load_data("bad", "value_numbers"));
  const GlobalLocale german(std::locale(std::locale::classic(), new GermanNumbers));
  EXPECT_EQ(load_good("every_level_overrides"), usual);
  EXPECT_EQ(render_all(load_data("bad", "value_numbers")), messages);
  EXPECT_EQ(load_text(many_shards(core::limits::kShardsMax + 1), "f.yml").diagnostics.at(0).problem,
            "has 1001 entries");
}

}  // namespace
}  // namespace rpoguard::config
