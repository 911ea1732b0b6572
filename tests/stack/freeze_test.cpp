// `rpoguard freeze` and `unfreeze` against the running program and real servers.
#include <csignal>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

class FreezeStack : public ::testing::Test {
 protected:
  FreezeStack() {
    config_ = RegionPair::rpoguard_config({&pair_});
    write_file(secrets_ / "token", "sesame\n");
    config_.process = "control: {token_file: " + std::string(secrets_ / "token") + "}";
    rpoguard_ = std::make_unique<Rpoguard>(config_);
    rpoguard_->wait_until_serving();
  }

  CommandResult command(std::vector<std::string> words) const {
    words.insert(words.begin(), RPOGUARD_BINARY);
    words.push_back("--config.file=" + rpoguard_->config_path());
    return run_command({.argv = std::move(words)});
  }
  void wait_until_open() const { ASSERT_TRUE(opens(*rpoguard_)); }
  std::vector<std::string> kinds() const {
    std::vector<std::string> kinds;
    const auto journal = rpoguard_->ops_json("/api/v1/events");
    for (const auto& event : journal.at("events")) kinds.push_back(event.at("data").at("kind"));
    return kinds;
  }
  bool happened(const std::string& kind) const {
    const auto all = kinds();
    return std::find(all.begin(), all.end(), kind) != all.end();
  }

  TempDir secrets_;
  RegionPair pair_;
  RpoguardConfig config_;
  std::unique_ptr<Rpoguard> rpoguard_;
};

TEST_F(FreezeStack, closes_the_gate_before_it_returns_and_survives_sigkill) {
  wait_until_open();
  const auto frozen = command({"freeze", "184", "--reason", "moving it", "--by", "jo"});
  EXPECT_EQ(frozen.exit_code, 0) << frozen.output;
  EXPECT_EQ(rpoguard_->gate_reason("184"), "frozen");
  EXPECT_EQ(rpoguard_->metric("rpoguard_frozen", {{"shard", "184"}}), 1);
  EXPECT_EQ(rpoguard_->ops_json("/api/v1/view").at("shards")[0].at("freeze").at("by"), "jo");
  EXPECT_TRUE(happened("frozen"));
  EXPECT_TRUE(happened("gate_closed"));

  rpoguard_->kill9();
  rpoguard_->start();
  rpoguard_->wait_until_serving();
  EXPECT_TRUE(eventually(20s, [&] {
    return rpoguard_->metric("rpoguard_rpo_exposure_seconds", {{"shard", "184"}}).value_or(99) < 5;
  }));
  EXPECT_EQ(rpoguard_->gate_reason("184"), "frozen");

  const auto unfrozen = command({"unfreeze", "--shard", "184", "--by", "ana"});
  EXPECT_EQ(unfrozen.exit_code, 0) << unfrozen.output;
  wait_until_open();
  EXPECT_TRUE(happened("unfrozen"));
  EXPECT_EQ(rpoguard_->metric("rpoguard_frozen", {{"shard", "184"}}), 0);
}

TEST_F(FreezeStack, with_an_end_opens_by_itself_then) {
  wait_until_open();
  const auto frozen = command({"freeze", "--all", "--reason", "a short one", "--for", "3s"});
  EXPECT_EQ(frozen.exit_code, 0) << frozen.output;
  const auto asked = boottime();
  EXPECT_EQ(rpoguard_->gate_reason("184"), "frozen");
  const auto end = rpoguard_->metric("rpoguard_freeze_ends_timestamp_seconds", {{"shard", "184"}});
  EXPECT_TRUE(end.has_value());
  wait_until_open();
  EXPECT_GE(boottime() - asked, 2s);
  EXPECT_TRUE(happened("unfrozen"));
}

TEST_F(FreezeStack, is_refused_without_the_token) {
  wait_until_open();
  const HttpCall call{.method = "POST", .target = "/-/freeze?shard=184&by=x&reason=x"};
  const auto reply = http_call(rpoguard_->ops_port(), call);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 401);
  EXPECT_TRUE(rpoguard_->gate_open("184"));
  const auto unknown = command({"freeze", "nope", "--reason", "x"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_NE(unknown.output.find("no such shard"), std::string::npos) << unknown.output;
  EXPECT_EQ(command({"freeze", "--reason", "x"}).exit_code, 2);
}

TEST_F(FreezeStack, in_a_damaged_state_file_keeps_rpoguard_from_starting) {
  wait_until_open();
  ASSERT_EQ(command({"freeze", "184", "--reason", "x"}).exit_code, 0);
  rpoguard_->kill9();
  std::ofstream(rpoguard_->state_dir() + "/shards/184.json") << "{\"version\":1,\"freeze\":{}}";
  rpoguard_->start();
  EXPECT_EQ(rpoguard_->ends(20s), 1);
  EXPECT_FALSE(rpoguard_->gate("/gate/184"));
  EXPECT_NE(rpoguard_->log().find("184.json is damaged"), std::string::npos) << rpoguard_->log();
}

}  // namespace
}  // namespace rpoguard::test
