// `rpoguard waive`, `unwaive` and `lower` against the running program and real servers.
#include <gtest/gtest.h>

#include "tests/stack/guarded_shard.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

class OperatorWord : public ::testing::Test {
 protected:
  Rpoguard& rpoguard() { return *guarded_.rpoguard; }
  RegionPair& shard() { return guarded_.shard; }
  CommandResult command(std::vector<std::string> words) {
    words.insert(words.begin(), RPOGUARD_BINARY);
    words.insert(words.end(), {"--by", "jo", "--config.file=" + rpoguard().config_path()});
    return run_command({.argv = std::move(words)});
  }
  std::string status_table() {
    return run_command(
               {.argv = {RPOGUARD_BINARY, "status", "--config.file=" + rpoguard().config_path()}})
        .output;
  }
  bool happened(const std::string& kind, const std::string& text) {
    const auto journal = rpoguard().ops_json("/api/v1/events");
    for (const auto& event : journal.at("events")) {
      const auto& data = event.at("data");
      if (data.at("kind") == kind &&
          data.at("text").get<std::string>().find(text) != std::string::npos)
        return true;
    }
    return false;
  }
  bool waived() { return rpoguard().metric("rpoguard_rpo_waived", {{"shard", "184"}}) == 1; }
  bool gate_says(const std::string& reason) {
    return eventually(20s, [&] {
      // Something has to be missing on the copy.
      shard().iad_a().exec("insert into load values (1)");
      return rpoguard().gate_reason("184") == reason;
    });
  }

  GuardedShard guarded_;
};

TEST_F(OperatorWord, opens_the_gate_without_a_copy_until_there_is_one) {
  shard().iad_a().exec("create table load (n int)");
  const std::vector<std::string> waive{"waive", "184", "--reason", "phx is gone", "--for", "1h"};
  const CommandResult early = command(waive);
  EXPECT_EQ(early.exit_code, 1) << early.output;
  EXPECT_NE(early.output.find("a copy is proven: there is nothing to waive"), std::string::npos)
      << early.output;
  EXPECT_EQ(command({"waive", "184", "--reason", "x"}).exit_code, 2) << "no waiver is for good";

  shard().cut_wan();
  ASSERT_TRUE(gate_says("rpo_exceeded")) << rpoguard().log();
  const CommandResult done = command(waive);
  EXPECT_EQ(done.exit_code, 0) << done.output;
  EXPECT_NE(done.output.find("by jo: phx is gone"), std::string::npos) << done.output;
  EXPECT_TRUE(rpoguard().gate_open("184")) << "it is open when the command returns";
  EXPECT_EQ(rpoguard().gate("/gate/184")->headers.at("rpoguard-rpo"), "waived");
  EXPECT_TRUE(waived());
  EXPECT_TRUE(rpoguard().metric("rpoguard_waiver_ends_timestamp_seconds", {{"shard", "184"}}));
  EXPECT_TRUE(happened("waiver_granted", "by jo: phx is gone"));
  const auto waiver = rpoguard().ops_json("/api/v1/view").at("shards")[0].at("waiver");
  EXPECT_EQ(waiver.at("by"), "jo");
  EXPECT_NE(status_table().find("waived"), std::string::npos) << status_table();
  EXPECT_NE(status_table().find("by jo: phx is gone"), std::string::npos) << status_table();
  EXPECT_NE(rpoguard().ops("/")->body.find("by jo: phx is gone"), std::string::npos);

  rpoguard().kill9();
  rpoguard().start();
  rpoguard().wait_until_serving();
  EXPECT_TRUE(eventually(20s, [&] { return waived() && rpoguard().gate_open("184"); }))
      << rpoguard().log();

  EXPECT_EQ(command({"unwaive", "184", "--reason", "a mistake"}).exit_code, 0);
  EXPECT_FALSE(rpoguard().gate_open("184"));
  EXPECT_TRUE(happened("waiver_ended", "ended by jo: a mistake"));
  EXPECT_EQ(command({"unwaive", "184"}).exit_code, 1) << "there is none any more";

  EXPECT_EQ(command(waive).exit_code, 0);
  shard().heal_wan();
  EXPECT_TRUE(eventually(20s, [&] { return !waived() && rpoguard().gate_open("184"); }))
      << rpoguard().log();
  EXPECT_TRUE(happened("waiver_ended", "a copy is proven again"));
}

TEST_F(OperatorWord, takes_back_an_epoch_that_was_raised_by_mistake) {
  Server& writer = shard().iad_a();
  const auto set_epoch = [&](const std::string& epoch) {
    writer.exec("update rpoguard.cluster_state set writer_epoch = " + epoch +
                ", promoted_at = 'infinity'");
  };
  const auto detail = [&]() -> std::string {
    return rpoguard().ops_json("/api/v1/view").at("shards")[0].at("gate").at("detail");
  };
  // Beyond all that a promotion can reach: it closes the gate while it stands, and no longer.
  set_epoch("9223372036854775807");
  EXPECT_TRUE(eventually(20s, [&] {
    return detail().find("has epoch 9223372036854775807, which is above all") != std::string::npos;
  })) << detail();
  set_epoch("1");
  EXPECT_TRUE(opens(rpoguard())) << "nothing is remembered of it, and infinity fails no look";

  set_epoch("900");
  EXPECT_TRUE(eventually(20s, [&] {
    return rpoguard().metric("rpoguard_highest_epoch", {{"shard", "184"}}) == 900;
  }));
  const std::vector<std::string> lower{"lower", "184", "--epoch", "1", "--reason", "a slip"};
  const CommandResult early = command(lower);
  EXPECT_EQ(early.exit_code, 1) << early.output;
  EXPECT_NE(early.output.find("shows 900"), std::string::npos) << early.output;
  set_epoch("1");
  EXPECT_TRUE(eventually(20s, [&] { return rpoguard().gate_reason("184") == "stale_epoch"; }));
  EXPECT_TRUE(eventually(20s, [&] { return command(lower).exit_code == 0; }))
      << command(lower).output;
  EXPECT_TRUE(opens(rpoguard())) << detail();
  EXPECT_TRUE(happened("number_lowered",
                       "the highest epoch is 1 and no longer 900, lowered by jo: a slip"));
}

}  // namespace
}  // namespace rpoguard::test
