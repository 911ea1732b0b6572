// Real servers that refuse, hang, stop and come back.
#include <csignal>

#include "demo/tools/link.hpp"
#include <asio/steady_timer.hpp>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/observe/postgres/pg_connection.hpp"
#include "exporter/observe/postgres/pg_queries.hpp"

#include "tests/pg/observe_support.hpp"
#include "tests/support/cluster.hpp"

namespace rpoguard::test {
namespace {

using core::NodeFacts;
using core::ProbeFailure;

constexpr std::chrono::milliseconds kLateness{400};

TEST(observe_failure, a_wrong_password_is_an_authentication_failure) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("alter role rpoguard password 'right'");
  writer.require_password("rpoguard");
  const auto reason_with = [&](const std::string& password) {
    ProbeRunOptions options = pg_options();
    options.password = password;
    ProbeRun run({node_on(writer)}, options);
    EXPECT_TRUE(run_probes(run, 0));
    return run.error(0) == nullptr ? "facts" : core::name_of(run.error(0)->reason);
  };
  EXPECT_STREQ(reason_with("wrong"), "auth_failed");
  EXPECT_STREQ(reason_with(""), "auth_failed");
  EXPECT_STREQ(reason_with("right"), "facts");
}

TEST(observe_failure, a_role_or_host_that_may_not_log_in_is_an_authentication_failure) {
  Cluster shard;
  Server& writer = shard.writer();
  writer.exec("create role nologin_role");
  writer.add_hba("host all refused_role all reject");
  writer.exec("create role refused_role login");
  writer.reload();
  for (const char* role : {"nobody_here", "nologin_role"}) {
    ProbeRun run({node_on(writer, role)}, pg_options());
    ASSERT_TRUE(run_probes(run, 0));
    ASSERT_NE(run.error(0), nullptr) << role;
    EXPECT_STREQ(core::name_of(run.error(0)->reason), "auth_failed") << role;
  }
  ProbeRun run({node_on(writer, "refused_role")}, pg_options());
  ASSERT_TRUE(run_to_failure(run, 0, ProbeFailure::auth_failed));
}

TEST(observe_failure, an_unreadable_password_source_is_an_authentication_failure) {
  asio::io_context loop;
  BootTimeClock clock;
  auto spec = std::make_shared<core::Spec>();
  spec->shards.resize(1);
  spec->shards[0].nodes = {probe_node("a", 1)};
  std::vector<core::NodeObservation> seen;
  observe::Prober prober(
      loop, spec, clock,
      [](const core::PasswordSource&) -> base::Result<std::string> {
        return base::Error{"cannot read the file pw", {}};
      },
      {.fast = [&](std::size_t, std::size_t,
                   core::NodeObservation each) { seen.push_back(std::move(each)); },
       .slow = [](std::size_t, std::size_t, const core::SlowObservation&) {}});
  prober.start();
  ASSERT_TRUE(run_until(loop, kProbePatience, [&] { return !seen.empty(); }));
  const auto& error = std::get<core::ProbeError>(seen[0].outcome);
  EXPECT_EQ(error.reason, ProbeFailure::auth_failed);
  EXPECT_EQ(error.message, "cannot read the file pw");
}

// A key and a certificate for 127.0.0.1 that nobody signed.
void use_tls(Server& server) {
  const std::string key = server.data_dir() + "/server.key";
  const std::string certificate = server.data_dir() + "/server.crt";
  const auto made =
      run_command({.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=127.0.0.1",
                            "-days", "2", "-keyout", key, "-out", certificate}});
  ASSERT_EQ(made.exit_code, 0) << made.output;
  struct stat owner {};
  ASSERT_EQ(::stat(server.data_dir().c_str(), &owner), 0);
  for (const std::string& file : {key, certificate}) {
    ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
    if (::geteuid() == 0) {
      ASSERT_EQ(::chown(file.c_str(), owner.st_uid, owner.st_gid), 0);
    }
  }
  server.set_conf("ssl", "on");
  server.reload();
  ASSERT_TRUE(server.becomes("show ssl", "on"));
}

// TLS and SCRAM take more round trips than fit into a probe. The first look of a session takes two,
// each later one takes one.
TEST(observe_failure, a_distant_server_is_reached_although_connecting_takes_longer_than_a_probe) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("alter role rpoguard password 'secret'");
  writer.require_password("rpoguard");
  ASSERT_NO_FATAL_FAILURE(use_tls(writer));
  demo::Link wan({.target_port = writer.port()});
  wan.set_delay(std::chrono::milliseconds(80));
  core::NodeSpec node = node_on(writer);
  node.connect.port = wan.port();
  node.connect.sslmode = "require";
  ProbeRunOptions options = pg_options();
  options.password = "secret";
  options.timing.connect_timeout = kProbePatience;
  ProbeRun run({node}, options);
  ASSERT_TRUE(run_to_facts(run, 0));
  EXPECT_EQ(ProbeRun::facts_of(run.fast(0).front()), nullptr);
  EXPECT_EQ(writer.query("select string_agg(s.ssl::text, ',') from pg_stat_ssl s "
                         "join pg_stat_activity a using (pid) where a.usename = 'rpoguard'"),
            "true");
  // From then on each probe has its answer in time, on that connection.
  const std::uint64_t session = run.facts(0)->session;
  ASSERT_TRUE(run_probes(run, 0, 3));
  ASSERT_NE(run.facts(0), nullptr) << run.error(0)->message;
  EXPECT_EQ(run.facts(0)->session, session);
}

TEST(observe_failure, a_wrong_database_is_missing) {
  Cluster shard;
  apply_migration(shard.writer());
  core::NodeSpec node = node_on(shard.writer());
  node.connect.dbname = "nope";
  ProbeRun run({node}, pg_options());
  ASSERT_TRUE(run_probes(run, 0));
  ASSERT_NE(run.error(0), nullptr);
  EXPECT_STREQ(core::name_of(run.error(0)->reason), "database_missing");
}

TEST(observe_failure, a_role_without_pg_monitor_is_told_what_to_grant_and_recovers) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("revoke pg_monitor from rpoguard");
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_probes(run, 0));
  ASSERT_NE(run.error(0), nullptr);
  EXPECT_STREQ(core::name_of(run.error(0)->reason), "missing_privilege");
  EXPECT_NE(run.error(0)->message.find("grant pg_monitor to rpoguard"), std::string::npos)
      << run.error(0)->message;
  writer.exec("grant pg_monitor to rpoguard");
  EXPECT_TRUE(run_to_facts(run, 0));
}

// What is granted to it is not its own: the same grant once more would change nothing.
TEST(observe_failure, a_role_that_does_not_inherit_is_told_what_helps) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("revoke pg_monitor from rpoguard");
  writer.exec("alter role rpoguard noinherit");
  writer.exec("grant pg_monitor to rpoguard");
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_probes(run, 0));
  ASSERT_NE(run.error(0), nullptr);
  EXPECT_STREQ(core::name_of(run.error(0)->reason), "missing_privilege");
  const std::string message = run.error(0)->message;
  const std::string before = "the role lacks pg_monitor: ";
  ASSERT_TRUE(message.starts_with(before)) << message;
  writer.exec(message.substr(before.size()));
  EXPECT_TRUE(run_to_facts(run, 0)) << message;
}

TEST(observe_failure, a_denied_epoch_table_is_a_missing_privilege) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("revoke select on rpoguard.cluster_state from rpoguard");
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_to_failure(run, 0, ProbeFailure::missing_privilege));
  writer.exec("grant select on rpoguard.cluster_state to rpoguard");
  ASSERT_TRUE(run_to_facts(run, 0));
  writer.exec("revoke usage on schema rpoguard from rpoguard");
  EXPECT_TRUE(run_to_failure(run, 0, ProbeFailure::missing_privilege));
}

TEST(observe_failure, a_stopped_server_times_out_delays_nobody_and_recovers) {
  Cluster shard;
  apply_migration(shard.writer());
  Server& second = shard.add_standby({.name = "iad-b"});
  Server& third = shard.add_standby({.name = "phx-a"});
  ProbeRun run({node_on(shard.writer()), node_on(second), node_on(third)}, pg_options());
  run.prober().set_writer(0, 0);
  for (std::size_t node = 0; node < 3; ++node) ASSERT_TRUE(run_to_facts(run, node));
  shard.writer().sigstop();
  const std::size_t seen = run.fast(1).size();
  ASSERT_TRUE(run_to_failure(run, 0, ProbeFailure::timeout));
  const auto& failure = run.fast(0).back();
  EXPECT_LT(failure.answered - failure.asked, std::chrono::milliseconds(500) + kLateness);
  ASSERT_TRUE(run_probes(run, 1, 4));
  for (std::size_t i = seen; i < run.fast(1).size(); ++i) {
    EXPECT_NE(ProbeRun::facts_of(run.fast(1)[i]), nullptr);
    EXPECT_LT(run.fast(1)[i].answered - run.fast(1)[i].asked, kLateness);
    EXPECT_LT(run.fast(1)[i].asked - run.fast(1)[i - 1].asked,
              std::chrono::milliseconds(600) + kLateness);
  }
  EXPECT_EQ(run.error(0)->reason, ProbeFailure::timeout);
  shard.writer().sigcont();
  EXPECT_TRUE(run_to_facts(run, 0));
}

TEST(observe_failure, postmaster_stopped_never_blocks_the_loop) {
  Cluster shard;
  apply_migration(shard.writer());
  ASSERT_EQ(::kill(shard.writer().pid(), SIGSTOP), 0);
  ProbeRun run({node_on(shard.writer())}, pg_options());
  // A heartbeat on the loop: its longest pause is the longest time anything blocked.
  asio::steady_timer heartbeat(run.loop());
  core::Instant last = run.now();
  core::Duration longest{};
  std::function<void(asio::error_code)> beat = [&](asio::error_code error) {
    if (error) return;
    longest = std::max(longest, run.now() - last);
    last = run.now();
    heartbeat.expires_after(std::chrono::milliseconds(10));
    heartbeat.async_wait(beat);
  };
  beat({});
  // The kernel accepts for the stopped postmaster; several attempts and their ends.
  ASSERT_TRUE(run_probes(run, 0, 6));
  EXPECT_STREQ(core::name_of(run.error(0)->reason), "timeout");
  EXPECT_LT(longest, std::chrono::milliseconds(300));
  heartbeat.cancel();
  ASSERT_EQ(::kill(shard.writer().pid(), SIGCONT), 0);
  EXPECT_TRUE(run_to_facts(run, 0));
}

TEST(observe_failure, a_restarted_server_is_found_again_in_a_new_session) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_to_facts(run, 0));
  const std::uint64_t session = run.facts(0)->session;
  writer.stop();
  ASSERT_TRUE(run_to_failure(run, 0, ProbeFailure::refused));
  writer.start();
  ASSERT_TRUE(run_to_facts(run, 0));
  EXPECT_GT(run.facts(0)->session, session);
}

TEST(observe_failure, a_terminated_session_costs_no_probe) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run.run(kProbePatience, [&] { return !run.slow(0).empty(); }));
  const std::uint64_t session = run.facts(0)->session;
  writer.exec("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rpoguard'");
  ASSERT_TRUE(run_probes(run, 0, 2));
  ASSERT_NE(run.facts(0), nullptr) << run.error(0)->message;
  EXPECT_GT(run.facts(0)->session, session);
}

TEST(observe_failure, statement_timeout_survives_a_failed_probe) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_to_facts(run, 0));
  const std::uint64_t session = run.facts(0)->session;
  writer.exec("alter table rpoguard.cluster_state rename to state_of_old");
  for (int round = 0; round < 2; ++round) {
    writer.exec(
        "create view rpoguard.cluster_state as "
        "select s.*, pg_sleep(60)::text as slept from rpoguard.state_of_old s");
    writer.exec("grant select on rpoguard.cluster_state to rpoguard");
    ASSERT_TRUE(run_to_failure(run, 0, ProbeFailure::timeout));
    // The server gave up, not we: the session goes on.
    EXPECT_NE(run.error(0)->message.find("sqlstate"), std::string::npos) << run.error(0)->message;
    writer.exec("drop view rpoguard.cluster_state");
    ASSERT_TRUE(run_to_facts(run, 0));
    EXPECT_EQ(run.facts(0)->session, session);
  }
}

TEST(observe_failure, a_lock_on_the_epoch_table_takes_only_the_stamp_away_and_is_named) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_to_facts(run, 0));
  const std::uint64_t session = run.facts(0)->session;
  Session locker = writer.connect();
  locker.rows("begin");
  locker.rows("lock table rpoguard.cluster_state in access exclusive mode");
  ASSERT_TRUE(
      run_to_facts(run, 0, [](const core::NodeFacts& facts) { return !!facts.epoch_lock; }));
  const core::EpochLock seen = *run.facts(0)->epoch_lock;
  const std::string pid = locker.value("select pg_backend_pid()").value();
  EXPECT_TRUE(seen.holder.starts_with("pid " + pid + " (postgres") &&
              seen.holder.ends_with(") has it locked"))
      << seen.holder;
  EXPECT_FALSE(run.facts(0)->stamped.has_value());
  EXPECT_TRUE(run.facts(0)->insert_lsn && run.facts(0)->snapshot);
  ASSERT_TRUE(run_probes(run, 0, 2));
  ASSERT_NE(run.facts(0), nullptr) << run.error(0)->message;
  EXPECT_EQ(run.facts(0)->epoch_lock->transaction, seen.transaction) << "one transaction, one lock";
  locker.rows("rollback");
  ASSERT_TRUE(run_to_facts(run, 0, [](const core::NodeFacts& facts) { return !!facts.stamped; }));
  EXPECT_FALSE(run.facts(0)->epoch_lock.has_value());
  EXPECT_EQ(run.facts(0)->session, session);
}

// pg_dump --create reads them, and VACUUM FULL waits for its end.
TEST(observe_failure, a_lock_on_what_roles_have_set_takes_only_that_away_and_is_named) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("create role batch");
  writer.exec("alter role batch set synchronous_commit = local");
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_to_facts(run, 0));
  const std::uint64_t session = run.facts(0)->session;
  for (const char* locked : {"pg_db_role_setting", "pg_database", "rpoguard.cluster_state"}) {
    Session locker = writer.connect();
    locker.rows("begin");
    locker.rows("lock table pg_database, " + std::string(locked) + " in access exclusive mode");
    const std::string pid = locker.value("select pg_backend_pid()").value();
    ASSERT_TRUE(run_to_facts(
        run, 0, [](const core::NodeFacts& facts) { return !facts.settings_lock.empty(); }));
    const core::NodeFacts& facts = *run.facts(0);
    EXPECT_TRUE(facts.settings_lock.starts_with("pid " + pid + " (postgres"))
        << facts.settings_lock;
    ASSERT_TRUE(facts.weakest_commit.has_value());
    EXPECT_EQ(facts.weakest_commit->level, "local") << "as it was read before";
    EXPECT_EQ(facts.session, session);
    EXPECT_TRUE(facts.insert_lsn && facts.snapshot);
    EXPECT_NE(facts.stamped.has_value(), facts.epoch_lock.has_value());
    EXPECT_EQ(facts.epoch_lock.has_value(), std::string_view(locked) == "rpoguard.cluster_state");
    locker.rows("rollback");
    ASSERT_TRUE(run_to_facts(
        run, 0, [](const core::NodeFacts& seen) { return seen.settings_lock.empty(); }));
  }
}

// REINDEX waits for who reads, and whoever plans a statement then waits for REINDEX.
TEST(observe_failure, a_lock_on_an_index_of_the_epoch_table_is_a_lock_on_it) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  Session locker = writer.connect();
  locker.rows("begin");
  locker.rows("reindex table rpoguard.cluster_state");
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(
      run_to_facts(run, 0, [](const core::NodeFacts& facts) { return !!facts.epoch_lock; }));
  const std::string pid = locker.value("select pg_backend_pid()").value();
  EXPECT_TRUE(run.facts(0)->epoch_lock->holder.starts_with("pid " + pid + " (postgres"))
      << run.facts(0)->epoch_lock->holder;
}

TEST(observe_failure, a_node_costs_one_named_connection) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_probes(run, 0, 3));
  EXPECT_EQ(writer.query("select string_agg(application_name, ',') from pg_stat_activity "
                         "where usename = 'rpoguard'"),
            "rpoguard");
}

TEST(observe_failure, what_a_role_has_set_does_not_reach_our_sessions) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec(
      "alter role rpoguard set search_path = public; alter role rpoguard set jit = on;"
      "alter role rpoguard set default_transaction_read_only = off;"
      "alter role rpoguard set statement_timeout = 0");
  asio::io_context loop;
  const auto connection = observe::PgConnection::create(loop);
  const auto ask = [&](const auto& call) {
    std::optional<observe::Answer> answer;
    call([&](observe::Answer said) { answer = std::move(said); });
    EXPECT_TRUE(run_until(loop, kProbePatience, [&] { return answer.has_value(); }));
    return std::move(answer).value_or(observe::bad_answer("none"));
  };
  const auto query = [&](const std::string& sql) {
    return ask([&](auto done) { connection->query(sql, done); });
  };
  ask([&](auto done) {
    connection->connect(
        observe::connect_params(node_on(writer).connect, "127.0.0.1", {}, std::chrono::seconds(5)),
        done);
  });
  query(observe::session_sql(connection->server_version(), std::chrono::milliseconds(700),
                             observe::EpochTable::absent));
  EXPECT_TRUE(std::holds_alternative<observe::Failure>(query("select 1 / 0")));
  const auto settings = query(
      "select concat_ws(',', current_setting('statement_timeout'), current_setting('search_path'),"
      " current_setting('transaction_read_only'), current_setting('jit'))");
  const auto* rows = std::get_if<observe::RowSet>(&settings);
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(rows->rows[0][0], "700ms,pg_catalog,on,off");
  connection->close();
  loop.restart();
  loop.poll();
}

}  // namespace
}  // namespace rpoguard::test
