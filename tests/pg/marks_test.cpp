// Marks of the writer's runs against real servers: who may write them, and what a look shows.
#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/pg/observe_support.hpp"
#include "tests/support/cluster.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using core::NodeFacts;

void apply_marks(const Server& server, observe::Marks marks = observe::Marks::with_table) {
  const TempDir dir;
  write_file(dir / "marks.sql",
             observe::render_migration("rpoguard", "iad", observe::Canary::without_table, marks));
  const auto result = run_command({.argv = {"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
                                            server.conninfo(), "-f", dir / "marks.sql"}});
  if (result.exit_code != 0) throw std::runtime_error("psql: " + result.output);
}

/// What the server says against it; empty: nothing.
std::string refusal_of(const std::function<void()>& statement) {
  try {
    statement();
  } catch (const SqlError& error) {
    return error.sqlstate();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

std::string marks_on(const Server& server) {
  return server.query("select count(*) from rpoguard.run_mark").value_or("?");
}

TEST(marks, are_one_for_each_run_and_say_which) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_marks(writer);
  const auto mark = [&] {
    return Session(writer.conninfo("postgres", "rpoguard")).value("select rpoguard.mark_run()");
  };
  EXPECT_EQ(mark(), "t");
  EXPECT_EQ(mark(), "f");
  EXPECT_EQ(marks_on(writer), "1");
  EXPECT_EQ(writer.query("select timeline = 1 and postmaster_started = pg_postmaster_start_time() "
                         "and backends_started = (select backend_start from pg_stat_activity where "
                         "backend_type = 'checkpointer') and lsn <= pg_current_wal_insert_lsn() "
                         "and written_at between backends_started and clock_timestamp() "
                         "and seal = (select last_value from rpoguard.run_seal) "
                         "from rpoguard.run_mark"),
            "t");
  writer.restart();
  EXPECT_EQ(mark(), "t");
  EXPECT_EQ(mark(), "f");
  const auto pid =
      writer.query("select pid from pg_stat_activity where backend_type = 'walwriter'");
  ASSERT_TRUE(pid);
  ::kill(std::stoi(*pid), SIGKILL);
  ASSERT_TRUE(writer.becomes(
      "select pid <> " + *pid + " from pg_stat_activity where backend_type = 'walwriter'", "t"));
  EXPECT_EQ(mark(), "t") << "another life of the backends";
  EXPECT_EQ(marks_on(writer), "3");
  EXPECT_EQ(writer.query("select count(distinct postmaster_started) from rpoguard.run_mark"), "2");

  Server& standby = shard.add_standby({.name = "phx-a"});
  EXPECT_EQ(refusal_of([&] { standby.exec("select rpoguard.mark_run()"); }), "55000");
  standby.promote();
  standby.exec("select rpoguard.mark_run()");
  EXPECT_EQ(standby.query("select timeline from rpoguard.run_mark order by lsn desc limit 1"), "2");
}

TEST(marks, are_added_by_the_one_function_and_in_no_other_way) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_marks(writer);
  Session role(writer.conninfo("postgres", "rpoguard"));
  EXPECT_EQ(role.value("select rpoguard.mark_run()"), "t");
  for (const char* sql :
       {"insert into rpoguard.run_mark select * from rpoguard.run_mark",
        "update rpoguard.run_mark set lsn = '0/1'", "delete from rpoguard.run_mark",
        "truncate rpoguard.run_mark", "drop table rpoguard.run_mark",
        "select setval('rpoguard.run_seal', 1)", "select nextval('rpoguard.run_seal')",
        "create or replace function rpoguard.mark_run() returns boolean language sql as 'select "
        "true'"})
    EXPECT_EQ(refusal_of([&] { role.rows(sql); }), "42501") << sql;
  EXPECT_EQ(
      writer.query("select string_agg(p.oid::regprocedure::text, ', ' order by p.proname) from "
                   "pg_proc p where p.pronamespace = 'rpoguard'::regnamespace and "
                   "has_function_privilege('rpoguard', p.oid, 'execute')"),
      "rpoguard.mark_run(), rpoguard.timeline_history(integer)");
  writer.exec("create role other login; grant usage on schema rpoguard to other");
  Session other(writer.conninfo("postgres", "other"));
  EXPECT_EQ(refusal_of([&] { other.rows("select rpoguard.mark_run()"); }), "42501");
  EXPECT_EQ(refusal_of([&] { other.rows("select * from rpoguard.run_mark"); }), "42501");
}

// Whatever its temporary objects are called.
TEST(marks, of_a_caller_with_a_search_path_of_its_own_are_no_others) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_marks(writer);
  Session role(writer.conninfo("postgres", "rpoguard"));
  role.rows(
      "create function pg_temp.clock_timestamp() returns timestamptz language sql as $$select "
      "'2000-01-01'::timestamptz$$");
  role.rows("set search_path = pg_temp, pg_catalog");
  EXPECT_EQ(role.value("select rpoguard.mark_run()"), "t");
  EXPECT_EQ(writer.query("select written_at > now() - interval '1 hour' from rpoguard.run_mark"),
            "t");
}

std::string owned_state(const Server& server) {
  return server
      .query(
          "select string_agg(x, E'\\n' order by x) from ("
          "select concat(relname, relkind, relowner, relacl, relfilenode) x from pg_class "
          "where relnamespace = 'rpoguard'::regnamespace union all "
          "select concat(proname, proowner, proacl, prosecdef, proconfig, md5(prosrc)) from "
          "pg_proc "
          "where pronamespace = 'rpoguard'::regnamespace union all "
          "select row_to_json(m)::text from rpoguard.run_mark m union all "
          "select last_value::text from rpoguard.run_seal) t")
      .value_or("null");
}

TEST(marks, come_with_any_version_of_the_migration_and_stay_when_it_is_run_without) {
  Cluster shard;
  Server& writer = shard.writer();
  std::vector<std::string> scripts;
  for (const auto& file : std::filesystem::directory_iterator(std::string(RPOGUARD_SOURCE_DIR) +
                                                              "/tests/testdata/migrations"))
    scripts.push_back(file.path());
  scripts.emplace_back();  // none
  for (const std::string& script : scripts) {
    writer.exec("drop schema if exists rpoguard cascade");
    if (!script.empty()) {
      const auto earlier = run_command({.argv = {"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
                                                 writer.conninfo(), "-f", script}});
      ASSERT_EQ(earlier.exit_code, 0) << earlier.output;
    }
    apply_marks(writer);
    writer.exec("select rpoguard.mark_run()");
    const std::string before = owned_state(writer);
    apply_marks(writer);
    EXPECT_EQ(owned_state(writer), before) << script;
    apply_marks(writer, observe::Marks::without_table);
    EXPECT_EQ(owned_state(writer), before) << script;
  }
}

TEST(marks, belong_to_the_owner_of_the_schema) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("create role dba superuser login; alter schema rpoguard owner to dba");
  apply_marks(writer);
  EXPECT_EQ(
      writer.query("select string_agg(distinct owner::regrole::text, ' ') from (select "
                   "relowner as owner from pg_class where relname in ('run_mark', 'run_seal') "
                   "union all select proowner from pg_proc where proname = 'mark_run') t"),
      "dba");
  EXPECT_EQ(Session(writer.conninfo("postgres", "rpoguard")).value("select rpoguard.mark_run()"),
            "t");
}

/// The looks of rpoguard at these servers, the first of which is the confirmed writer.
class MarkRun {
 public:
  explicit MarkRun(const std::vector<const Server*>& servers)
      : run_(nodes(servers), pg_options()) {}

  ProbeRun& run() { return run_; }
  /// As the evaluation says of the writer's last look.
  void expect_run_of_writer() {
    const auto id = core::run_of(*run_.facts(0));
    ASSERT_TRUE(id);
    run_.prober().expect_mark(0, 0, id);
  }
  [[nodiscard]] bool shows_mark(std::size_t node) {
    const auto id = core::run_of(*run_.facts(0));
    return run_to_facts(
        run_, node, [&](const NodeFacts& facts) { return facts.mark && facts.mark->run == *id; });
  }
  /// What looks of the node say against its marks.
  std::string problem(std::size_t node) {
    EXPECT_TRUE(run_probes(run_, node, 2));
    return run_.facts(node) == nullptr ? "no answer" : run_.facts(node)->mark_problem;
  }

 private:
  static std::vector<core::NodeSpec> nodes(const std::vector<const Server*>& servers) {
    std::vector<core::NodeSpec> nodes;
    for (const Server* server : servers) nodes.push_back(node_on(*server));
    return nodes;
  }
  ProbeRun run_;
};

TEST(marks, are_written_on_the_confirmed_writer_and_seen_on_its_copies) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_marks(writer);
  Server& standby = shard.add_standby({.name = "phx-a"});
  MarkRun looks({&writer, &standby});
  for (const std::size_t node : {0U, 1U}) ASSERT_TRUE(run_to_facts(looks.run(), node));
  ASSERT_TRUE(run_probes(looks.run(), 0, 2));
  EXPECT_EQ(marks_on(writer), "0") << "nobody has confirmed it";
  looks.expect_run_of_writer();
  EXPECT_TRUE(looks.shows_mark(0));
  EXPECT_TRUE(looks.shows_mark(1));
  EXPECT_EQ(marks_on(writer), "1");
  EXPECT_EQ(looks.run().facts(0)->mark, looks.run().facts(1)->mark);
  EXPECT_EQ(looks.problem(0), "");
  EXPECT_LE(looks.run().facts(1)->mark->lsn, *looks.run().facts(1)->replay_lsn);

  // Of another run than the one that was confirmed nothing is written.
  writer.restart();
  ASSERT_TRUE(run_to_facts(looks.run(), 0));
  ASSERT_TRUE(run_probes(looks.run(), 0, 3));
  EXPECT_EQ(marks_on(writer), "1");
  looks.expect_run_of_writer();
  EXPECT_TRUE(looks.shows_mark(1));
  EXPECT_EQ(marks_on(writer), "2");
}

TEST(marks, are_no_matter_where_there_are_none) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  MarkRun looks({&writer});
  ASSERT_TRUE(run_to_facts(looks.run(), 0));
  const std::string before =
      writer.query("select xact_commit from pg_stat_database where datname = 'postgres'")
          .value_or("");
  looks.expect_run_of_writer();
  EXPECT_EQ(looks.problem(0), "");
  EXPECT_FALSE(looks.run().facts(0)->mark.has_value());
  // Applied while rpoguard runs: found within a slow interval.
  apply_marks(writer);
  EXPECT_TRUE(looks.shows_mark(0));
}

// A row whose page came without the WAL that wrote it has another seal.
TEST(marks, without_their_seal_are_not_shown) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_marks(writer);
  writer.exec("select rpoguard.mark_run(); select setval('rpoguard.run_seal', 7)");
  MarkRun looks({&writer});
  ASSERT_TRUE(run_to_facts(looks.run(), 0));
  looks.expect_run_of_writer();
  ASSERT_TRUE(run_probes(looks.run(), 0, 4));
  EXPECT_FALSE(looks.run().facts(0)->mark.has_value());
  EXPECT_EQ(marks_on(writer), "1");
}

TEST(marks, that_cannot_be_written_cost_no_look_and_are_written_as_soon_as_they_can) {
  Cluster shard({.conf = {{"synchronous_standby_names", "gone"}}});
  Server& writer = shard.writer();
  apply_marks(writer);
  Session holder = writer.connect();
  holder.rows("begin");
  holder.rows("lock table rpoguard.run_mark in share mode");  // as REINDEX
  MarkRun looks({&writer});
  ASSERT_TRUE(run_to_facts(looks.run(), 0));
  const std::uint64_t session = looks.run().facts(0)->session;
  looks.expect_run_of_writer();
  ASSERT_TRUE(run_to_facts(looks.run(), 0,
                           [](const NodeFacts& facts) { return !facts.mark_problem.empty(); }));
  EXPECT_NE(looks.run().facts(0)->mark_problem.find("55P03"), std::string::npos)
      << looks.run().facts(0)->mark_problem;
  holder.rows("rollback");
  EXPECT_TRUE(looks.shows_mark(0)) << "and no standby is waited for";
  EXPECT_EQ(looks.problem(0), "");
  EXPECT_EQ(looks.run().facts(0)->session, session);
  for (const auto& seen : looks.run().fast(0)) EXPECT_NE(ProbeRun::facts_of(seen), nullptr);
}

struct Hostile {
  const char* sql;
  const char* of_script;  ///< what the migration says
  const char* of_look;    ///< what a look says where that was done later
};

TEST(marks, of_others_are_neither_used_nor_taken_over) {
  constexpr Hostile kCases[] = {
      {"create table rpoguard.run_mark (x int); alter table rpoguard.run_mark owner to mallory",
       "rpoguard.run_mark belongs to mallory",
       "table rpoguard.run_mark belongs to mallory, and the schema to postgres"},
      {"create view rpoguard.run_mark as select 1 as x; alter view rpoguard.run_mark owner to "
       "mallory",
       "rpoguard.run_mark belongs to mallory", "table rpoguard.run_mark belongs to mallory"},
      {"create sequence rpoguard.run_seal; alter sequence rpoguard.run_seal owner to mallory",
       "rpoguard.run_seal belongs to mallory", "sequence rpoguard.run_seal belongs to mallory"},
      {"create function rpoguard.mark_run() returns boolean language sql as 'select pg_sleep(9) is "
       "null'; alter function rpoguard.mark_run() owner to mallory",
       "rpoguard.mark_run() belongs to mallory", "function rpoguard.mark_run() belongs to mallory"},
      {"create function rpoguard.mark_run(x int default 1) returns boolean language sql as 'select "
       "true'; alter function rpoguard.mark_run(int) owner to mallory",
       "rpoguard.mark_run(integer) belongs to mallory", ""},
  };
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("create role mallory login; grant usage, create on schema rpoguard to mallory");
  MarkRun looks({&writer});
  ASSERT_TRUE(run_to_facts(looks.run(), 0));
  for (const Hostile& hostile : kCases) {
    SCOPED_TRACE(hostile.sql);
    writer.exec(
        "drop table if exists rpoguard.run_mark; drop sequence if exists rpoguard.run_seal; "
        "drop function if exists rpoguard.mark_run()");
    writer.exec(hostile.sql);
    EXPECT_NE(refusal_of([&] { apply_marks(writer); }).find(hostile.of_script), std::string::npos);
    if (*hostile.of_look == '\0') continue;
    // It came later than the marks.
    for (const char* drop :
         {"drop view rpoguard.run_mark", "drop table rpoguard.run_mark",
          "drop sequence rpoguard.run_seal", "drop function rpoguard.mark_run()"})
      refusal_of([&] { writer.exec(drop); });
    apply_marks(writer);
    const std::string name = std::string(hostile.sql).find("seal") != std::string::npos
                                 ? "drop sequence rpoguard.run_seal"
                             : std::string(hostile.sql).find("function") != std::string::npos
                                 ? "drop function rpoguard.mark_run()"
                                 : "drop table rpoguard.run_mark";
    writer.exec(name);
    writer.exec(hostile.sql);
    MarkRun fresh({&writer});
    ASSERT_TRUE(run_to_facts(fresh.run(), 0));
    fresh.expect_run_of_writer();
    EXPECT_NE(fresh.problem(0).find(hostile.of_look), std::string::npos) << fresh.problem(0);
    EXPECT_FALSE(fresh.run().facts(0)->mark.has_value());
    refusal_of([&] { writer.exec("drop view rpoguard.run_mark"); });
  }
}

TEST(marks, that_lack_a_right_say_which) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_marks(writer);
  for (const auto& [revoke, grant] :
       {std::pair("revoke execute on function rpoguard.mark_run() from rpoguard",
                  "grant execute on function rpoguard.mark_run() to rpoguard"),
        std::pair("revoke select on rpoguard.run_mark from rpoguard",
                  "grant select on rpoguard.run_mark to rpoguard"),
        std::pair("revoke select on rpoguard.run_seal from rpoguard",
                  "grant select on rpoguard.run_seal to rpoguard")}) {
    writer.exec(revoke);
    MarkRun looks({&writer});
    ASSERT_TRUE(run_to_facts(looks.run(), 0));
    looks.expect_run_of_writer();
    EXPECT_EQ(looks.problem(0), grant);
    writer.exec(grant);
    EXPECT_TRUE(looks.shows_mark(0)) << revoke;
  }
}

}  // namespace
}  // namespace rpoguard::test
