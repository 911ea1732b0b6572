// What happens on servers that work must not close the gate, nor blind rpoguard.
#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

nlohmann::json node_in_view(const Rpoguard& rpoguard, const std::string& name) {
  const nlohmann::json view = rpoguard.ops_json("/readyz");
  for (const auto& node : view.at("cluster").at("shards").at(0).at("nodes"))
    if (node.at("name") == name) return node;
  return nullptr;
}

/// Closed, for whatever reason, since the program was started.
double closings(const Rpoguard& rpoguard) {
  double sum = 0;
  for (const auto& sample : rpoguard.metrics().all("rpoguard_gate_transitions_total"))
    if (sample.labels.at("to") == "closed") sum += sample.value;
  return sum;
}

// A dump reads the table of epochs for hours, and VACUUM FULL waits for its end: whoever comes
// later waits as well, readers and stamps alike.
TEST(FalseOutage, a_lock_on_the_table_of_epochs_closes_nothing_and_its_holder_is_named) {
  RegionPair shard;
  Server& writer = shard.iad_a();
  writer.exec("create table t (x int)");
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard));
  const double before = closings(rpoguard);

  Session dump = writer.connect();
  dump.rows("set application_name = 'pg_dump'");
  dump.rows("begin");
  dump.rows("select * from rpoguard.cluster_state");
  const std::string dump_pid = dump.value("select pg_backend_pid()").value();
  Process vacuum({.argv = {postgres_bindir() + "/psql", "-X", "-d", writer.conninfo(), "-c",
                           "vacuum full rpoguard.cluster_state"},
                  .env = {{"PGAPPNAME", "vacuumdb"}}});
  const auto note = [&] { return node_in_view(rpoguard, "iad-a").at("note").get<std::string>(); };
  EXPECT_TRUE(eventually(15s, [&] {
    return note().find("(postgres, vacuumdb) waits to lock it, behind pid " + dump_pid +
                       " (postgres, pg_dump)") != std::string::npos;
  })) << note();
  // Longer than the RPO, and there are commits all the while.
  EXPECT_TRUE(holds_for(7s,
                        [&] {
                          writer.exec("insert into t values (1)");
                          return rpoguard.gate_open("184");
                        }))
      << rpoguard.gate_reason("184") << rpoguard.log();
  EXPECT_EQ(closings(rpoguard), before);

  dump.rows("rollback");
  ASSERT_EQ(vacuum.wait(20s), 0);
  shard.stamp("iad", "iad-a");
  EXPECT_TRUE(eventually(15s, [&] {
    return rpoguard.metric("rpoguard_highest_epoch", {{"shard", "184"}}) == 2 && note().empty();
  })) << note();
  EXPECT_TRUE(rpoguard.gate_open("184"));
}

}  // namespace
}  // namespace rpoguard::test
