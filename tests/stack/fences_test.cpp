// For how long a yes binds, and whom: on the running program with real servers, by every way there
// is to ask.
#include "demo/tools/net.hpp"
#include <gtest/gtest.h>

#include "exporter/serve/lease/rpoguard_lease.h"

#include "tests/stack/gate_callers.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

class Fences : public ::testing::Test {
 protected:
  RpoguardConfig config() const {
    RpoguardConfig config = RegionPair::rpoguard_config({&shard_});
    config.process = "lease: {path: " + lease_path() + "}\n";
    config.agent = "127.0.0.1:" + std::to_string(agent_port_);
    return config;
  }
  std::string lease_path() const { return dir_ / "lease"; }

  RegionPair shard_;
  TempDir dir_;
  std::uint16_t agent_port_ = free_port();
};

class MaxLease : public Fences {
 protected:
  /// What is proven lasts for a minute.
  RpoguardConfig patient(const std::string& gate) const {
    RpoguardConfig config = Fences::config();
    config.rpo = "60s";
    config.probe_interval = "300ms";
    config.probe_timeout = "250ms";
    config.defaults = gate;
    return config;
  }
  static std::chrono::milliseconds told(const Rpoguard& rpoguard) {
    const auto reply = rpoguard.gate("/gate/184");
    if (!reply) return {};
    return std::chrono::milliseconds(std::stoll(reply->headers.at("rpoguard-open-for-ms")));
  }
  static CommandResult command(const Rpoguard& rpoguard, std::vector<std::string> words) {
    words.insert(words.begin(), RPOGUARD_BINARY);
    words.push_back("--config.file=" + rpoguard.config_path());
    return run_command({.argv = std::move(words)});
  }
};

TEST_F(MaxLease, ends_every_yes_from_before_a_freeze_and_those_of_a_killed_rpoguard) {
  Rpoguard rpoguard(patient(""));
  ASSERT_TRUE(starts_open(rpoguard));
  EXPECT_LE(told(rpoguard), 10s) << "the default, whatever the RPO";
  EXPECT_GT(told(rpoguard), 5s);
  rpoguard.write_config(patient("gate: {max_lease: 1s}\n"));
  rpoguard.sighup();
  ASSERT_TRUE(eventually(10s, [&] { return told(rpoguard) <= 1s; })) << rpoguard.log();

  const GateCallers callers(rpoguard.gate_port(), agent_port_, lease_path());
  ASSERT_TRUE(eventually(20s, [&] { return callers.all_open(); })) << rpoguard.log();
  const CommandResult frozen = command(rpoguard, {"freeze", "184", "--reason", "moving it"});
  const core::Instant in_force = boottime();
  EXPECT_EQ(frozen.exit_code, 0) << frozen.output;
  EXPECT_TRUE(eventually(5s, [&] { return callers.all_closed(); }));
  for (std::size_t way = 0; way < kGateWays.size(); ++way)
    EXPECT_LE(callers.relied_until(way), in_force + 1s) << kGateWays.at(way);
  std::printf("freeze: a yes from before it was good for %s s after it\n",
              render_seconds(callers.relied_until(kHttpWay) - in_force).c_str());

  EXPECT_EQ(command(rpoguard, {"unfreeze", "184"}).exit_code, 0);
  ASSERT_TRUE(eventually(20s, [&] { return callers.all_open(); })) << rpoguard.log();
  rpoguard.kill9();
  const core::Instant killed = boottime();
  EXPECT_TRUE(eventually(30s, [&] { return callers.all_closed(); }));
  for (std::size_t way = 0; way < kGateWays.size(); ++way)
    EXPECT_LE(callers.relied_until(way), killed + 1s) << kGateWays.at(way);
}

/// A caller that holds connections to one writer, and says so.
struct Holder {
  std::int64_t epoch;
  std::int64_t timeline;
  std::string writer;
};

class History : public Fences {
 protected:
  static std::string query(const Holder& holder) {
    return "184?epoch=" + std::to_string(holder.epoch) +
           "&timeline=" + std::to_string(holder.timeline) + "&writer=" + holder.writer;
  }
  /// "open", or why not.
  static std::string by_http(const Rpoguard& rpoguard, const Holder& holder) {
    const auto reply = rpoguard.gate("/gate/" + query(holder));
    if (!reply) return "no answer";
    return reply->status == 200 ? "open" : reply->headers.at("rpoguard-reason");
  }
  static int by_headers(const Rpoguard& rpoguard, const Holder& holder) {
    const HttpCall call{.method = "POST",
                        .target = "/authz/184/orders",
                        .headers = {{"Rpoguard-Epoch", std::to_string(holder.epoch)},
                                    {"Rpoguard-Timeline", std::to_string(holder.timeline)},
                                    {"Rpoguard-Writer", holder.writer}}};
    const auto reply = http_call(rpoguard.gate_port(), call);
    return reply ? reply->status : 0;
  }
  std::string by_agent(const Holder& holder) const {
    const core::Instant deadline = boottime() + 2s;
    const demo::Fd agent = demo::connect_tcp({.port = agent_port_}, deadline);
    std::string answer;
    if (!agent || !demo::send_all(agent, query(holder) + "\n", deadline)) return "no answer";
    while (!answer.ends_with('\n') && demo::receive_some(agent, answer, deadline)) {
    }
    return answer;
  }
  bool by_lease_page(const Holder& holder) const {
    rpoguard_lease_page page{};
    if (rpoguard_lease_map(&page, lease_path().c_str()) != 0) return false;
    rpoguard_lease_caller caller = RPOGUARD_LEASE_CALLER_INIT;
    caller.epoch = holder.epoch;
    caller.timeline = holder.timeline;
    caller.writer = holder.writer.c_str();
    const int open = rpoguard_lease_open_to(rpoguard_lease_find(&page, "184"), &caller);
    rpoguard_lease_unmap(&page);
    return open != 0;
  }
  void everywhere_open(const Rpoguard& rpoguard, const Holder& holder) const {
    EXPECT_EQ(by_http(rpoguard, holder), "open");
    EXPECT_EQ(by_headers(rpoguard, holder), 200);
    EXPECT_EQ(by_agent(holder), "up\n");
    EXPECT_TRUE(by_lease_page(holder));
  }
  void everywhere_refused(const Rpoguard& rpoguard, const Holder& holder) const {
    EXPECT_EQ(by_http(rpoguard, holder), "stale_epoch");
    EXPECT_EQ(by_headers(rpoguard, holder), 403);
    EXPECT_EQ(by_agent(holder), "down #stale_epoch\n");
    EXPECT_FALSE(by_lease_page(holder));
  }
};

// The new epoch is the first thing to get about (a shard map, a colleague's message); the
// connections are still those to the old writer.
TEST_F(History, of_the_old_writer_is_refused_after_a_failover_though_the_epoch_is_right) {
  Rpoguard rpoguard(config());
  ASSERT_TRUE(starts_open(rpoguard));
  everywhere_open(rpoguard, {1, 1, "iad-a"});

  shard_.iad_a().kill9();
  shard_.iad_b().kill9();
  shard_.fail_over();
  const Holder of_the_new{2, 2, "phx-a"};
  ASSERT_TRUE(eventually(20s, [&] { return by_http(rpoguard, of_the_new) == "open"; }))
      << rpoguard.log();
  const auto reply = rpoguard.gate("/gate/184?epoch=2");
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->headers.at("rpoguard-timeline"), "2");
  EXPECT_EQ(reply->headers.at("rpoguard-writer"), "phx-a");
  everywhere_open(rpoguard, of_the_new);
  everywhere_refused(rpoguard, {2, 1, "phx-a"});
  everywhere_refused(rpoguard, {2, 2, "iad-a"});
  everywhere_refused(rpoguard, {1, 1, "iad-a"});
}

}  // namespace
}  // namespace rpoguard::test
