// Where the writer endpoint leads, asked of real servers.
#include "demo/tools/link.hpp"
#include <gtest/gtest.h>

#include "tests/pg/observe_support.hpp"
#include "tests/support/cluster.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/rpoguard_process.hpp"
#include "tests/wire/endpoint_run.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

void prepare(const Server& writer) {
  apply_migration(writer, "rpoguard", "iad", observe::Canary::with_table);
}

core::EndpointSpec endpoint_at(std::uint16_t port, bool canary) {
  core::EndpointSpec endpoint{.connect = probe_node("endpoint", port).connect,
                              .canary = canary,
                              .interval = 600ms,
                              .timeout = 500ms};
  endpoint.connect.user = "rpoguard";
  return endpoint;
}

/// Runs until the last observation satisfies `predicate`.
template <typename Predicate>
[[nodiscard]] bool run_to(EndpointRun& run, Predicate&& predicate) {
  for (int tries = 0; tries < 40; ++tries)
    if (run.run() && predicate()) return true;
  return false;
}

TEST(endpoint, it_names_the_server_that_answers_as_that_servers_own_probe_does) {
  Cluster shard;
  Server& writer = shard.writer();
  prepare(writer);
  Server& standby = shard.add_standby({.name = "phx-a"});
  standby.promote();
  for (const Server* server : {&writer, &standby}) {
    EndpointRun run(endpoint_at(server->port(), false));
    ASSERT_TRUE(run.run());
    ASSERT_NE(run.facts(), nullptr) << run.error();
    ProbeRun probe({node_on(*server)}, pg_options());
    ASSERT_TRUE(run_to_facts(probe, 0));
    EXPECT_EQ(run.facts()->system_identifier, probe.facts(0)->system_identifier);
    EXPECT_EQ(run.facts()->timeline, probe.facts(0)->timeline);
    EXPECT_EQ(run.facts()->started, probe.facts(0)->started);
    EXPECT_FALSE(run.facts()->in_recovery || run.facts()->commit_took);
  }
}

TEST(endpoint, the_canary_commits_and_leaves_no_session_behind) {
  Cluster shard;
  Server& writer = shard.writer();
  prepare(writer);
  // A role that is careful by default commits all the same.
  writer.exec("alter role rpoguard set default_transaction_read_only = on");
  EndpointRun run(endpoint_at(writer.port(), true));
  ASSERT_TRUE(run.run(3));
  ASSERT_NE(run.facts(), nullptr) << run.error();
  EXPECT_GT(run.facts()->commit_took.value_or(0ms), 0ms);
  EXPECT_EQ(writer.query("select name || ' ' || (counter >= 3) from rpoguard.canary"), "184 true");
  EXPECT_TRUE(
      writer.becomes("select count(*) from pg_stat_activity where usename = 'rpoguard'", "0"));
}

// The endpoint's address stays, what is behind it changes: as with a proxy or a name.
TEST(endpoint, one_that_leads_to_a_standby_shows_at_the_next_try) {
  Cluster shard;
  Server& writer = shard.writer();
  prepare(writer);
  Server& standby = shard.add_standby({.name = "phx-a"});
  auto way = std::make_unique<demo::Link>(demo::LinkOptions{.target_port = writer.port()});
  const std::uint16_t port = way->port();
  EndpointRun run(endpoint_at(port, true));
  ASSERT_TRUE(run_to(run, [&] { return run.facts() != nullptr; }));
  EXPECT_TRUE(run.facts()->commit_took.has_value());

  way.reset();
  way = std::make_unique<demo::Link>(
      demo::LinkOptions{.listen_port = port, .target_port = standby.port()});
  ASSERT_TRUE(run.run(2));  // one may have been under way
  ASSERT_NE(run.facts(), nullptr) << run.error();
  EXPECT_TRUE(run.facts()->in_recovery);
  EXPECT_FALSE(run.facts()->commit_took.has_value());

  way->cut();
  ASSERT_TRUE(run.run(2));
  EXPECT_EQ(run.facts(), nullptr);
}

TEST(endpoint, commits_that_hang_while_reads_work_are_a_timeout_and_pile_nothing_up) {
  Cluster shard;
  Server& writer = shard.writer();
  prepare(writer);
  writer.set_conf("synchronous_standby_names", "nobody_there");
  writer.reload();
  ASSERT_TRUE(writer.becomes("show synchronous_standby_names", "nobody_there"));
  EndpointRun run(endpoint_at(writer.port(), true));
  ASSERT_TRUE(run_to(run, [&] { return run.error().starts_with("timeout: "); }));
  EXPECT_NE(run.error().find("canary"), std::string::npos) << run.error();
  ASSERT_TRUE(run.run(6));
  EXPECT_TRUE(run.error().starts_with("timeout: the canary: ")) << run.error();
  // One waits for the standby; the others waited for it in vain and went.
  EXPECT_TRUE(writer.becomes(
      "select count(*) from pg_stat_activity where usename = 'rpoguard' and wait_event = 'SyncRep'",
      "1"));
  EXPECT_TRUE(
      writer.becomes("select count(*) <= 2 from pg_stat_activity where usename = 'rpoguard'", "t"));

  EndpointRun reads(endpoint_at(writer.port(), false));
  ASSERT_TRUE(reads.run());
  EXPECT_NE(reads.facts(), nullptr) << reads.error();

  writer.set_conf("synchronous_standby_names", "");
  writer.reload();
  EXPECT_TRUE(run_to(run, [&] { return run.facts() != nullptr; }));
}

TEST(endpoint, a_canary_without_its_table_says_what_is_missing) {
  Cluster shard;
  apply_migration(shard.writer());
  EndpointRun run(endpoint_at(shard.writer().port(), true));
  ASSERT_TRUE(run.run());
  EXPECT_EQ(run.error(),
            "query_failed: the canary: relation \"rpoguard.canary\" does not exist (sqlstate "
            "42P01): apply what rpoguard sql --with-canary prints");
}

TEST(endpoint, the_program_takes_the_configured_way_also_after_a_reload) {
  Cluster shard;
  Server& writer = shard.writer();
  prepare(writer);
  const auto config = [&](const std::string& canary) {
    return RpoguardConfig{
        .shards = {
            {.nodes = {{.name = "iad-a", .region = "iad", .port = writer.port()},
                       {.name = "phx-a", .region = "phx", .port = free_port()}},
             .extra = "writer_endpoint: {host: 127.0.0.1, port: " + std::to_string(writer.port()) +
                      ", canary: " + canary + ", interval: 300ms, timeout: 250ms}"}}};
  };
  Rpoguard program(config("false"));
  program.wait_until_serving();
  EXPECT_EQ(writer.query("select count(*) from rpoguard.canary"), "0");
  program.write_config(config("true"));
  program.sighup();
  EXPECT_TRUE(writer.becomes("select max(counter) >= 3 from rpoguard.canary", "t"));
}

}  // namespace
}  // namespace rpoguard::test
