// `rpoguard status` and reloading, against a running rpoguard.
#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

CommandResult status(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv{RPOGUARD_BINARY, "status"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run_command({.argv = argv});
}

TEST(Status, shows_the_cluster_and_says_by_its_exit_code_whether_writes_are_usable) {
  RegionPair shard;
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard));
  const std::string config = "--config.file=" + rpoguard.config_path();

  const CommandResult table = status({config});
  EXPECT_EQ(table.exit_code, 0) << table.output;
  EXPECT_NE(table.output.find("iad-a in iad"), std::string::npos) << table.output;
  EXPECT_EQ(table.output.find('\x1b'), std::string::npos) << "colours, but this is no terminal";

  const CommandResult as_json = status({config, "--json", "--shard", "184"});
  EXPECT_EQ(nlohmann::json::parse(as_json.output).at("shards").at(0).at("shard"), "184");
  EXPECT_EQ(status({config, "--shard", "nosuch"}).exit_code, 2);

  shard.iad_a().kill9();
  EXPECT_TRUE(eventually(10s, [&] { return status({config}).exit_code == 1; }));
  EXPECT_EQ(status({config, "--live"}).exit_code, 0) << "rpoguard itself works all the same";
  EXPECT_NE(status({config}).output.find("closed: no_writer"), std::string::npos);
}

TEST(Status, says_so_when_nobody_answers) {
  const std::string url = "--url=http://127.0.0.1:" + std::to_string(free_port());
  const CommandResult result = status({url});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.output.find("no answer from 127.0.0.1"), std::string::npos) << result.output;
  EXPECT_EQ(status({url, "--live"}).exit_code, 2);
  EXPECT_EQ(status({"--url=nonsense"}).exit_code, 2);
}

// Whoever answers at that address may be anybody, and some texts have come from elsewhere.
TEST(Status, gives_no_orders_of_others_to_the_terminal) {
  auto view = nlohmann::json::parse(
      read_file(std::string(RPOGUARD_SOURCE_DIR) + "/tests/testdata/golden/view.json"));
  for (auto& shard : view.at("shards")) {
    shard["gate"]["reason"] = "frozen";
    shard["gate"]["detail"] =
        "\x1b[2J \xC2\x9B"
        "2J \xE2\x80\xAE turned";
  }
  const JsonServer anybody(view.dump());
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, std::vector<std::string>{"--json"}}) {
    std::vector<std::string> arguments{"--url=" + anybody.url("")};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const std::string output = status(arguments).output;
    EXPECT_NE(output.find("?[2J ?2J ? turned"), std::string::npos) << output;
    for (const char* order : {"\x1b", "\xC2\x9B", "\xE2\x80\xAE"})
      EXPECT_EQ(output.find(order), std::string::npos) << output;
  }
}

TEST(Reload, takes_over_a_good_file_and_keeps_the_old_one_instead_of_a_bad_one) {
  RegionPair shard("184");
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));

  RpoguardConfig bad = config;
  bad.rpo = "soon";
  rpoguard.write_config(bad);
  const auto refused = http_call(rpoguard.ops_port(), {.method = "POST", .target = "/-/reload"});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 500);
  EXPECT_NE(refused->body.find("defaults.rpo"), std::string::npos) << refused->body;
  EXPECT_EQ(rpoguard.metric("rpoguard_config_last_reload_successful"), 0);
  EXPECT_TRUE(rpoguard.gate_open("184"));

  // The same shard under another RPO: what was proven stays proven, so the gate does not close.
  config.rpo = "7s";
  rpoguard.write_config(config);
  rpoguard.sighup();
  EXPECT_TRUE(eventually(10s, [&] {
    return rpoguard.metric("rpoguard_rpo_target_seconds", {{"shard", "184"}}) == 7;
  })) << rpoguard.log();
  EXPECT_EQ(rpoguard.metric("rpoguard_config_last_reload_successful"), 1);
  EXPECT_TRUE(holds_for(3s, [&] { return rpoguard.gate_open("184"); })) << rpoguard.log();
}

}  // namespace
}  // namespace rpoguard::test
