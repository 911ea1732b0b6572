// `rpoguard sql` against a real server.
#include <filesystem>
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

/// "EPOCH/TIMELINE" on which that was stamped.
std::string timeline_of_stamp(const Server& server) {
  return server
      .query("select promoted_epoch || '/' || promoted_timeline from rpoguard.cluster_state")
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
  EXPECT_EQ(shard.writer().query("select writer_epoch from rpoguard.cluster_state"), "1");
  standby.promote();
  EXPECT_EQ(timeline_of_stamp(standby), "1/1") << "the writer's";
  EXPECT_EQ(standby.query(promote), "2");
  EXPECT_EQ(timeline_of_stamp(standby), "2/2");
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

TEST(migration, a_stamp_is_above_the_number_that_is_given_and_above_its_own) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  const auto stamp = [&](const std::string& rest) {
    return writer.query("select rpoguard.cluster_promote('phx', 'ann'" + rest + ")");
  };
  EXPECT_EQ(stamp(""), "2");
  EXPECT_EQ(stamp(", above => 7"), "8");
  EXPECT_EQ(timeline_of_stamp(writer), "8/1");
  EXPECT_EQ(stamp(", above => 7"), "9") << "never the same number twice";
  EXPECT_EQ(stamp(", 3"), "10");
  EXPECT_EQ(stamp(", above => null"), "11");
  EXPECT_EQ(stamp(", above => 0"), "12");
  EXPECT_EQ(stamp(", above => 1000000000000000000"), "1000000000000000001");
  EXPECT_EQ(stamp(""), "1000000000000000002");
}

/// What the server says against the call; empty: it stamps.
std::string refusal(Server& server, const std::string& arguments) {
  try {
    server.exec("select rpoguard.cluster_promote(" + arguments + ")");
  } catch (const SqlError& error) {
    return error.sqlstate() + " " + error.what();
  }
  return "";
}

TEST(migration, a_stamp_names_a_region_that_a_configuration_can_name_and_somebody) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  for (const char* region : {"null", "''", "'  '", "'ph x'", "E'ph\\tx'", "E'ph\\nx'", "E'\\x01'",
                             "E'phx\\x7F'", "'a/b'", "'a?b'", "'a#b'", "U&'phx\\00A0'",
                             "U&'ph\\200Bx'", "U&'ph\\0085x'", "U&'\\FEFFphx'"}) {
    const std::string why = refusal(writer, std::string(region) + ", 'ann'");
    EXPECT_TRUE(why.starts_with("22023")) << region << ": " << why;
    EXPECT_NE(why.find("the region must not be empty, nor hold white space, control characters"),
              std::string::npos)
        << why;
  }
  for (const char* person : {"null", "''", "E' \\n '", "E'an\\x1Bn'"}) {
    const std::string why = refusal(writer, std::string("'phx', ") + person);
    EXPECT_TRUE(why.starts_with("22023")) << person << ": " << why;
    EXPECT_NE(why.find("the operator must not be empty, nor hold control characters"),
              std::string::npos)
        << why;
  }
  for (const char* above : {"-1", "1000000000000000001", "9223372036854775807"}) {
    const std::string why = refusal(writer, std::string("'phx', 'ann', above => ") + above);
    EXPECT_TRUE(why.starts_with("22023")) << above << ": " << why;
    EXPECT_NE(why.find("above must be from 0 to"), std::string::npos) << why;
  }
  EXPECT_EQ(writer.query("select writer_epoch from rpoguard.cluster_state"), "1");

  const std::string row = "select writer_region || '|' || promoted_by from rpoguard.cluster_state";
  writer.exec("select rpoguard.cluster_promote(E' \\t phx\\n', E'\\n ann of on call ')");
  EXPECT_EQ(writer.query(row), "phx|ann of on call");
  writer.exec("select rpoguard.cluster_promote('münchen-1.a_b', 'Zoë')");
  EXPECT_EQ(writer.query(row), "münchen-1.a_b|Zoë");
}

// A caller's settings change how literals are read, and databases need not be UTF-8.
TEST(migration, a_stamp_is_checked_alike_in_every_session_and_encoding) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  Session session = writer.connect();
  session.rows("set standard_conforming_strings = off");
  EXPECT_EQ(sqlstate_of([&] { session.rows("select rpoguard.cluster_promote('a b', 'ann')"); }),
            "22023");
  EXPECT_EQ(session.value("select rpoguard.cluster_promote('us-west', 'ann')"), "2");
  for (const std::string encoding : {"SQL_ASCII", "LATIN1"}) {
    const std::string dbname = encoding == "LATIN1" ? "latin" : "ascii";
    writer.exec("create database " + dbname + " template template0 encoding '" + encoding + "'");
    const TempDir dir;
    write_file(dir / "m.sql", observe::render_migration("rpoguard", "iad"));
    const auto psql = run_command(
        {.argv = {"psql", "-X", "-q", "-d", writer.conninfo(dbname), "-f", dir / "m.sql"}});
    ASSERT_EQ(psql.exit_code, 0) << psql.output;
    Session other = writer.connect(dbname);
    EXPECT_EQ(sqlstate_of([&] { other.rows("select rpoguard.cluster_promote('a b', 'ann')"); }),
              "22023")
        << encoding;
    EXPECT_EQ(other.value("select rpoguard.cluster_promote('à', 'ann')"), "2") << encoding;
  }
}

// What the script takes over would run with the rights of whoever runs it: of a superuser.
class MigrationGuard : public testing::Test {
 protected:
  MigrationGuard() {
    writer_.exec("create role mallory login");
    writer_.exec("create database app owner mallory");
  }
  /// What psql says; empty: it is applied.
  std::string apply(const std::string& user = "postgres") const {
    const TempDir dir;
    write_file(dir / "m.sql",
               observe::render_migration("rpoguard", "iad", observe::Canary::with_table));
    const auto psql = run_command({.argv = {"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
                                            writer_.conninfo("app", user), "-f", dir / "m.sql"}});
    return psql.exit_code == 0 ? "" : psql.output;
  }
  void start_anew() const {
    writer_.connect("app").rows(
        "drop schema if exists rpoguard cascade; drop schema if exists evil cascade; "
        "drop table if exists caught");
    Session(writer_.conninfo("app", "mallory"))
        .rows(
            "create table caught (who text); create schema evil; create function evil.f() "
            "returns bigint language plpgsql as $$begin insert into public.caught values "
            "(current_user); return 1; end$$; create function evil.t() returns trigger language "
            "plpgsql as $$begin perform evil.f(); return new; end$$; create function "
            "evil.c(bigint) returns boolean language plpgsql as $$begin return evil.f() = 1; "
            "end$$; create domain evil.d as bigint check (evil.c(value))");
  }
  std::string caught() const {
    return writer_.connect("app").value("select string_agg(who, ' ') from caught").value_or("");
  }

  Cluster shard_;
  Server& writer_ = shard_.writer();
};

constexpr const char* kStateTable =
    "create table rpoguard.cluster_state (id boolean primary key default true check (id), "
    "writer_epoch bigint not null, writer_region text not null, promoted_by text, promoted_at "
    "timestamptz);";
// The table was given to a superuser as it was.
constexpr const char* kGiven =
    "alter schema rpoguard owner to postgres; alter table "
    "rpoguard.cluster_state owner to postgres";

TEST_F(MigrationGuard, takes_over_nothing_that_somebody_else_has_made) {
  const std::string table = std::string("create schema rpoguard; ") + kStateTable;
  const std::string trigger =
      "create trigger x before insert on rpoguard.cluster_state for each row execute function "
      "evil.t();";
  struct Row {
    std::string sql;      ///< what mallory has made before the script is run
    const char* given;    ///< what a superuser has done since
    const char* refusal;  ///< what the script says
  };
  const std::vector<Row> rows{
      {"create schema rpoguard", "", "schema rpoguard belongs to mallory"},
      {table, "alter schema rpoguard owner to postgres",
       "rpoguard.cluster_state belongs to mallory"},
      {table + trigger, kGiven,
       "evil.t(), which rpoguard.cluster_state uses in trigger x, belongs to mallory"},
      {table + "create rule r as on insert to rpoguard.cluster_state do also select evil.f();",
       kGiven, "rpoguard.cluster_state has the rule r"},
      {table + "alter table rpoguard.cluster_state alter writer_epoch set default evil.f();",
       kGiven, "evil.f(), which rpoguard.cluster_state uses in a default, belongs to mallory"},
      {table + "alter table rpoguard.cluster_state add constraint k check (evil.c(writer_epoch));",
       kGiven, "evil.c(bigint), which rpoguard.cluster_state uses in constraint k, belongs to"},
      {table + "alter table rpoguard.cluster_state alter writer_epoch type evil.d;", kGiven,
       "evil.d, which rpoguard.cluster_state uses in a column, belongs to mallory"},
      {table + "create policy p on rpoguard.cluster_state using (evil.f() = 1);", kGiven,
       "evil.f(), which rpoguard.cluster_state uses in policy p, belongs to mallory"},
      {table + "create table rpoguard.child () inherits (rpoguard.cluster_state);", kGiven,
       "rpoguard.child, which inherits rpoguard.cluster_state, belongs to mallory"},
      {"create schema rpoguard; create view rpoguard.canary as select evil.f()",
       "alter schema rpoguard owner to postgres", "rpoguard.canary belongs to mallory"},
      {"create schema rpoguard; create function rpoguard.timeline_history(int) returns text "
       "language sql as 'select null::text'",
       "alter schema rpoguard owner to postgres",
       "rpoguard.timeline_history(integer) belongs to mallory"},
      {"create schema rpoguard; create function rpoguard.cluster_promote(text) returns bigint "
       "language sql as 'select evil.f()'",
       "alter schema rpoguard owner to postgres",
       "rpoguard.cluster_promote(text) belongs to mallory"},
  };
  for (const Row& row : rows) {
    start_anew();
    Session(writer_.conninfo("app", "mallory")).rows(row.sql);
    if (*row.given != '\0') writer_.connect("app").rows(row.given);
    const std::string said = apply();
    EXPECT_NE(said.find(std::string("not taken over: ") + row.refusal), std::string::npos)
        << row.sql << "\n"
        << said;
    EXPECT_EQ(caught(), "") << row.sql;
  }
  // What there is of others beside it is no reason; nor is a superuser's own trigger.
  start_anew();
  EXPECT_EQ(apply(), "");
  writer_.connect("app").rows(
      "create function public.own() returns trigger language plpgsql as 'begin return new; end'; "
      "create trigger own before update on rpoguard.cluster_state for each row execute function "
      "public.own()");
  EXPECT_EQ(apply(), "");
  EXPECT_EQ(caught(), "");
}

/// The scripts that rpoguard sql has printed before, each with what it could print: oldest first.
std::vector<std::string> earlier_scripts() {
  std::vector<std::string> scripts;
  const std::string folder = std::string(RPOGUARD_SOURCE_DIR) + "/tests/testdata/migrations";
  for (const auto& file : std::filesystem::directory_iterator(folder))
    scripts.push_back(file.path());
  std::ranges::sort(scripts);
  return scripts;
}

class MigrationUpgrade : public testing::Test {
 protected:
  void run_script(const std::string& path) {
    const auto psql = run_command({.argv = {"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
                                            writer_.conninfo(), "-f", path}});
    ASSERT_EQ(psql.exit_code, 0) << path << ": " << psql.output;
  }
  bool may_promote(const std::string& role) {
    return writer_.query("select has_function_privilege('" + role +
                         "', 'rpoguard.cluster_promote(text, text, bigint)', 'execute')") == "t";
  }

  Cluster shard_;
  Server& writer_ = shard_.writer();
};

TEST_F(MigrationUpgrade, from_every_earlier_script_leaves_one_function_and_all_grants) {
  writer_.exec(
      "create role failover login; create role helper login; create role \"On Call\" login; "
      "create role owner superuser");
  const std::vector<std::string> scripts = earlier_scripts();
  ASSERT_EQ(scripts.size(), 6U);
  for (const std::string& script : scripts) {
    writer_.exec("drop schema if exists rpoguard cascade");
    run_script(script);
    writer_.exec(
        "grant usage on schema rpoguard to failover, helper, \"On Call\";"
        "alter function rpoguard.cluster_promote owner to owner;"
        "grant execute on function rpoguard.cluster_promote to \"On Call\";"
        "grant execute on function rpoguard.cluster_promote to failover with grant option;"
        "set role failover; grant execute on function rpoguard.cluster_promote to helper");
    writer_.exec("select rpoguard.cluster_promote('iad', 'ann')");
    apply_migration(writer_);
    EXPECT_EQ(timeline_of_stamp(writer_), "null") << script << ": nobody knows";

    EXPECT_EQ(writer_.query("select string_agg(oid::regprocedure::text, ' ') from pg_proc where "
                            "pronamespace = 'rpoguard'::regnamespace and proname = "
                            "'cluster_promote'"),
              "rpoguard.cluster_promote(text,text,bigint)")
        << script;
    EXPECT_EQ(writer_.query("select string_agg(concat(grantee::regrole, ' ', is_grantable), ', ' "
                            "order by grantee::regrole::text collate \"C\") from pg_proc, "
                            "aclexplode(proacl) where pronamespace = 'rpoguard'::regnamespace and "
                            "proname = 'cluster_promote'"),
              "\"On Call\" f, failover t, helper f, owner f")
        << script;
    EXPECT_EQ(writer_.query("select proowner::regrole from pg_proc where oid = "
                            "'rpoguard.cluster_promote'::regproc"),
              "owner");
    EXPECT_FALSE(may_promote("public")) << script;
    EXPECT_FALSE(may_promote("rpoguard")) << script;
    const std::string call = "select rpoguard.cluster_promote('phx', 'ann'";
    for (const char* role : {"failover", "helper", "On Call"}) {
      Session session(writer_.conninfo() + " user='" + role + "'");
      EXPECT_NO_THROW(session.rows(call + ")")) << script << ", " << role;
      EXPECT_NO_THROW(session.rows(call + ", above => 7)")) << script << ", " << role;
    }
    EXPECT_EQ(writer_.query(call + ")"), "13") << script << ": 2, 3, 8, 9, 10, 11, 12";
    EXPECT_EQ(timeline_of_stamp(writer_), "13/1") << script;
    const std::string before = state_of(writer_);
    apply_migration(writer_);
    EXPECT_EQ(state_of(writer_), before) << script;
  }
}

// Somebody ran the script of an earlier version after this one's.
TEST_F(MigrationUpgrade, puts_right_what_an_earlier_script_has_added) {
  apply_migration(writer_);
  writer_.exec("create role failover; create role helper");
  writer_.exec("grant execute on function rpoguard.cluster_promote to failover");
  run_script(earlier_scripts().at(4));  // the last one whose function has two arguments
  EXPECT_EQ(sqlstate_of([&] { writer_.exec("select rpoguard.cluster_promote('phx', 'ann')"); }),
            "42725")
      << "ambiguous, or this shows nothing";
  writer_.exec("grant execute on function rpoguard.cluster_promote(text, text) to helper");
  apply_migration(writer_);
  EXPECT_EQ(writer_.query("select rpoguard.cluster_promote('phx', 'ann')"), "2");
  EXPECT_TRUE(may_promote("helper"));
  EXPECT_TRUE(may_promote("failover"));
}

// Its function raises the epoch and leaves the timeline as it was, which may be another's.
TEST_F(MigrationUpgrade, knows_no_timeline_of_a_stamp_by_an_earlier_scripts_function) {
  apply_migration(writer_);
  ProbeRun run({node_on(writer_)}, pg_options());
  const auto shows = [&](std::int64_t epoch, std::optional<core::Timeline> timeline) {
    return run_to_facts(run, 0, [&](const core::NodeFacts& facts) {
      return facts.stamped && facts.stamped->epoch == core::Epoch{epoch} &&
             facts.stamped->timeline == timeline;
    });
  };
  EXPECT_TRUE(shows(1, core::Timeline{1}));
  run_script(earlier_scripts().back());
  writer_.exec("select rpoguard.cluster_promote('iad', 'ann')");
  EXPECT_TRUE(shows(2, std::nullopt));
  apply_migration(writer_);
  EXPECT_TRUE(shows(2, std::nullopt));
  writer_.exec("select rpoguard.cluster_promote('iad', 'ann')");
  EXPECT_TRUE(shows(3, core::Timeline{1}));
}

// Whoever reads the table waits behind whoever waits to change it.
TEST_F(MigrationUpgrade, does_not_wait_for_somebody_who_keeps_the_table_open) {
  run_script(earlier_scripts().back());
  Session reader = writer_.connect();
  reader.rows("begin");
  reader.rows("select * from rpoguard.cluster_state");
  EXPECT_THROW(apply_migration(writer_), std::runtime_error);
  reader.rows("commit");
  EXPECT_EQ(apply_migration(writer_), "");
}

// In one session: a look names no column that was not there when it began.
TEST_F(MigrationUpgrade, of_a_server_that_is_looked_at_fails_no_look) {
  run_script(earlier_scripts().back());
  ProbeRun run({node_on(writer_)}, pg_options());
  ASSERT_TRUE(
      run_to_facts(run, 0, [](const core::NodeFacts& facts) { return facts.stamped.has_value(); }));
  EXPECT_FALSE(run.facts(0)->stamped->timeline);
  const std::uint64_t session = run.facts(0)->session;
  apply_migration(writer_);
  writer_.exec("select rpoguard.cluster_promote('iad', 'ann')");
  EXPECT_TRUE(run_to_facts(run, 0, [](const core::NodeFacts& facts) {
    return facts.stamped && facts.stamped->timeline == core::Timeline{1};
  }));
  EXPECT_EQ(run.facts(0)->session, session);
}

}  // namespace
}  // namespace rpoguard::test
