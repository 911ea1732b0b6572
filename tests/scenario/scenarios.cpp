#include "tests/scenario/scenarios.hpp"

#include <csignal>

#include "tests/support/process.hpp"

namespace rpoguard::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kMainBefore{3};
constexpr seconds kMainFault{12};  // well beyond the RPO
constexpr const char* kFaketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

constexpr seconds kSteady{45};

const char* kWalsender = "select pid from pg_stat_replication where application_name = 'phx-a'";
const char* kWalreceiver = "select pid from pg_stat_wal_receiver";

void stop_for(World& world, pid_t pid, seconds time) {
  send_signal(pid, SIGSTOP);
  world.pass(time);
  send_signal(pid, SIGCONT);
}

// A region that is dead has sent what it has sent: nothing flows from it later.
void kill_home(World& world) {
  world.iad_a().kill9();
  world.iad_b().kill9();
  world.replication().refuse();
}

std::vector<Scenario> quiet_scenarios() {
  return {
      {.name = "steady",
       .what = "load, nothing wrong",
       .run = [](World& world) { world.pass(steady_time(kSteady)); },
       .both_answer = true,
       .breaches = false,
       .quiet = true},
      {.name = "idle",
       .what = "the writer falls silent",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.load().pause();
             world.pass(steady_time(kSteady));
           },
       .both_answer = true,
       .breaches = false,
       .quiet = true},
      {.name = "replay_paused",
       .what = "replay paused on phx-a: durable, not replayed",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.phx_a().exec("select pg_wal_replay_pause()");
             world.pass(kMainFault);
             world.phx_a().exec("select pg_wal_replay_resume()");
             world.pass(kMainBefore);
           },
       .both_answer = true,
       .breaches = false,
       .quiet = true},
      {.name = "dead_target",
       .what = "a fourth node never answers",
       .options = {.dead_node = "sjc-a"},
       .run = [](World& world) { world.pass(kMainFault); },
       .both_answer = true,
       .breaches = false,
       .quiet = true},
  };
}

std::vector<Scenario> link_scenarios() {
  return {
      {.name = "cut",
       .what = "replication link cut (packets dropped), both ends still watched",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.replication().cut();
             world.pass(kMainFault);
             world.replication().heal();
             world.await_healed();
           },
       .both_answer = true},
      {.name = "cut_all",
       .what = "all links between the regions cut",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.replication().cut();
             world.monitoring().cut();
             world.pass(kMainFault);
             world.replication().heal();
             world.monitoring().heal();
             world.await_healed();
           }},
      {.name = "refused",
       .what = "replication connections reset and refused",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.replication().refuse();
             world.pass(kMainFault);
             world.replication().heal();
             world.await_healed();
           },
       .both_answer = true},
      {.name = "refused_stale",
       .what = "the same, but the writer does not learn of it",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             const pid_t walreceiver = world.backend(world.phx_a(), kWalreceiver);
             world.replication().cut();
             send_signal(walreceiver, SIGTERM);
             world.pass(kMainFault);
             world.replication().heal();
             world.await_healed();
           },
       .both_answer = true},
      {.name = "slow",
       .what = "replication link slower than the WAL grows",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.replication().set_rate(12'000);
             world.pass(2 * kMainFault);
             world.replication().set_rate(0);
             world.await_healed();
           },
       .both_answer = true},
      {.name = "one_way",
       .what = "WAL arrives, reports do not",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.replication().cut(demo::Direction::to_target);
             world.pass(kMainFault);
             world.replication().heal();
             world.await_healed();
           },
       .both_answer = true,
       .breaches = false},
      {.name = "idle_single",
       .what = "idle, all links cut, one commit, healed",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.load().pause();
             world.pass(kMainBefore);
             world.replication().cut();
             world.monitoring().cut();
             world.pass(kMainFault);
             world.load().write_once();
             world.pass(kMainFault);
             world.replication().heal();
             world.monitoring().heal();
             world.await_healed();
           }},
  };
}

std::vector<Scenario> process_scenarios() {
  return {
      {.name = "stop_walsender",
       .what = "the walsender of phx-a hangs",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             stop_for(world, world.backend(world.iad_a(), kWalsender), kMainFault);
             world.await_healed();
           },
       .both_answer = true},
      {.name = "stop_walreceiver",
       .what = "the walreceiver of phx-a hangs",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             stop_for(world, world.backend(world.phx_a(), kWalreceiver), kMainFault);
             world.await_healed();
           },
       .both_answer = true},
      {.name = "receiver_dead",
       .what = "phx-a stops asking for WAL; its slot stays",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             const auto before = world.phx_a().query("show primary_conninfo").value();
             world.phx_a().set_conf("primary_conninfo", "");
             world.phx_a().reload();
             world.pass(kMainFault);
             world.phx_a().set_conf("primary_conninfo", before);
             world.phx_a().reload();
             world.await_healed();
           },
       .both_answer = true},
      {.name = "hung",
       .what = "all of iad-a hangs",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.iad_a().sigstop();
             world.pass(kMainFault);
             world.iad_a().sigcont();
             world.await_healed();
           },
       .breaches = std::nullopt},
      {.name = "cut_hung",
       .what = "replication cut, then all of iad-a hangs, then both return",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.replication().cut();
             world.pass(kMainFault);
             world.iad_a().sigstop();
             world.pass(kMainFault);
             world.replication().heal();
             world.iad_a().sigcont();
             world.await_healed();
           }},
      {.name = "kill",
       .what = "the home region dies, phx-a is promoted and stamped",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             kill_home(world);
             world.pass(kMainFault);
             world.phx_a().promote();
             world.phx_a().exec("select rpoguard.cluster_promote('phx', 'test')");
             world.pass(kMainBefore);
           },
       .breaches = std::nullopt},
      {.name = "cut_kill",
       .what = "replication cut, later the home region dies, phx-a is promoted and stamped",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.replication().cut();
             world.pass(kMainFault);
             kill_home(world);
             world.pass(kMainBefore);
             world.phx_a().promote();
             world.phx_a().exec("select rpoguard.cluster_promote('phx', 'test')");
             world.pass(kMainBefore);
           }},
  };
}

std::vector<Scenario> writer_scenarios() {
  return {
      {.name = "split_brain",
       .what = "phx-a promoted, not stamped, while iad-a keeps taking writes",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.phx_a().promote();
             world.pass(kMainFault);
           }},
      {.name = "isolated_writer",
       .what = "iad-a unseen with an open session that writes on; phx-a promoted and stamped",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.replication().cut();
             world.home_monitoring().cut();
             world.pass(kMainBefore);
             world.phx_a().promote();
             world.phx_a().exec("select rpoguard.cluster_promote('phx', 'test')");
             world.pass(kMainFault);
           }},
      {.name = "promoted_twice",
       .what = "iad-b and phx-a both promoted to timeline 2 after iad-a died",
       .run =
           [](World& world) {
             world.pass(kMainBefore);
             world.iad_a().kill9();
             world.pass(kMainBefore);
             world.iad_b().promote();
             world.phx_a().promote();
             world.pass(kMainFault);
           },
       .breaches = false},
  };
}

std::map<std::string, std::string> frozen_by(const std::string& flag) {
  return {{"LD_PRELOAD", RPOGUARD_FROZEN_DISK}, {"RPOGUARD_FROZEN", flag}};
}

// The flag lies where every user may look.
std::string frozen_flag(const char* name) {
  static const TempDir directory;
  return directory / name;
}

void freeze(World& world, const std::string& flag) {
  world.pass(kMainBefore);
  write_file(flag, "");
  world.pass(kMainFault);
  ::unlink(flag.c_str());
  world.await_healed();
}

std::vector<Scenario> disk_scenarios() {
  const std::string writer_flag = frozen_flag("writer");
  const std::string copy_flag = frozen_flag("copy");
  return {
      {.name = "frozen_disk",
       .what = "the disk of iad-a stops taking WAL: commits hang, reads work",
       .options = {.writer_env = frozen_by(writer_flag), .conf = {{"fsync", "on"}}},
       .run = [writer_flag](World& world) { freeze(world, writer_flag); },
       .both_answer = true,
       .breaches = false,
       .unflushed = true},
      {.name = "frozen_copy",
       .what = "the disk of phx-a stops taking WAL",
       .options = {.copy_env = frozen_by(copy_flag), .conf = {{"fsync", "on"}}},
       .run = [copy_flag](World& world) { freeze(world, copy_flag); },
       .both_answer = true},
  };
}

std::map<std::string, std::string> clock_off_by(const std::string& offset) {
  return {{"LD_PRELOAD", kFaketime}, {"FAKETIME", offset}, {"DONT_FAKE_MONOTONIC", "1"}};
}

void cut_replication(World& world) {
  world.pass(kMainBefore);
  world.replication().cut();
  world.pass(kMainFault);
  world.replication().heal();
  world.await_healed();
}

std::vector<Scenario> clock_scenarios() {
  return {
      {.name = "skew_behind",
       .what = "clock of phx-a 10 minutes behind",
       .options = {.copy_env = clock_off_by("-600s")},
       .run = [](World& world) { world.pass(kMainFault); },
       .both_answer = true,
       .breaches = false,
       .quiet = true},
      {.name = "skew_ahead",
       .what = "clock of phx-a 10 minutes ahead",
       .options = {.copy_env = clock_off_by("+600s")},
       .run = [](World& world) { world.pass(kMainFault); },
       .both_answer = true,
       .breaches = false,
       .quiet = true},
      {.name = "skew_cut",
       .what = "clock of phx-a 10 minutes behind, replication cut",
       .options = {.copy_env = clock_off_by("-600s")},
       .run = cut_replication,
       .both_answer = true},
      {.name = "skew_writer_cut",
       .what = "clock of iad-a 10 minutes ahead, replication cut",
       .options = {.writer_env = clock_off_by("+600s")},
       .run = cut_replication,
       .both_answer = true},
  };
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> list;
    for (auto part : {quiet_scenarios(), link_scenarios(), process_scenarios(), writer_scenarios(),
                      disk_scenarios(), clock_scenarios(), replay_scenarios()}) {
      list.insert(list.end(), part.begin(), part.end());
    }
    return list;
  }();
  return all;
}

}  // namespace rpoguard::test
