// Whatever befalls rpoguard and its machine, nobody finds the gate open after its lease.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include "demo/tools/net.hpp"
#include <gtest/gtest.h>

#include "tests/stack/gate_callers.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/stack/small_disk.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"
#include "tests/wire/http_socket.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kRpo = 5s;
constexpr int kHour = 3600;

class GateFaults : public ::testing::Test {
 protected:
  GateFaults() { write_file(clock_, std::string(sizeof(std::int64_t), '\0')); }

  RpoguardConfig config() const {
    RpoguardConfig config = RegionPair::rpoguard_config({&shard_});
    config.state_dir = disk_.path() + "/state";
    config.process = "lease: {path: " + lease_path() + "}\n";
    config.agent = "127.0.0.1:" + std::to_string(agent_port_);
    config.defaults = "after_failover: enforce\n";
    // The wall clock only: CLOCK_BOOTTIME cannot be set by anybody.
    config.env = {{"LD_PRELOAD", RPOGUARD_STEPPED_CLOCK}, {"STEPPED_CLOCK", clock_}};
    return config;
  }
  std::string lease_path() const { return disk_.path() + "/lease"; }

  void SetUp() override {
    rpoguard_ = std::make_unique<Rpoguard>(config());
    rpoguard_->wait_until_serving();
    callers_ = std::make_unique<GateCallers>(rpoguard_->gate_port(), agent_port_, lease_path());
    ASSERT_TRUE(eventually(60s, [&] { return callers_->all_open(); })) << rpoguard_->log();
  }

  /// Nothing that rpoguard may still prove is younger than this moment.
  void expect_closed_by_the_lease_of(core::Instant fault, const std::function<void()>& meanwhile) {
    ASSERT_TRUE(eventually(30s, [&] {
      meanwhile();
      return callers_->all_closed();
    })) << rpoguard_->log();
    ASSERT_TRUE(holds_for(2s, [&] { return callers_->all_closed(); })) << rpoguard_->log();
    for (std::size_t way = 0; way < kGateWays.size(); ++way) {
      SCOPED_TRACE(kGateWays.at(way));
      EXPECT_LE(callers_->relied_until(way), fault + kRpo);
      EXPECT_GT(callers_->relied_until(way), fault - 1s) << "it was open until then";
      std::printf("%s: relied on until %s s after the fault\n", kGateWays.at(way),
                  render_seconds(callers_->relied_until(way) - fault).c_str());
    }
  }
  void expect_open_again() {
    EXPECT_TRUE(eventually(60s, [&] { return callers_->all_open(); })) << rpoguard_->log();
  }
  /// How far the wall clock of the process is ahead of ours, as its metrics show.
  double wall_ahead() const {
    const auto wall = rpoguard_->metric("rpoguard_last_evaluation_timestamp_seconds");
    return wall.value_or(0) - static_cast<double>(::time(nullptr));
  }
  void set_clock_ahead(std::int64_t seconds) {
    std::fstream file(clock_, std::ios::in | std::ios::out | std::ios::binary);
    file.write(reinterpret_cast<const char*>(&seconds), sizeof(seconds));
    ASSERT_TRUE(file.flush());
  }

  SmallDisk disk_;
  TempDir dir_;
  const std::string clock_ = dir_ / "clock";
  RegionPair shard_;
  const std::uint16_t agent_port_ = free_port();
  std::unique_ptr<Rpoguard> rpoguard_;
  std::unique_ptr<GateCallers> callers_;
};

void nothing() {}

// The signal is sent; that every thread stands still takes a moment longer.
bool stands_still(pid_t pid) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  return std::ranges::all_of(std::filesystem::directory_iterator(tasks), [](const auto& task) {
    const std::string stat = read_file(task.path() / "stat");
    return stat.find(") T ") != std::string::npos;
  });
}

TEST_F(GateFaults, sigkill) {
  rpoguard_->kill9();
  expect_closed_by_the_lease_of(boottime(), nothing);
  rpoguard_->start();
  expect_open_again();
}

TEST_F(GateFaults, sigstop) {
  const http::HttpSocket waiting(rpoguard_->gate_port());
  std::string first;
  ASSERT_TRUE(waiting.send("GET /gate/184 HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(waiting.read_until("}\n", first));
  ASSERT_TRUE(first.starts_with("HTTP/1.1 200 ")) << first;

  rpoguard_->sigstop();
  ASSERT_TRUE(eventually(10s, [&] { return stands_still(rpoguard_->pid()); }));
  const core::Instant stopped = boottime();
  ASSERT_TRUE(waiting.send("GET /gate/184 HTTP/1.1\r\nHost: x\r\n\r\n"));
  expect_closed_by_the_lease_of(stopped, nothing);
  ASSERT_TRUE(eventually(20s, [&] { return boottime() - stopped > kRpo; }));
  rpoguard_->sigcont();
  std::string second;
  ASSERT_TRUE(waiting.read_until("}\n", second));
  EXPECT_TRUE(second.starts_with("HTTP/1.1 503 ")) << "asked while the lease held, answered after\n"
                                                   << second;
  expect_open_again();
}

TEST_F(GateFaults, reload_with_errors) {
  shard_.cut_wan();
  const core::Instant cut = boottime();
  const std::string good = read_file(rpoguard_->config_path());
  int reloads = 0;
  expect_closed_by_the_lease_of(cut, [&] {
    constexpr std::array<const char*, 3> kBad{"shards: [", "nonsense: 1\n", ""};
    const auto bad = static_cast<std::size_t>(reloads++) % (kBad.size() + 1);
    // The last kind is well formed, and may not change while it runs.
    write_file(rpoguard_->config_path(),
               bad < kBad.size() ? std::string(kBad.at(bad))
                                 : "state_dir: /tmp\n" + good.substr(good.find("probe:")));
    rpoguard_->sighup();
  });
  EXPECT_GT(reloads, 10);
  EXPECT_EQ(rpoguard_->metric("rpoguard_config_last_reload_successful"), 0);
  write_file(rpoguard_->config_path(), good);
  shard_.heal_wan();
  expect_open_again();
}

TEST_F(GateFaults, clock_steps_forward_and_back) {
  for (const int direction : {1, -1}) {
    SCOPED_TRACE(direction);
    set_clock_ahead(direction * kHour);
    ASSERT_TRUE(eventually(20s, [&] { return std::abs(wall_ahead() - direction * kHour) < 60; }));
    EXPECT_TRUE(holds_for(3s, [&] { return callers_->all_open(); })) << "no reason to close";
    shard_.cut_wan();
    const core::Instant cut = boottime();
    int steps = 0;
    expect_closed_by_the_lease_of(cut, [&] { set_clock_ahead(++steps * -direction * kHour); });
    EXPECT_LT(wall_ahead() * direction, -10 * kHour) << "it was stepped while the lease ran";
    shard_.heal_wan();
    expect_open_again();
  }
}

// A program that never ends, and receivers that take no packet: while they are tried, all that
// happens happens on time.
TEST_F(GateFaults, blocked_hooks) {
  auto blocked = config();
  blocked.process +=
      "hooks:\n"
      "  - {name: stuck, type: command, command: [/bin/sleep, \"3600\"], timeout: 1m}\n"
      "  - {name: void, type: webhook, url: \"http://192.0.2.1/hook\"}\n"
      "  - {name: pager, type: alertmanager, url: \"http://192.0.2.1:9093\"}\n";
  rpoguard_->write_config(blocked);
  rpoguard_->kill9();
  rpoguard_->start();
  rpoguard_->wait_until_serving();
  expect_open_again();
  ASSERT_TRUE(eventually(20s, [&] {
    return rpoguard_->metric("rpoguard_hook_queue_events", {{"hook", "stuck"}}).value_or(0) > 0;
  })) << rpoguard_->log();
  shard_.cut_wan();
  const core::Instant cut = boottime();
  expect_closed_by_the_lease_of(cut, nothing);
  const core::Instant asked = boottime();
  EXPECT_TRUE(rpoguard_->metric("rpoguard_gate_open", {{"shard", "184"}}).has_value());
  EXPECT_LT(boottime() - asked, 2s) << "a scrape waits for no hook either";
  shard_.heal_wan();
  expect_open_again();
}

TEST_F(GateFaults, full_disk) {
  std::printf("the disk is %s\n", disk_.kind());
  disk_.fill(rpoguard_->pid());
  shard_.stamp("iad", "iad-a");
  const Labels labels{{"shard", "184"}};
  ASSERT_TRUE(eventually(20s, [&] {
    return rpoguard_->metric("rpoguard_state_saved", labels) == 0;
  })) << rpoguard_->log();
  const auto epoch = rpoguard_->metric("rpoguard_highest_epoch", labels);
  EXPECT_EQ(rpoguard_->metric("rpoguard_lease_page_up"), 1) << "its memory was taken before";
  expect_open_again();  // a copy may have shown the stamp before the writer was asked
  EXPECT_TRUE(holds_for(2s, [&] { return callers_->all_open(); })) << rpoguard_->log();

  // A page for other shards finds no room: what the old one says must not outlive its shards.
  auto two = config();
  for (int i = 0; i < 100; ++i) two.shards.push_back(two.shards.front());
  for (std::size_t i = 1; i < two.shards.size(); ++i) {
    two.shards[i].id = "x" + std::to_string(i);
    // Nobody listens there: the servers have connections for one shard, not for a hundred.
    std::uint16_t port = 1;
    for (NodeConfig& node : two.shards[i].nodes) node.port = port++;
  }
  rpoguard_->write_config(two);
  rpoguard_->sighup();
  ASSERT_TRUE(eventually(20s, [&] { return rpoguard_->metric("rpoguard_lease_page_up") == 0; }))
      << rpoguard_->log();
  ASSERT_TRUE(eventually(20s, [&] { return !callers_->open(kLeaseWay); }));
  EXPECT_TRUE(callers_->open(kHttpWay) && callers_->open(kAgentWay)) << rpoguard_->log();
  rpoguard_->write_config(config());
  rpoguard_->sighup();

  disk_.free();
  EXPECT_TRUE(eventually(20s, [&] {
    return rpoguard_->metric("rpoguard_state_saved", labels) == 1 &&
           rpoguard_->metric("rpoguard_lease_page_up") == 1;
  })) << rpoguard_->log();
  expect_open_again();
  rpoguard_->kill9();
  shard_.iad_a().stop("immediate");
  rpoguard_->start();
  rpoguard_->wait_until_serving();
  EXPECT_EQ(rpoguard_->metric("rpoguard_highest_epoch", labels), epoch) << "it is on disk";
}

TEST_F(GateFaults, full_disk_and_a_cut_link) {
  disk_.fill(rpoguard_->pid());
  shard_.cut_wan();
  expect_closed_by_the_lease_of(boottime(), nothing);
  shard_.heal_wan();
  expect_open_again();
}

}  // namespace
}  // namespace rpoguard::test
