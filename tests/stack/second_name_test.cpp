// One server under two names, and a standby that stands at the writer under a name that nobody
// configured: real servers, 127.0.0.1 and localhost.
#include <gtest/gtest.h>

#include "tests/stack/lost_commits.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

RpoguardConfig config_of(const ShardConfig& shard) {
  RpoguardConfig config = RegionPair::rpoguard_config({});
  config.defaults = "gate: {reopen_after: 500ms}\n";
  config.probe_interval = "500ms";
  config.probe_timeout = "400ms";
  config.shards = {shard};
  return config;
}

nlohmann::json node_of(const Rpoguard& rpoguard, const std::string& name) {
  const auto view = rpoguard.ops_json("/api/v1/view");
  for (const auto& node : view.at("shards").at(0).at("nodes")) {
    if (node.at("name") == name) return node;
  }
  return {};
}

class SecondName : public ::testing::Test {
 protected:
  void start(const ShardConfig& shard) {
    rpoguard_ = std::make_unique<Rpoguard>(config_of(shard));
    rpoguard_->wait_until_serving();
  }
  std::optional<double> second(const std::string& node) const {
    return rpoguard_->metric("rpoguard_node_same_server", {{"shard", "184"}, {"node", node}});
  }

  RegionPair shard_;
  std::unique_ptr<Rpoguard> rpoguard_;
};

// The real copy in phx is cut off and has nothing. Clients obey the gate; then iad is lost.
TEST_F(SecondName, of_a_server_beside_the_writer_lets_nothing_in_that_the_copy_lacks) {
  shard_.cut_wan();
  for (const auto* target : {&shard_.iad_b(), &shard_.iad_a()}) {
    const bool is_writer = target == &shard_.iad_a();
    ShardConfig config = shard_.config();
    config.nodes[2].host = "localhost";
    config.nodes[2].port = target->port();
    start(config);
    const auto load = shard_.gateway(*rpoguard_, 100);
    load->start();
    EXPECT_TRUE(eventually(20s, [&] { return second("phx-a") == 1; })) << rpoguard_->log();
    EXPECT_TRUE(holds_for(2s, [&] { return !rpoguard_->gate_open("184"); }))
        << "open for a copy that is " << target->name();
    EXPECT_EQ(rpoguard_->gate_reason("184"), is_writer ? "split_brain" : "unproven");
    EXPECT_EQ(second("iad-b"), 0);
    const auto node = node_of(*rpoguard_, "phx-a");
    EXPECT_EQ(node.value("same_server_as", ""), target->name()) << node;
    EXPECT_FALSE(node.value("counted", true)) << node;
    const auto status = run_command(
        {.argv = {RPOGUARD_BINARY, "status", "--config.file=" + rpoguard_->config_path()}});
    EXPECT_NE(status.output.find("the same server as " + target->name()), std::string::npos)
        << status.output;
    load->stop();
    const auto acked = load->commits();
    const LostCommits lost = lost_commits(acked, shard_.phx_a().conninfo());
    std::printf("phx-a leads to %s: %zu rows acknowledged, %zu found on the copy in phx\n",
                target->name().c_str(), acked.size(), acked.size() - lost.count);
    EXPECT_EQ(lost.count, 0U);
  }
}

// rpoguard has never reached iad-b by that name. The server says by itself who it is.
TEST_F(SecondName, of_a_server_whose_own_name_never_answered_is_no_remote_copy) {
  demo::Link way({.target_port = shard_.iad_b().port()});
  way.cut();
  ShardConfig config = shard_.config();
  config.nodes[1].port = way.port();
  config.nodes[2].host = "localhost";
  config.nodes[2].port = shard_.iad_b().port();
  start(config);
  EXPECT_TRUE(holds_for(3s, [&] { return !rpoguard_->gate_open("184"); }));
  EXPECT_EQ(second("phx-a"), 1) << rpoguard_->log();
  way.heal();
  EXPECT_TRUE(eventually(20s, [&] { return second("iad-b") == 0; })) << rpoguard_->log();
  EXPECT_TRUE(holds_for(1s, [&] { return !rpoguard_->gate_open("184"); }));
  EXPECT_EQ(node_of(*rpoguard_, "phx-a").value("same_server_as", ""), "iad-b");
}

TEST_F(SecondName, of_a_copy_is_not_a_second_copy) {
  ShardConfig config = shard_.config();
  config.nodes.push_back(
      {.name = "phx-b", .region = "phx", .port = shard_.phx_a().port(), .host = "localhost"});
  config.extra = "copies: 2\n";
  start(config);
  ASSERT_TRUE(eventually(20s, [&] { return second("phx-b") == 1; })) << rpoguard_->log();
  EXPECT_EQ(node_of(*rpoguard_, "phx-b").value("same_server_as", ""), "phx-a");
  EXPECT_TRUE(node_of(*rpoguard_, "phx-a").value("counted", false));
  // While it is restarted, its two names show different starts for a moment.
  shard_.phx_a().restart();
  EXPECT_TRUE(holds_for(3s, [&] { return !rpoguard_->gate_open("184"); }));
  EXPECT_EQ(second("phx-b"), 1);
  config.extra = "copies: 1\n";
  rpoguard_->write_config(config_of(config));
  rpoguard_->sighup();
  EXPECT_TRUE(opens(*rpoguard_));
}

// The node is phx-1, its server calls itself phx-a: primary_conninfo says so.
TEST_F(SecondName, at_the_writer_is_what_the_copy_itself_says) {
  shard_.cluster().set_synchronous("phx-a");
  ShardConfig config = shard_.config();
  config.nodes[2].name = "phx-1";
  RpoguardConfig whole = config_of(config);
  whole.rpo = "0s";
  rpoguard_ = std::make_unique<Rpoguard>(whole);
  ASSERT_TRUE(starts_open(*rpoguard_));
  EXPECT_EQ(node_of(*rpoguard_, "phx-1").at("synchronous"), true);
  EXPECT_EQ(node_of(*rpoguard_, "iad-b").at("synchronous"), false);

  // Nobody stands at the writer under the configured name: whether it waits is not known.
  whole.shards[0].nodes[2].extra = "application_name: somebody";
  rpoguard_->write_config(whole);
  rpoguard_->sighup();
  ASSERT_TRUE(eventually(20s, [&] { return !rpoguard_->gate_open("184"); }));
  EXPECT_TRUE(node_of(*rpoguard_, "phx-1").at("synchronous").is_null());
  EXPECT_EQ(rpoguard_->metric("rpoguard_synchronous_downgraded", {{"shard", "184"}}), std::nullopt);
  EXPECT_NE(rpoguard_->ops_json("/api/v1/view").dump().find("whether commits wait for phx-1"),
            std::string::npos);
}

}  // namespace
}  // namespace rpoguard::test
