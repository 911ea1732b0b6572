// Everything that can be wrong with a node has its own name, in the log, in the metrics and in the
// view, and hurts nobody else.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

struct Fault {
  std::string shard;  ///< also names the case
  NodeConfig node;    ///< as the shard's node in iad
  std::string reason;
};

std::string failure_in_view(const nlohmann::json& view, const std::string& shard) {
  for (const auto& each : view.at("cluster").at("shards")) {
    if (each.at("shard") != shard) continue;
    for (const auto& node : each.at("nodes")) {
      if (node.at("name") == "bad" && !node.at("failure").is_null())
        return node.at("failure").at("reason");
    }
  }
  return "";
}

class Faults : public ::testing::Test {
 protected:
  Faults() {
    Server& writer = healthy_.iad_a();
    writer.exec("create role locked login password 'right'; create role plain login");
    writer.exec("grant pg_monitor to locked");
    writer.require_password("locked");
    write_file(wrong_password_, "wrong\n");
    black_hole_.cut();
    refusing_.refuse();
    const std::uint16_t port = writer.port();
    faults_ = {
        {"blackhole", {.port = black_hole_.port()}, "unreachable"},
        {"refused", {.port = refusing_.port()}, "refused"},
        {"password",
         {.port = port, .extra = "user: locked, password_file: " + wrong_password_},
         "auth_failed"},
        {"nosecret",
         {.port = port, .extra = "user: locked, password_file: /nonexistent/secret"},
         "auth_failed"},
        {"database", {.port = port, .extra = "dbname: nowhere"}, "database_missing"},
        {"privilege", {.port = port, .extra = "user: plain"}, "missing_privilege"},
        {"name", {.port = port, .host = "no-such-host.invalid"}, "dns_failed"},
    };
  }

  RpoguardConfig config() const {
    RpoguardConfig config = RegionPair::rpoguard_config({&healthy_});
    for (const Fault& fault : faults_) {
      NodeConfig bad = fault.node;
      bad.name = "bad";
      bad.region = "iad";
      NodeConfig copy = healthy_.config().nodes.back();
      config.shards.push_back({.id = fault.shard, .nodes = {bad, copy}});
    }
    return config;
  }

  TempDir dir_;
  const std::string wrong_password_ = dir_ / "password";
  RegionPair healthy_{"184"};
  demo::Link black_hole_{demo::LinkOptions{.target_port = healthy_.iad_a().port()}};
  demo::Link refusing_{demo::LinkOptions{.target_port = healthy_.iad_a().port()}};
  std::vector<Fault> faults_;
};

TEST_F(Faults, each_has_its_own_reason_and_hurts_nobody_else) {
  Rpoguard rpoguard(config());
  ASSERT_TRUE(starts_open(rpoguard));
  for (const Fault& fault : faults_) {
    SCOPED_TRACE(fault.shard);
    const Labels labels{{"shard", fault.shard}, {"node", "bad"}, {"reason", fault.reason}};
    EXPECT_TRUE(eventually(
        15s, [&] { return rpoguard.metric("rpoguard_probe_failures_total", labels) > 0; }));
    EXPECT_EQ(failure_in_view(rpoguard.ops_json("/readyz"), fault.shard), fault.reason);
    EXPECT_NE(rpoguard.log().find("shard=" + fault.shard + " node=bad reason=" + fault.reason),
              std::string::npos)
        << rpoguard.log();
    EXPECT_FALSE(rpoguard.gate_open(fault.shard));
    EXPECT_EQ(rpoguard.metric("rpoguard_node_up", {{"shard", fault.shard}, {"node", "bad"}}), 0);
  }
  // Nobody else is hurt: the healthy shard has stayed open, and a scrape is quick while all of this
  // goes on.
  EXPECT_EQ(rpoguard
                .metric("rpoguard_gate_transitions_total",
                        {{"shard", "184"}, {"to", "closed"}, {"reason", "rpo_exceeded"}})
                .value_or(0),
            0);
  const core::Instant asked = boottime();
  ASSERT_TRUE(rpoguard.ops("/metrics"));
  EXPECT_LT(boottime() - asked, 500ms);
  EXPECT_EQ(rpoguard.log().find("wrong\n"), std::string::npos);
}

TEST_F(Faults, a_hung_writer_and_a_stopped_standby_are_named) {
  RegionPair hung("hung");
  Rpoguard rpoguard(RegionPair::rpoguard_config({&healthy_, &hung}));
  ASSERT_TRUE(starts_open(rpoguard));
  ASSERT_TRUE(opens(rpoguard, 20s, "hung"));

  hung.iad_b().stop("fast");
  EXPECT_TRUE(eventually(10s, [&] {
    return rpoguard.metric("rpoguard_probe_failures_total",
                           {{"shard", "hung"}, {"node", "iad-b"}, {"reason", "refused"}}) > 0;
  })) << rpoguard.log();
  EXPECT_TRUE(rpoguard.gate_open("hung"))
      << "a standby in the writer's own region is no counted copy";

  hung.iad_a().sigstop();
  EXPECT_TRUE(eventually(10s, [&] {
    return rpoguard.metric("rpoguard_probe_failures_total",
                           {{"shard", "hung"}, {"node", "iad-a"}, {"reason", "timeout"}}) > 0;
  })) << rpoguard.log();
  EXPECT_TRUE(eventually(10s, [&] { return rpoguard.gate_reason("hung") == "no_writer"; }))
      << rpoguard.log();
  EXPECT_TRUE(rpoguard.gate_open("184"));
  hung.iad_a().sigcont();
  EXPECT_TRUE(opens(rpoguard, 20s, "hung"));
}

}  // namespace
}  // namespace rpoguard::test
