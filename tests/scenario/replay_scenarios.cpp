// Scenarios in which the copy has the WAL and has not replayed it. Under `durability: replay` what
// is not replayed is not there.
#include "tests/scenario/scenarios.hpp"

namespace rpoguard::test {
namespace {

using std::chrono::seconds;

constexpr seconds kReplayBefore{4};
constexpr seconds kReplayFault{12};

void replay_later(World& world) {
  world.pass(kReplayBefore);
  world.phx_a().exec("alter system set recovery_min_apply_delay = '8s'");
  world.phx_a().exec("select pg_reload_conf()");
  world.pass(2 * kReplayFault);
  world.phx_a().exec("alter system reset recovery_min_apply_delay");
  world.phx_a().exec("select pg_reload_conf()");
  world.await_healed();
}

}  // namespace

std::vector<Scenario> replay_scenarios() {
  return {
      {.name = "delayed",
       .what = "phx-a replays 8 s later (recovery_min_apply_delay): durable, not replayed",
       .run = [](World& world) { replay_later(world); },
       .both_answer = true,
       .breaches = false,
       .quiet = true},
      {.name = "paused_counted",
       .what = "durability: replay; replay paused on phx-a",
       .options = {.replay = true},
       .run =
           [](World& world) {
             world.pass(kReplayBefore);
             world.phx_a().exec("select pg_wal_replay_pause()");
             world.pass(kReplayFault);
             world.phx_a().exec("select pg_wal_replay_resume()");
             world.await_healed();
           },
       .both_answer = true},
      {.name = "delayed_counted",
       .what = "durability: replay; phx-a replays 8 s later",
       .options = {.replay = true},
       .run = [](World& world) { replay_later(world); },
       .both_answer = true},
      {.name = "cut_counted",
       .what = "durability: replay; replication link cut",
       .options = {.replay = true},
       .run =
           [](World& world) {
             world.pass(kReplayBefore);
             world.replication().cut();
             world.pass(kReplayFault);
             world.replication().heal();
             world.await_healed();
           },
       .both_answer = true},
  };
}

}  // namespace rpoguard::test
