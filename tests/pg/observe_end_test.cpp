// How sessions with real servers end, what new connections are told, and what that says of writes.
#include <algorithm>
#include <csignal>
#include <set>
#include <string>

#include "tests/pg/observe_support.hpp"
#include "tests/support/cluster.hpp"

namespace rpoguard::test {
namespace {

using core::ProbeFailure;

/// A writer whose light statement hangs on a lock: a look is under way until the session ends.
class SessionEnd : public ::testing::Test {
 protected:
  SessionEnd() {
    // The server would give up before the test does something.
    options_.timing.timeout = std::chrono::seconds(20);
    options_.timing.interval = std::chrono::seconds(21);
    apply_migration(writer());
    writer().exec("create table ledger (n int)");
  }

  Server& writer() { return shard_.writer(); }

  /// Begins a look, and returns while it hangs.
  void hang(ProbeRun& run) {
    locker_.rows("begin");
    locker_.rows("lock table rpoguard.cluster_state in access exclusive mode");
    ASSERT_TRUE(run.run(kProbePatience, [&] { return hanging() == "1"; }));
  }
  SqlValue hanging() {
    return watcher_.value(
        "select count(*) from pg_stat_activity where usename = 'rpoguard' and state = 'active' "
        "and wait_event_type = 'Lock'");
  }

  Cluster shard_;
  ProbeRunOptions options_ = pg_options();
  Session locker_ = writer().connect();
  Session watcher_ = writer().connect();
};

TEST_F(SessionEnd, by_pg_terminate_backend_says_nothing_of_the_server) {
  ProbeRun run({node_on(writer())}, options_);
  ASSERT_NO_FATAL_FAILURE(hang(run));
  watcher_.rows(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rpoguard'");
  ASSERT_TRUE(run_probes(run, 0));
  ASSERT_NE(run.error(0), nullptr);
  EXPECT_STREQ(core::name_of(run.error(0)->reason), "connection_lost") << run.error(0)->message;
  EXPECT_NE(run.error(0)->message.find("57P01"), std::string::npos) << run.error(0)->message;
  EXPECT_NO_THROW(watcher_.rows("insert into ledger values (1)")) << "and writes go on";
}

TEST_F(SessionEnd, by_a_fast_or_immediate_shutdown_looks_the_same) {
  for (const char* mode : {"fast", "immediate"}) {
    ProbeRun run({node_on(writer())}, options_);
    ASSERT_NO_FATAL_FAILURE(hang(run));
    writer().stop(mode);
    ASSERT_TRUE(run_probes(run, 0));
    ASSERT_NE(run.error(0), nullptr) << mode;
    EXPECT_STREQ(core::name_of(run.error(0)->reason), "connection_lost")
        << mode << ": " << run.error(0)->message;
    writer().start();
    locker_ = writer().connect();
    watcher_ = writer().connect();
  }
}

TEST(NewConnection, to_a_standby_without_hot_standby_is_turned_away_each_time) {
  Cluster shard;
  apply_migration(shard.writer());
  Server& standby = shard.add_standby({.name = "phx-a"});
  standby.stop();
  standby.set_conf("hot_standby", "off");
  standby.launch();
  ProbeRun run({node_on(standby)}, pg_options());
  ASSERT_TRUE(run_to_failure(run, 0, ProbeFailure::not_accepting));
  ASSERT_TRUE(run_probes(run, 0, 3));
  EXPECT_STREQ(core::name_of(run.error(0)->reason), "not_accepting") << run.error(0)->message;
}

// Why it proves nothing: SIGTERM to the postmaster, as Kubernetes sends it, is a smart shutdown.
TEST(NewConnection, is_turned_away_by_a_smart_shutdown_while_others_go_on_writing) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("create table ledger (n int)");
  Session pooled = writer.connect();
  ASSERT_EQ(::kill(writer.pid(), SIGTERM), 0);
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_to_failure(run, 0, ProbeFailure::not_accepting));
  for (int n = 1; n <= 5; ++n) {
    pooled.rows("insert into ledger values (" + std::to_string(n) + ")");
    ASSERT_TRUE(run_probes(run, 0));
    EXPECT_STREQ(core::name_of(run.error(0)->reason), "not_accepting") << run.error(0)->message;
  }
  EXPECT_EQ(pooled.value("select count(*) from ledger"), "5");
}

}  // namespace
}  // namespace rpoguard::test
