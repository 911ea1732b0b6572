// `rpoguard sql` against a real server.
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "tests/pg/observe_support.hpp"
#include "tests/support/cluster.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

std::string sqlstate_of(const std::function<void()>& statement) {
  try {
    statement();
  } catch (const SqlError& error) {
    return error.sqlstate();
  }
  return "none";
}

// Everything the script can have touched.
std::string state_of(const Server& server) {
  return server
      .query(
          "select string_agg(x, E'\\n' order by x) from ("
          "select row_to_json(s)::text x from rpoguard.cluster_state s union all "
          "select xmin::text from rpoguard.cluster_state union all "
          "select concat(proacl, prosecdef, proconfig, md5(prosrc)) from pg_proc "
          "where pronamespace = 'rpoguard'::regnamespace union all "
          "select concat(relname, relacl, relfilenode) from pg_class "
          "where relnamespace = 'rpoguard'::regnamespace union all "
          "select concat(nspacl) from pg_namespace where nspname = 'rpoguard' union all "
          "select concat(rolname, rolcanlogin, rolsuper, rolcreaterole) from pg_roles "
          "where rolname = 'rpoguard' union all "
          "select concat(datacl) from pg_database where datname = current_database()) t")
      .value_or("null");
}

TEST(migration, a_second_run_changes_nothing) {
  Cluster shard;
  Server& writer = shard.writer();
  EXPECT_EQ(apply_migration(writer), "");
  writer.exec("select rpoguard.cluster_promote('phx', 'ann')");
  const std::string before = state_of(writer);
  EXPECT_EQ(apply_migration(writer), "");
  EXPECT_EQ(state_of(writer), before);
}

TEST(migration, a_second_run_leaves_the_canary_as_it_is) {
  Cluster shard;
  Server& writer = shard.writer();
  const auto run = [&](observe::Canary canary) {
    return apply_migration(writer, "rpoguard", "iad", canary);
  };
  EXPECT_EQ(run(observe::Canary::with_table), "");
  writer.exec("insert into rpoguard.canary values ('184', now(), 7)");
  const std::string before = state_of(writer);
  EXPECT_EQ(run(observe::Canary::with_table), "");
  EXPECT_EQ(run(observe::Canary::without_table), "");
  EXPECT_EQ(state_of(writer), before);
  EXPECT_EQ(writer.query("select counter from rpoguard.canary"), "7");
}

// As a user calls it: the flag, and psql.
TEST(migration, only_with_the_flag_may_the_role_write_and_then_one_table) {
  Cluster shard;
  Server& writer = shard.writer();
  const auto apply = [&](std::vector<std::string> argv) {
    const auto script = run_command({.argv = std::move(argv)});
    ASSERT_EQ(script.exit_code, 0) << script.output;
    writer.exec("begin; " + script.output.substr(script.output.find("set local")));
  };
  apply({RPOGUARD_BINARY, "sql", "--home-region", "iad"});
  EXPECT_EQ(writer.query("select to_regclass('rpoguard.canary')"), std::nullopt);
  apply({RPOGUARD_BINARY, "sql", "--home-region", "iad", "--with-canary"});
  Session role(writer.conninfo("postgres", "rpoguard"));
  role.rows("insert into rpoguard.canary values ('184', now(), 1)");
  role.rows("update rpoguard.canary set counter = 2");
  EXPECT_EQ(role.value("select counter from rpoguard.canary"), "2");
  for (const char* sql : {"delete from rpoguard.canary", "truncate rpoguard.canary",
                          "drop table rpoguard.canary", "delete from rpoguard.cluster_state"})
    EXPECT_EQ(sqlstate_of([&] { role.rows(sql); }), "42501") << sql;
}

TEST(migration, a_history_is_readable_whatever_a_restore_point_was_called) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  write_file(writer.data_dir() + "/pg_wal/00000009.history",
             "1\t0/3000000\tat restore point \"caf\xE9\"\n");
  Session role(writer.conninfo("postgres", "rpoguard"));
  EXPECT_EQ(role.value("select rpoguard.timeline_history(9)"),
            "1\t0/3000000\tat restore point \"caf\\351\"\n");
}

TEST(migration, the_role_can_probe_and_do_nothing_else) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run.run(kProbePatience, [&] { return !run.slow(0).empty(); }));
  EXPECT_NE(run.facts(0), nullptr);
  EXPECT_TRUE(std::holds_alternative<core::SlowFacts>(run.slow(0)[0].outcome));
  Session role(writer.conninfo("postgres", "rpoguard"));
  for (const char* sql :
       {"update rpoguard.cluster_state set writer_epoch = 9", "delete from rpoguard.cluster_state",
        "insert into rpoguard.cluster_state values (true, 1, 'x')",
        "select rpoguard.cluster_promote('x', 'y')", "create table rpoguard.mine (x int)"})
    EXPECT_EQ(sqlstate_of([&] { role.rows(sql); }), "42501") << sql;
}

TEST(migration, a_role_that_exists_is_left_as_it_is) {
  Cluster shard;
  Server& writer = shard.writer();
  writer.exec("create role rpoguard nologin");
  apply_migration(writer);
  EXPECT_EQ(writer.query("select rolcanlogin from pg_roles where rolname = 'rpoguard'"), "f");
}

TEST(migration, any_region_is_kept_as_it_was_given) {
  Cluster shard;
  const std::string region = "it's \\ a \"region\"; drop schema rpoguard;\n-- :x $1 $rpoguard$";
  apply_migration(shard.writer(), "rpoguard", region);
  EXPECT_EQ(shard.writer().query("select writer_region from rpoguard.cluster_state"), region);
}

TEST(migration, a_standby_refuses_the_script_in_plain_words) {
  Cluster shard;
  Server& standby = shard.add_standby({.name = "phx-a"});
  try {
    apply_migration(standby);
    FAIL() << "it ran";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("this server is a standby"), std::string::npos)
        << error.what();
  }
}

TEST(migration, concurrent_promotions_get_an_epoch_each) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  constexpr int kThreads = 4;
  constexpr int kCalls = 10;
  std::vector<std::vector<std::string>> epochs(kThreads);
  std::vector<std::thread> threads;
  for (auto& mine : epochs)
    threads.emplace_back([&] {
      Session session = writer.connect();
      for (int i = 0; i < kCalls; ++i)
        mine.push_back(
            session.value("select rpoguard.cluster_promote('phx', 'ann')").value_or("null"));
    });
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> different;
  for (const auto& mine : epochs) different.insert(mine.begin(), mine.end());
  EXPECT_EQ(different.size(), std::size_t{kThreads * kCalls});
  EXPECT_EQ(writer.query("select writer_epoch from rpoguard.cluster_state"),
            std::to_string(1 + kThreads * kCalls));
}

TEST(migration, a_promotion_does_not_wait_for_a_standby_that_is_gone) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("create table t (x int)");
  writer.set_conf("synchronous_standby_names", "gone");
  writer.reload();
  ASSERT_TRUE(writer.becomes("show synchronous_standby_names", "gone"));
  // An ordinary commit waits, once the checkpointer has read the setting for all.
  EXPECT_TRUE(eventually(std::chrono::seconds(30), [&] {
    Session waits = writer.connect();
    waits.rows("set statement_timeout = 0");
    try {
      waits.rows("insert into t values (1)", std::chrono::seconds(1));
      return false;
    } catch (const SqlError&) {
      return true;
    }
  }));
  Session session = writer.connect();
  EXPECT_EQ(
      session.value("select rpoguard.cluster_promote('phx', 'ann')", std::chrono::seconds(20)),
      "2");
  EXPECT_EQ(session.value("show synchronous_commit"), "on");  // for that transaction only
  EXPECT_NO_THROW(apply_migration(writer));                   // nor does the script
}

TEST(migration, a_promotion_is_stamped_only_where_writes_are_possible) {
  Cluster shard;
  apply_migration(shard.writer());
  Server& standby = shard.add_standby({.name = "phx-a"});
  ASSERT_TRUE(eventually(kProbePatience, [&] { return shard.caught_up(standby, shard.writer()); }));
  const std::string promote = "select rpoguard.cluster_promote('phx', 'ann')";
  EXPECT_EQ(sqlstate_of([&] { standby.exec(promote); }), "55000");
  EXPECT_EQ(
      sqlstate_of([&] { shard.writer().exec("select rpoguard.cluster_promote(null, 'ann')"); }),
      "22004");
  EXPECT_EQ(shard.writer().query("select writer_epoch from rpoguard.cluster_state"), "1");
  standby.promote();
  EXPECT_EQ(standby.query(promote), "2");
  EXPECT_EQ(standby.query("select promoted_at > now() - interval '1 minute' "
                          "from rpoguard.cluster_state"),
            "t");
}

TEST(migration, only_those_who_were_granted_it_may_promote) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("create role failover login; grant usage on schema rpoguard to failover");
  Session failover(writer.conninfo("postgres", "failover"));
  const std::string promote = "select rpoguard.cluster_promote('phx', 'ann')";
  EXPECT_EQ(sqlstate_of([&] { failover.rows(promote); }), "42501");
  writer.exec("grant execute on function rpoguard.cluster_promote to failover");
  EXPECT_EQ(failover.value(promote), "2");
}

}  // namespace
}  // namespace rpoguard::test
