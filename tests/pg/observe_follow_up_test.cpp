// What the prober asks for only now and then: histories, waiting WAL, the operator's epoch query.
#include <gtest/gtest.h>

#include "tests/pg/observe_support.hpp"
#include "tests/support/cluster.hpp"

namespace rpoguard::test {
namespace {

using core::NodeFacts;

std::string history_file(const Server& server, const std::string& timeline) {
  return server.query("select pg_read_file('pg_wal/" + timeline + ".history')").value_or("");
}

TEST(observe_follow_up, a_promoted_server_and_who_follows_it_tell_where_they_branched_off) {
  Cluster shard;
  Server& old_writer = shard.writer();
  apply_migration(old_writer);
  Server& promoted = shard.add_standby({.name = "phx-a"});
  const auto follower = Server::clone({.name = "phx-b"}, {.port = promoted.port()});
  follower->start();
  ProbeRun run({node_on(old_writer), node_on(promoted), node_on(*follower)}, pg_options());
  for (std::size_t node = 0; node < 3; ++node) {
    ASSERT_TRUE(run_to_facts(run, node));
    EXPECT_EQ(run.facts(node)->history, core::TimelineHistory{});
  }

  promoted.promote();
  for (const std::size_t node : {1U, 2U})
    ASSERT_TRUE(run_to_facts(
        run, node, [](const NodeFacts& facts) { return facts.timeline == core::Timeline{2}; }));
  const auto expected = core::parse_timeline_history(history_file(promoted, "00000002"));
  ASSERT_TRUE(expected);
  ASSERT_EQ(expected->steps.size(), 1U);
  EXPECT_EQ(run.facts(1)->history, expected);
  EXPECT_EQ(run.facts(2)->history, expected);

  old_writer.reseed({.port = promoted.port(), .application_name = "iad-a"});
  ASSERT_TRUE(run_to_facts(
      run, 0, [](const NodeFacts& facts) { return facts.timeline == core::Timeline{2}; }));
  EXPECT_EQ(run.facts(0)->history, expected);
}

TEST(observe_follow_up, without_the_function_the_history_is_unknown_and_all_else_is_there) {
  Cluster shard;
  apply_migration(shard.writer());
  shard.writer().exec("drop function rpoguard.timeline_history(integer)");
  Server& promoted = shard.add_standby({.name = "phx-a"});
  promoted.promote();
  ProbeRun run({node_on(promoted)}, pg_options());
  ASSERT_TRUE(run_probes(run, 0, 3));
  ASSERT_TRUE(run.facts(0) != nullptr) << run.error(0)->message;
  EXPECT_EQ(run.facts(0)->timeline, core::Timeline{2});
  EXPECT_FALSE(run.facts(0)->history.has_value());
  EXPECT_TRUE(run.facts(0)->insert_lsn && run.facts(0)->stamped);
}

TEST(observe_follow_up, the_function_reads_history_files_and_nothing_else) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  const std::string call = "select rpoguard.timeline_history";
  EXPECT_EQ(writer.query(call + "(1)"), "");
  EXPECT_EQ(writer.query(call + "(7)"), std::nullopt);
  EXPECT_EQ(writer.query("select has_function_privilege('public', "
                         "'rpoguard.timeline_history(integer)', 'execute')"),
            "f");
}

TEST(observe_follow_up,
     wal_that_waits_to_be_archived_is_listed_with_the_archiver_of_the_same_look) {
  Cluster shard({.conf = {{"archive_mode", "on"}, {"archive_command", "false"}}});
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("create table t (x int)");
  writer.exec("select pg_switch_wal()");
  const std::string oldest =
      writer
          .query(
              "select min(left(name, 24)) from pg_ls_archive_statusdir() where name like '%.ready'")
          .value_or("");
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_to_facts(
      run, 0, [](const NodeFacts& facts) { return facts.archiver && facts.archiver->ready; }));
  EXPECT_GE(run.facts(0)->archiver->ready->files, 1);
  EXPECT_EQ(run.facts(0)->archiver->ready->oldest_wal, oldest);
  ASSERT_TRUE(run_to_facts(run, 0, [](const NodeFacts& facts) {
    return facts.archiver && !facts.archiver->ready;  // the looks between list nothing
  }));
}

ProbeRunOptions with_query(const std::string& query) {
  ProbeRunOptions options = pg_options(core::EpochSource::query);
  options.epoch_query = query;
  return options;
}

TEST(observe_follow_up, the_operators_query_is_the_epoch_of_each_node) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("create table lease (term bigint, region text)");
  writer.exec("grant select on lease to rpoguard");
  ProbeRun run({node_on(writer)}, with_query("select term, region from public.lease"));
  ASSERT_TRUE(run_to_facts(run, 0));
  EXPECT_FALSE(run.facts(0)->stamped.has_value());
  writer.exec("insert into lease values (12, 'iad')");
  ASSERT_TRUE(run_to_facts(run, 0, [](const NodeFacts& facts) { return !!facts.stamped; }));
  EXPECT_EQ(run.facts(0)->stamped->epoch, core::Epoch{12});
  EXPECT_EQ(run.facts(0)->stamped->writer_region, "iad");
  EXPECT_EQ(run.facts(0)->epoch_problem, "");
}

TEST(observe_follow_up, a_query_that_fails_takes_only_the_epoch_away_and_says_why) {
  Cluster shard;
  apply_migration(shard.writer());
  ProbeRun run({node_on(shard.writer())}, with_query("select term from public.nowhere"));
  ASSERT_TRUE(run_probes(run, 0, 2));
  ASSERT_TRUE(run.facts(0) != nullptr) << run.error(0)->message;
  EXPECT_FALSE(run.facts(0)->stamped.has_value());
  EXPECT_NE(run.facts(0)->epoch_problem, "");
  EXPECT_TRUE(run.facts(0)->insert_lsn.has_value());
}

TEST(observe_follow_up, a_query_that_takes_too_long_costs_neither_facts_nor_session) {
  Cluster shard;
  apply_migration(shard.writer());
  ProbeRun run({node_on(shard.writer())}, with_query("select 1 from pg_sleep(30)"));
  ASSERT_TRUE(run_probes(run, 0, 3));
  const std::uint64_t session = run.facts(0) == nullptr ? 0 : run.facts(0)->session;
  for (const auto& seen : run.fast(0)) {
    const NodeFacts* facts = ProbeRun::facts_of(seen);
    ASSERT_NE(facts, nullptr) << std::get<core::ProbeError>(seen.outcome).message;
    EXPECT_FALSE(facts->stamped.has_value());
    EXPECT_NE(facts->epoch_problem.find("sqlstate 57014"), std::string::npos)
        << facts->epoch_problem;
    EXPECT_EQ(facts->session, session);
  }
}

// In a transaction of its own the snapshot would stand still, and nothing would ever seem to be
// committed.
TEST(observe_follow_up, a_query_cannot_keep_a_transaction_open_nor_write_nor_be_two) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("create table lease (term bigint); grant all on lease to rpoguard");
  const auto problem_with = [&](const std::string& query) {
    ProbeRun run({node_on(writer)}, with_query(query));
    EXPECT_TRUE(run_probes(run, 0, 2));
    EXPECT_NE(run.facts(0), nullptr) << run.error(0)->message;
    return run.facts(0) == nullptr ? "" : run.facts(0)->epoch_problem;
  };
  EXPECT_EQ(problem_with("begin isolation level repeatable read"),
            "the statement left a transaction open");
  EXPECT_NE(problem_with("insert into public.lease values (1) returning term").find("25006"),
            std::string::npos);
  EXPECT_NE(problem_with("set transaction_read_only = off; select 1").find("42601"),
            std::string::npos);
  EXPECT_EQ(writer.query("select count(*) from lease"), "0");
}

TEST(observe_follow_up, settings_that_lower_synchronous_commit_for_some_are_named) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  ProbeRun run({node_on(writer)}, pg_options());
  // At the next look: the weakest, and whether it stands between rpoguard and the server's own.
  const auto seen = [&]() -> std::string {
    EXPECT_TRUE(run_probes(run, 0, 2));
    const core::NodeFacts* facts = run.facts(0);
    if (facts == nullptr) return run.error(0)->message;
    const auto& weakest = facts->weakest_commit;
    return (weakest ? weakest->whom + ": " + weakest->level : "none") +
           (facts->synchronous_commit_hidden ? ", hidden" : "");
  };
  EXPECT_EQ(seen(), "none");
  writer.exec("alter role all set synchronous_commit = 'TRUE'");
  EXPECT_EQ(seen(), "all roles: on");
  writer.exec("alter database template1 set synchronous_commit = remote_write");
  EXPECT_EQ(seen(), "database template1: remote_write");
  writer.exec("create role batch");
  writer.exec("alter role batch in database postgres set synchronous_commit = local");
  EXPECT_EQ(seen(), "role batch in database postgres: local");
  writer.exec("alter role batch set synchronous_commit = 'No'");
  EXPECT_EQ(seen(), "role batch: off");
  writer.exec("alter database postgres set synchronous_commit = remote_apply");
  EXPECT_EQ(seen(), "role batch: off, hidden");
}

}  // namespace
}  // namespace rpoguard::test
