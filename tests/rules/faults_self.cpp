// What befalls rpoguard itself: its operators, its disk, its receivers, its process.
#include <cerrno>
#include <filesystem>
#include <stdexcept>

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/rules/faults.hpp"
#include "tests/rules/scaled_rules.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

std::string instance(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

Labels alert_on(const std::string& name, std::uint16_t port, Labels more = {}) {
  more.insert({{"alertname", name}, {"instance", instance(port)}});
  return more;
}

bool ask(const Rpoguard& rpoguard, const std::string& target) {
  const auto reply = http_call(rpoguard.ops_port(), {.method = "POST", .target = target});
  return reply && reply->status == 200;
}

bool freeze(const Rpoguard& rpoguard, const std::string& shard) {
  return ask(rpoguard, "/-/freeze?shard=" + shard + "&by=jo&reason=moving");
}

bool unfreeze(const Rpoguard& rpoguard, const std::string& shard) {
  return ask(rpoguard, "/-/unfreeze?shard=" + shard + "&by=jo&reason=moved");
}

/// One thread of a process stands still while the others go on, from construction to destruction.
class StoppedThread {
 public:
  explicit StoppedThread(pid_t thread) : thread_(thread) {
    if (::ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) != 0 ||
        ::ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) != 0 ||
        ::waitpid(thread_, nullptr, __WALL) != thread_)
      throw std::runtime_error("cannot stop thread " + std::to_string(thread_));
  }
  ~StoppedThread() { ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr); }
  StoppedThread(const StoppedThread&) = delete;
  StoppedThread& operator=(const StoppedThread&) = delete;

 private:
  pid_t thread_;
};

/// Two rpoguards on one shard; the first has a second shard, hooks and a lease page.
class TwoGuards {
 public:
  TwoGuards() {
    config_ = RegionPair::rpoguard_config({&pair_});
    second_ = std::make_unique<Rpoguard>(config_);
    config_.shards.push_back(config_.shards.front());
    config_.shards.back().id = "185";
    config_.process = with_lease(dir_ / "lease");
    config_.state_dir = dir_ / "state";
    first_ = std::make_unique<Rpoguard>(config_);
    first_->wait_until_serving();
    second_->wait_until_serving();
    wait_until_open(*first_, {"184", "185"});
    wait_until_open(*second_, {"184"});
    good_ = read_file(second_->config_path());
  }

  Rpoguard& first() { return *first_; }
  Rpoguard& second() { return *second_; }

  void refuse_reload() const {
    write_file(second_->config_path(), "shards: [");
    second_->sighup();
  }
  void allow_reload() const {
    write_file(second_->config_path(), good_);
    second_->sighup();
  }
  /// Its hooks: one that hears nothing any more, one that is refused.
  void fill_hooks() {
    silent_.fall_silent();
    refusing_.say_status("404 Not Found");
    const auto waiting = [&] {
      return first_->metric("rpoguard_hook_queue_events", {{"hook", "silent"}}).value_or(0);
    };
    for (int i = 0; i < 150 && waiting() <= 220; ++i) {
      if (!freeze(*first_, "185") || !unfreeze(*first_, "185"))
        throw std::runtime_error("cannot freeze: " + first_->log());
    }
  }
  void listen_again() {
    silent_.say("{}");
    refusing_.say("{}");
  }
  void lose_state() {
    std::filesystem::rename(first_->state_dir(), dir_ / "away");
    EXPECT_FALSE(freeze(*first_, "185")) << "there is no place for it";
  }
  void find_state() {
    std::filesystem::rename(dir_ / "away", first_->state_dir());
    EXPECT_TRUE(eventually(30s, [&] { return unfreeze(*first_, "185"); })) << first_->log();
  }
  void lose_lease_page() {
    config_.process = with_lease(dir_ / "missing" / "lease");
    first_->write_config(config_);
    first_->sighup();
  }
  void find_lease_page() { std::filesystem::create_directory(dir_ / "missing"); }

 private:
  std::string with_lease(const std::string& path) const {
    return "lease: {path: " + path + "}\nhooks:\n  - {name: silent, type: webhook, url: \"" +
           silent_.url() + "\", timeout: 5s}\n  - {name: refused, type: webhook, url: \"" +
           refusing_.url() + "\"}\n";
  }

  TempDir dir_;
  JsonServer silent_{"{}"};
  JsonServer refusing_{"{}"};
  RegionPair pair_;
  RpoguardConfig config_;
  std::string good_;
  std::unique_ptr<Rpoguard> first_;
  std::unique_ptr<Rpoguard> second_;
};

Fault disorder(TwoGuards& guards, const Pager& pager) {
  const std::uint16_t first = guards.first().ops_port();
  const std::uint16_t second = guards.second().ops_port();
  return {.what = "one frozen, receivers fail, state and lease page lost, bad files, wrong target",
          .alerts = {{alert_on("RPOGuardFrozenLong", second, {{"shard", "184"}})},
                     {alert_of("RPOGuardInstancesDisagree", "184")},
                     {alert_on("RPOGuardHookQueueFull", first, {{"hook", "silent"}})},
                     // It looks back for ten minutes.
                     {.labels = alert_on("RPOGuardHookFailing", first, {{"hook", "refused"}}),
                      .resolves = false},
                     {alert_on("RPOGuardStateNotSaved", first, {{"shard", "185"}})},
                     {alert_on("RPOGuardLeasePageDown", first)},
                     {alert_on("RPOGuardReloadFailed", second)},
                     {alert_on("RPOGuardGateUnknown", pager.alertmanager_port())}},
          .inject =
              [&guards, &pager, first, second] {
                EXPECT_TRUE(freeze(guards.second(), "184")) << guards.second().log();
                guards.fill_hooks();
                guards.lose_state();
                guards.lose_lease_page();
                guards.refuse_reload();
                pager.prometheus().scrape({first, second, pager.alertmanager_port()});
              },
          .heal =
              [&guards, &pager, first, second] {
                EXPECT_TRUE(unfreeze(guards.second(), "184")) << guards.second().log();
                guards.listen_again();
                guards.find_state();
                guards.find_lease_page();
                guards.allow_reload();
                pager.prometheus().scrape({first, second});
              }};
}

}  // namespace

void disorder_rpoguard(AlertTable& table) {
  TwoGuards guards;
  const std::uint16_t first = guards.first().ops_port();
  const std::uint16_t second = guards.second().ops_port();
  const Pager pager({first, second});
  table.add({.alert = "RPOGuardWatchdog",
             .severity = "none",
             .told = pager.watchdog_after().count(),
             .how = "Prometheus starts"});
  play(pager, disorder(guards, pager), table);
  EXPECT_FALSE(pager.told(alert_on("RPOGuardGateClosed", second), "firing", {}))
      << "an operator froze it";
}

void stop_rpoguard(AlertTable& table) {
  TwoGuards guards;
  const std::uint16_t first = guards.first().ops_port();
  const std::uint16_t second = guards.second().ops_port();
  const Pager pager({first, second});
  std::unique_ptr<StoppedThread> stopped;
  play(pager,
       {.what = "one rpoguard killed, the loop of the other stands still",
        .alerts = {{alert_on("RPOGuardDown", second)}, {alert_on("RPOGuardStalled", first)}},
        .inject =
            [&] {
              guards.second().kill9();
              stopped = std::make_unique<StoppedThread>(guards.first().pid());
            },
        .heal =
            [&] {
              stopped.reset();
              guards.second().start();
            }},
       table);
  play(pager,
       {.what = "Prometheus loses its targets",
        .alerts = {{{{"alertname", "RPOGuardAbsent"}}}},
        .inject = [&] { pager.prometheus().scrape({}); },
        .heal =
            [&] {
              pager.prometheus().scrape({first, second});
            }},
       table);
}

void remove_a_shard(AlertTable& table) {
  RpoguardConfig config = {.shards = {{.id = "kept"}, {.id = "removed"}}};
  for (ShardConfig& shard : config.shards)
    shard.nodes = {{.name = "iad-a", .region = "iad", .port = free_port()},
                   {.name = "phx-a", .region = "phx", .port = free_port()}};
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  const Pager pager({rpoguard.ops_port()});
  // As shipped, its memory has one value a minute.
  const auto remembered = [&] {
    return pager.prometheus().value(
        "sum(max_over_time(rpoguard_shard_info{shard=\"removed\"}[10m:" +
        std::string(holds_as_shipped() ? "1m" : "10s") + "]))");
  };
  ASSERT_TRUE(eventually(
      120s, [&] { return remembered().has_value(); }, 1s))
      << pager.prometheus().log();
  const ShardConfig removed = config.shards.back();
  play(pager,
       {.what = "shard removed from the configuration",
        .alerts = {{alert_of("RPOGuardShardMissing", "removed")}},
        .inject =
            [&] {
              config.shards.pop_back();
              rpoguard.write_config(config);
              rpoguard.sighup();
            },
        .heal =
            [&] {
              config.shards.push_back(removed);
              rpoguard.write_config(config);
              rpoguard.sighup();
            }},
       table);
}

void replay_what_is_slow(AlertTable& table) {
  const auto page = [](const std::string& lag, const std::string& age, const std::string& etcd) {
    return "rpoguard_slot_lag_bytes{shard=\"184\",node=\"iad-a\",slot=\"phx_a\"} " + lag +
           "\nrpoguard_backup_age_seconds{shard=\"184\"} " + age +
           "\netcd_server_quota_backend_bytes 2e9\netcd_mvcc_db_total_size_in_bytes " + etcd + "\n";
  };
  JsonServer exporter(page("0", "3600", "1e9"));
  const Pager pager({exporter.port()}, {"neighbours.rules.yml"});
  play(pager,
       {.what = "11 GB behind a slot, backup three days old, etcd nearly full",
        .alerts = {{alert_of("RPOGuardSlotLag", "184")},
                   {alert_of("RPOGuardBackupTooOld", "184")},
                   {alert_on("RPOGuardEtcdSpaceLow", exporter.port())}},
        .inject = [&] { exporter.say(page("11e9", "259200", "1.9e9")); },
        .heal = [&] { exporter.say(page("0", "3600", "1e9")); },
        .replayed = true},
       table);
}

}  // namespace rpoguard::test
