// For how long a yes binds: on the running program with real servers, by every way there is to ask.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace rpoguard::test
