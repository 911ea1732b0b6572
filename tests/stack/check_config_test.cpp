// The commands that need no running rpoguard, as a user calls them.
#include <gtest/gtest.h>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

constexpr const char* kGood =
    "state_dir: /tmp/x\n"
    "shards:\n"
    "  - id: \"184\"\n"
    "    home_region: iad\n"
    "    nodes:\n"
    "      - {name: iad-a, region: iad, host: 127.0.0.1}\n"
    "      - {name: phx-a, region: phx, host: 127.0.0.2}\n";

class Commands : public ::testing::Test {
 protected:
  CommandResult rpoguard(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), RPOGUARD_BINARY);
    return run_command({.argv = std::move(arguments)});
  }
  std::string file(const std::string& text) const {
    write_file(dir_ / "rpoguard.yml", text);
    return dir_ / "rpoguard.yml";
  }
  TempDir dir_;
};

TEST_F(Commands, check_config_accepts_a_valid_file) {
  const CommandResult result = rpoguard({"check-config", file(kGood)});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_NE(result.output.find("valid, 1 shards, 2 nodes"), std::string::npos) << result.output;
}

TEST_F(Commands, check_config_says_who_counts_and_what_is_rarely_meant) {
  std::string text = kGood;
  const CommandResult good = rpoguard({"check-config", file(text)});
  EXPECT_NE(
      good.output.find("shard 184, with the writer in iad: phx-a counts; iad-a does not: it is "
                       "in the writer's region\n"),
      std::string::npos)
      << good.output;
  EXPECT_EQ(good.output.find("warning"), std::string::npos) << good.output;
  text.replace(text.find("region: phx"), 11, "region: IAD");
  const CommandResult near = rpoguard({"check-config", file(text)});
  EXPECT_EQ(near.exit_code, 0);
  EXPECT_NE(near.output.find("warning: IAD and iad are different regions"), std::string::npos)
      << near.output;
}

TEST_F(Commands, an_unknown_one_is_named_with_the_nearest) {
  const CommandResult slip = rpoguard({"stauts"});
  EXPECT_EQ(slip.exit_code, 2);
  EXPECT_NE(slip.output.find("there is no command \"stauts\"; did you mean \"status\"?"),
            std::string::npos)
      << slip.output;
  const CommandResult far = rpoguard({"xyzzy", "--config.file=x"});
  EXPECT_EQ(far.exit_code, 2);
  EXPECT_NE(far.output.find("there is no command \"xyzzy\"\n"), std::string::npos) << far.output;
  const CommandResult option = rpoguard({"--config.file=x", "serve"});
  EXPECT_EQ(option.exit_code, 2);
  EXPECT_NE(option.output.find("there is no option \"--config.file\" before the command"),
            std::string::npos)
      << option.output;
  for (const char* known : {"--version", "--help", "-h", "--man"})
    EXPECT_EQ(rpoguard({known}).exit_code, 0) << known;
}

TEST_F(Commands, check_config_names_every_problem_with_its_place) {
  const std::string text = std::string(kGood) + "probes: {}\ndefaults: {rpo: 5}\n";
  const CommandResult result = rpoguard({"check-config", file(text)});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find(":8:1: probes: "), std::string::npos) << result.output;
  EXPECT_NE(result.output.find(":9:17: defaults.rpo: "), std::string::npos) << result.output;
}

TEST_F(Commands, check_config_says_who_watches_what) {
  const CommandResult result = rpoguard({"check-config", "--parts=3", file(kGood)});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_NE(result.output.find("part 0/3: 184\npart 1/3: none\npart 2/3: none\n"),
            std::string::npos)
      << result.output;
}

TEST_F(Commands, serve_refuses_a_part_that_is_none) {
  const CommandResult result =
      rpoguard({"serve", "--config.file=" + file(kGood), "--part=rpoguard-1/3"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.output.find("is not INDEX/COUNT"), std::string::npos) << result.output;
}

TEST_F(Commands, serve_refuses_a_bad_file_and_says_why) {
  const CommandResult result = rpoguard({"serve", "--config.file=" + file("shards: []\n")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find("shards"), std::string::npos) << result.output;
}

TEST_F(Commands, wrong_usage_ends_with_2_and_a_hint) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {}, {"serve"}, {"check-config"}, {"nonsense"}, {"status", "--color", "pink"}, {"sql"}}) {
    const CommandResult result = rpoguard(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_NE(result.output.find("--help"), std::string::npos) << result.output;
  }
}

TEST_F(Commands, help_and_version_end_with_0) {
  EXPECT_EQ(rpoguard({"--help"}).exit_code, 0);
  EXPECT_EQ(rpoguard({"serve", "--help"}).exit_code, 0);
  const CommandResult version = rpoguard({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.output.find("rpoguard "), 0U) << version.output;
}

TEST_F(Commands, sql_refuses_a_role_that_would_need_quoting) {
  const CommandResult result =
      rpoguard({"sql", "--home-region", "iad", "--role", "x; drop table y"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.output.find("--role"), std::string::npos) << result.output;
}

TEST_F(Commands, sql_refuses_a_region_that_no_configuration_can_name) {
  for (const std::string& region :
       {std::string(), std::string("a b"), std::string("a\nb"), std::string(64, 'x')}) {
    const CommandResult result = rpoguard({"sql", "--home-region", region});
    EXPECT_EQ(result.exit_code, 2) << region;
    EXPECT_NE(result.output.find("--home-region"), std::string::npos) << result.output;
  }
}

}  // namespace
}  // namespace rpoguard::test
