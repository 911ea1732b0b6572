// Every statement that rpoguard sends, in a database whose owner has made namesakes of all that it
// may mean (tests/support/hostile_objects). The scripts of docs/ have theirs in tests/stack.
#include "tests/support/hostile_objects.hpp"

#include <gtest/gtest.h>

#include "exporter/observe/postgres/pg_queries.hpp"

#include "tests/pg/observe_support.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// What the server says against it; empty: nothing.
std::string refusal(Session& session, const std::string& sql) {
  try {
    session.rows(sql);
    return "";
  } catch (const SqlError& error) {
    return error.what();
  }
}

class HostileObjects : public ::testing::Test {
 protected:
  HostileObjects() {
    server_->start();
    plant_hostile_objects(*server_, "app");
  }
  void migrate() const {
    const TempDir dir;
    write_file(dir / "m.sql",
               observe::render_migration("rpoguard", "iad", observe::Canary::with_table,
                                         observe::Marks::with_table));
    const auto psql = run_command({.argv = {"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
                                            server_->conninfo("app"), "-f", dir / "m.sql"}});
    ASSERT_EQ(psql.exit_code, 0) << psql.output;
  }
  Session role() const { return Session(server_->conninfo("app", "rpoguard")); }

  std::unique_ptr<Server> server_ = Server::create({});
};

TEST_F(HostileObjects, are_called_by_no_statement_of_the_product) {
  migrate();
  Session plain = role();
  for (const char* bait : {"select 1 + 1", "select length('x')", "select 'x'::text",
                           "select setting from pg_settings"})
    EXPECT_NE(refusal(plain, bait), "") << bait << ": this test shows nothing";

  const int version = std::stoi(server_->query("show server_version_num").value());
  Session node = role();
  const std::vector<std::string> of_a_node{
      observe::backend_sql(),
      observe::session_sql(version, 5s, observe::EpochTable::absent),
      observe::light_sql(version, observe::EpochTable::present),
      observe::light_sql(version, observe::EpochTable::absent),
      observe::light_sql(version, observe::EpochTable::ignored),
      observe::light_sql(version, observe::EpochTable::present, observe::CommitLevels::left_out),
      observe::epoch_lock_sql(),
      observe::settings_lock_sql(),
      observe::slow_sql(version),
      observe::history_sql(core::Timeline{1}),
      observe::backends_sql(),
      observe::marks_sql(),
      observe::mark_run_sql(5s),
      observe::last_mark_sql(),
      observe::ready_sql(),
      observe::missing_grants_sql()};
  for (const std::string& sql : of_a_node) EXPECT_EQ(refusal(node, sql), "") << sql;

  // These may pass a pooler, in whose sessions nothing was set.
  for (const std::string& sql :
       {observe::endpoint_sql(), observe::canary_sql("184", 5s), observe::canary_sql("184", 5s)}) {
    Session endpoint = role();
    EXPECT_EQ(refusal(endpoint, sql), "") << sql;
    EXPECT_EQ(endpoint.value("show search_path"), "public, pg_catalog") << "nothing is left behind";
  }
  migrate();
}

}  // namespace
}  // namespace rpoguard::test
