// What servers, databases and roles have as their defaults reaches no look, and what rpoguard sets
// reaches nobody else.
#include <gtest/gtest.h>

#include "tests/pg/observe_support.hpp"
#include "tests/support/cluster.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/proxies.hpp"
#include "tests/wire/endpoint_run.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

core::EndpointSpec canary_at(std::uint16_t port) {
  core::EndpointSpec endpoint{.connect = probe_node("endpoint", port).connect,
                              .canary = true,
                              .interval = 600ms,
                              .timeout = 500ms};
  endpoint.connect.user = "rpoguard";
  return endpoint;
}

/// A writer and a standby on which a session without settings of its own cannot be used, or waits
/// for ever.
class ServerDefaults : public ::testing::Test {
 protected:
  ServerDefaults() {
    apply_migration(writer(), "rpoguard", "iad", observe::Canary::with_table);
    writer().exec("create table t (x int)");
    cluster_.add_standby({.name = "phx-a"});
    for (Server* server : {&writer(), &standby()}) {
      server->set_conf("default_transaction_isolation", "serializable");
      server->set_conf("default_transaction_deferrable", "on");
      server->set_conf("default_transaction_read_only", "on");
      server->set_conf("idle_session_timeout", "400ms");
      server->reload();
    }
    EXPECT_TRUE(eventually(20s, [&] {
      return writer().query("show default_transaction_isolation") == "serializable";
    }));
    EXPECT_TRUE(eventually(20s, [&] { return refuses_serializable(); }));
    busy_ = std::make_unique<Session>(writer().connect());
    busy_->rows("set idle_session_timeout = 0");
    busy_->rows("begin isolation level serializable read write");
    busy_->rows("insert into t values (1)");
  }

  Server& writer() { return cluster_.writer(); }
  Server& standby() { return cluster_.node("phx-a"); }

  bool refuses_serializable() {
    try {
      standby().query("select 1");
      return false;
    } catch (const SqlError& error) {
      return error.sqlstate() == "0A000";
    }
  }

  Cluster cluster_;
  std::unique_ptr<Session> busy_;  // what a deferrable transaction waits for
};

TEST_F(ServerDefaults, reach_no_look_and_cost_no_login) {
  ProbeRun run({node_on(writer()), node_on(standby())}, pg_options());
  ASSERT_TRUE(run_probes(run, 1, 4));
  for (const std::size_t node : {0U, 1U}) {
    ASSERT_NE(run.facts(node), nullptr) << run.error(node)->message;
    for (const auto& seen : run.fast(node)) {
      const core::NodeFacts* facts = ProbeRun::facts_of(seen);
      ASSERT_NE(facts, nullptr) << std::get<core::ProbeError>(seen.outcome).message;
      EXPECT_EQ(facts->session, run.facts(node)->session);
    }
  }
  EXPECT_TRUE(run.facts(0)->stamped && run.facts(1)->stamped);
}

TEST_F(ServerDefaults, reach_no_endpoint_and_no_canary) {
  EndpointRun on_writer(canary_at(writer().port()));
  ASSERT_TRUE(on_writer.run(2));
  ASSERT_NE(on_writer.facts(), nullptr) << on_writer.error();
  EXPECT_TRUE(on_writer.facts()->commit_took.has_value());
  EndpointRun on_standby(canary_at(standby().port()));
  ASSERT_TRUE(on_standby.run(2));
  ASSERT_NE(on_standby.facts(), nullptr) << on_standby.error();
  EXPECT_TRUE(on_standby.facts()->in_recovery);
}

/// What a session may have set, of the server's connection that it has from the pool.
std::string settings_of(Session& application) {
  return application
             .value(
                 "select string_agg(name || '=' || setting, ',' order by name) from pg_settings "
                 "where context = 'user' and name <> 'application_name'")
             .value_or("") +
         ", prepared: " + application.value("select count(*) from pg_prepared_statements").value();
}

TEST(Pooler, between_the_application_and_the_writer_is_left_as_it_was) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer, "rpoguard", "iad", observe::Canary::with_table);
  writer.exec("alter role rpoguard set default_transaction_isolation = 'repeatable read'");
  const PgBouncer pooler(writer.port());
  Session application = pooler.connect("postgres", "rpoguard");
  const std::string before = settings_of(application);

  EndpointRun endpoint(canary_at(pooler.port()));
  ASSERT_TRUE(endpoint.run(2));
  ASSERT_NE(endpoint.facts(), nullptr) << endpoint.error();
  EXPECT_TRUE(endpoint.facts()->commit_took.has_value());
  EXPECT_EQ(settings_of(application), before);

  core::NodeSpec node = node_on(writer);
  node.connect.port = pooler.port();
  ProbeRun run({node}, pg_options());
  ASSERT_TRUE(run_probes(run, 0, 2));
  ASSERT_NE(run.error(0), nullptr) << "a pooler was taken for a server";
  EXPECT_EQ(run.error(0)->reason, core::ProbeFailure::bad_answer);
  EXPECT_NE(run.error(0)->message.find("this is a pooler"), std::string::npos)
      << run.error(0)->message;
  EXPECT_EQ(settings_of(application), before);
}

}  // namespace
}  // namespace rpoguard::test
