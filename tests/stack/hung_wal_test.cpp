// The writer acknowledges commits that it does not flush: its WAL disk hangs, or whoever flushes
// does, at synchronous_commit = off. And a crash of the backends that loses such commits and gives
// their transaction ids to others, under one postmaster.
#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/stack/histories.hpp"
#include "tests/stack/lost_commits.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kUnflushedRpo = 3s;

/// A WAL disk that stops taking anything while the flag is there.
class WalDisk {
 public:
  std::map<std::string, std::string> env() const {
    return {{"LD_PRELOAD", RPOGUARD_FROZEN_DISK}, {"RPOGUARD_FROZEN", flag()}};
  }
  void hang() const { write_file(flag(), ""); }
  void go_on() const { std::filesystem::remove(flag()); }

 private:
  std::string flag() const { return directory_ / "hung"; }
  TempDir directory_;
};

std::vector<pid_t> processes(const Server& server, const std::string& types) {
  std::vector<pid_t> pids;
  for (const SqlRow& row : server.connect().rows(
           "select pid from pg_stat_activity where backend_type in (" + types + ")"))
    pids.push_back(std::stoi(*row.front()));
  return pids;
}

/// Whoever would flush what others have left unflushed.
std::vector<pid_t> flushers(const Server& server) {
  return processes(server, "'walwriter', 'checkpointer', 'background writer'");
}

void signal_all(const std::vector<pid_t>& pids, int number) {
  for (const pid_t pid : pids) send_signal(pid, number);
}

enum class Hangs { the_disk, who_flushes };

/// Commits that come one by one are the harder case: between two of them nothing is written, and
/// what looks like silence is no proof that the last one was flushed.
struct Unflushing {
  const char* name;
  Hangs hangs;
  int commits_per_second;
};

class Unflushed : public ::testing::TestWithParam<Unflushing> {};

TEST_P(Unflushed, commits_close_the_gate_before_more_than_the_rpo_is_lost) {
  const WalDisk disk;
  RegionPair shard("184",
                   {.conf = {{"fsync", "on"}, {"wal_buffers", "4MB"}}, .writer_env = disk.env()});
  shard.iad_a().set_conf("synchronous_commit", "off");
  shard.iad_a().reload();
  ASSERT_TRUE(shard.iad_a().becomes("show synchronous_commit", "off"));
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.rpo = "3s";
  config.probe_interval = "500ms";
  config.probe_timeout = "400ms";
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  const std::size_t rate = GetParam().commits_per_second;
  const auto load = shard.gateway(rpoguard, GetParam().commits_per_second);
  load->start();
  ASSERT_TRUE(eventually(20s, [&] { return load->counters().acked > rate; })) << load->trouble();

  if (GetParam().hangs == Hangs::the_disk) {
    disk.hang();
  } else {
    signal_all(flushers(shard.iad_a()), SIGSTOP);
  }
  const core::Instant hung = boottime();
  const std::size_t acked_before = load->counters().acked;
  ASSERT_TRUE(eventually(
      20s, [&] { return !rpoguard.gate_open("184"); }, 5ms))
      << rpoguard.log();
  const core::Duration closed = boottime() - hung;
  EXPECT_LT(closed, kUnflushedRpo + 1s) << "bound: the RPO";
  EXPECT_TRUE(holds_for(2s, [&] { return !rpoguard.gate_open("184"); })) << rpoguard.log();
  const std::string detail =
      rpoguard.ops_json("/api/v1/view").at("shards")[0].at("gate").at("detail");
  EXPECT_NE(detail.find("the writer has flushed its WAL up to"), std::string::npos) << detail;
  EXPECT_GT(load->counters().acked, acked_before) << "commits do not wait: or this shows nothing";

  shard.iad_a().kill9();
  load->stop();
  shard.iad_b().kill9();
  disk.go_on();
  shard.phx_a().promote();
  const auto commits = load->commits();
  const LostCommits lost = lost_commits(commits, shard.phx_a().conninfo());
  std::printf("%zu rows acknowledged, %zu found on phx-a, lost over %s s; closed after %s s\n",
              commits.size(), commits.size() - lost.count, render_seconds(lost.span).c_str(),
              render_seconds(closed).c_str());
  EXPECT_GT(lost.count, 0U) << "the experiment lost nothing: it shows nothing";
  EXPECT_LE(lost.span, kUnflushedRpo + 100ms);
}

INSTANTIATE_TEST_SUITE_P(While, Unflushed,
                         ::testing::Values(Unflushing{"the_disk_hangs", Hangs::the_disk, 100},
                                           Unflushing{"the_disk_hangs_seldom_written",
                                                      Hangs::the_disk, 1},
                                           Unflushing{"nobody_flushes", Hangs::who_flushes, 100}),
                         [](const auto& unflushing) { return unflushing.param.name; });

// A commit is acknowledged and not flushed. Backends are killed, so all are started again, under
// the same postmaster, without it. The next commit gets its transaction id. rpoguard sees neither.
TEST(ReusedIds, of_a_crash_of_the_backends_do_not_look_idle) {
  RegionPair shard("184", {.conf = {{"autovacuum", "off"}}});
  shard.cluster().set_synchronous("");
  Server& writer = shard.iad_a();
  writer.exec(kOrdersSql);
  demo::Link way({.target_port = writer.port()});
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.rpo = "5s";
  config.probe_interval = "300ms";
  config.probe_timeout = "250ms";
  config.defaults = "gate: {reopen_after: 500ms}\n";
  config.shards[0].nodes[0].port = way.port();
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  const auto snapshot = [&] { return *writer.query("select txid_current_snapshot()::text"); };
  const auto commit = [&](int history) {
    writer.exec("set synchronous_commit = off; insert into orders values (" +
                std::to_string(history) + ", 1, 'x')");
  };
  const std::string started = *writer.query("select pg_postmaster_start_time()::text");

  const std::vector<pid_t> killed = flushers(writer);
  signal_all(killed, SIGSTOP);
  const core::Instant committed = boottime();
  commit(1);
  const std::string first = snapshot();
  const std::string last_answer = node_json(rpoguard, "iad-a").at("last_answer").dump();
  ASSERT_TRUE(eventually(
      5s, [&] { return node_json(rpoguard, "iad-a").at("last_answer").dump() != last_answer; }));
  way.cut();
  signal_all(killed, SIGKILL);
  ASSERT_TRUE(eventually(10s, [&] { return !process_runs(killed.front()); }));
  ASSERT_TRUE(writer.becomes("select pg_is_in_recovery()", "f"));
  ASSERT_EQ(orders_on(writer, 1), 0U) << "it was flushed after all, and shows nothing";
  EXPECT_EQ(writer.query("select pg_postmaster_start_time()::text"), started);
  writer.exec("select pg_switch_wal()");
  ASSERT_TRUE(shard.cluster().caught_up(shard.phx_a(), writer));
  const std::vector<pid_t> receiver = processes(shard.phx_a(), "'walreceiver'");
  signal_all(receiver, SIGSTOP);
  commit(2);
  ASSERT_EQ(snapshot(), first) << "another transaction id: it shows nothing";
  way.heal();

  // Nothing proves the second commit. Whoever takes the writer for idle opens the gate for it.
  const auto lag = [&] {
    const auto flush = node_json(rpoguard, "phx-a").at("lag_seconds").at("flush");
    return flush.is_number() ? flush.get<double>() : -1;
  };
  ASSERT_TRUE(eventually(10s, [&] { return boottime() - committed > 6s; }));
  EXPECT_TRUE(holds_for(4s, [&] { return !rpoguard.gate_open("184"); }))
      << "lag " << lag() << rpoguard.log();
  // It counts: nothing else keeps the gate closed.
  EXPECT_EQ(node_json(rpoguard, "phx-a").at("counted"), true) << node_json(rpoguard, "phx-a");
  EXPECT_GT(lag(), 6);
  std::printf("1 row acknowledged, %zu of them found on phx-a, which lags by %.1f s\n",
              orders_on(shard.phx_a(), 2), lag());
  signal_all(receiver, SIGCONT);
  EXPECT_TRUE(opens(rpoguard));
}

}  // namespace
}  // namespace rpoguard::test
