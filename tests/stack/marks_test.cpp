// Marks of the writer's runs on real servers: what rpoguard did not see it learns from them, and
// what a copy does not hold they do not claim.
#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

class MarkedPair : public testing::Test {
 protected:
  /// What the view says of a node; empty: nothing.
  std::string shown(const Rpoguard& rpoguard, const std::string& name, const std::string& member) {
    const auto view = rpoguard.ops_json("/api/v1/view");
    for (const auto& node : view.at("shards").at(0).at("nodes")) {
      if (node.at("name") == name && !node.at(member).is_null())
        return node.at(member).get<std::string>();
    }
    return "";
  }
  std::string lineage(const Rpoguard& rpoguard, const std::string& name) {
    return shown(rpoguard, name, "lineage");
  }
  /// A failure of the machine that both run on; the copies have WAL of the new run before rpoguard
  /// is there again.
  void restart_both(Rpoguard& rpoguard) {
    rpoguard.kill9();
    writer().kill9();
    writer().start();
    writer().exec("set synchronous_commit = local; create table if not exists unseen (n int)");
    for (Server* copy : {&shard.iad_b(), &shard.phx_a()})
      ASSERT_TRUE(shard.cluster().caught_up(*copy, writer()));
    rpoguard.start();
    rpoguard.wait_until_serving();
  }
  static void copy_directory(const std::string& from, const std::string& to) {
    const CommandResult done =
        run_command({.argv = {"sh", "-c", "rm -rf \"$2\" && cp -a \"$1\" \"$2\"", "sh", from, to}});
    if (done.exit_code != 0) throw std::runtime_error(done.output);
  }
  Server& writer() { return shard.iad_a(); }

  RegionPair shard{"184",
                   {.conf = {{"wal_log_hints", "on"}, {"wal_retrieve_retry_interval", "200ms"}}}};
};

TEST_F(MarkedPair, counts_again_after_rpoguard_and_its_writer_were_restarted_together) {
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard));
  restart_both(rpoguard);
  ASSERT_TRUE(eventually(20s, [&] { return lineage(rpoguard, "phx-a") == "unknown"; }))
      << rpoguard.log();
  EXPECT_TRUE(holds_for(3s, [&] { return lineage(rpoguard, "phx-a") == "unknown"; }))
      << "without marks nobody can tell";
  EXPECT_FALSE(rpoguard.gate_open("184"));

  apply_sql_command(writer(), {"--with-marks"});
  restart_both(rpoguard);
  const core::Instant served = boottime();
  ASSERT_TRUE(eventually(20s, [&] {
    return lineage(rpoguard, "phx-a") == "assumed" && lineage(rpoguard, "iad-b") == "assumed";
  })) << rpoguard.log();
  std::printf(
      "with marks the copies counted again %s s after rpoguard served, at one look a second\n",
      render_seconds(boottime() - served).c_str());
  EXPECT_TRUE(opens(rpoguard));
  EXPECT_NE(rpoguard.log().find("msg=\"node readmitted\" shard=184 node=phx-a by=rpoguard "
                                "reason=\"it holds the mark of this run of the writer"),
            std::string::npos)
      << rpoguard.log();
  EXPECT_EQ(writer().query("select count(*) from rpoguard.run_mark"), "1");
}

// The copies have WAL that the writer has lost. It goes on with records that line up, so that it
// streams to them as if nothing had been.
TEST_F(MarkedPair, counts_a_copy_that_has_other_wal_when_it_is_rebuilt_and_not_before) {
  apply_sql_command(writer(), {"--with-marks"});
  writer().exec("create table orders (generation int, n int)");
  shard.cluster().set_synchronous("");
  const TempDir kept;
  writer().kill9();
  copy_directory(writer().data_dir(), kept / "data");
  writer().start();
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard));
  writer().exec("insert into orders select 1, n from generate_series(1, 3000) n");
  ASSERT_TRUE(shard.cluster().caught_up(shard.phx_a(), writer()));
  ASSERT_TRUE(eventually(20s, [&] {
    return shown(rpoguard, "phx-a", "replay_position") ==
           shard.phx_a().query("select pg_last_wal_replay_lsn()");
  })) << "rpoguard has seen how far it had come";
  writer().kill9();
  copy_directory(kept / "data", writer().data_dir());
  writer().start();
  ASSERT_TRUE(eventually(20s, [&] { return lineage(rpoguard, "phx-a") == "diverged"; }))
      << rpoguard.log();
  ASSERT_TRUE(writer().becomes("select count(*) from rpoguard.run_mark", "1"));
  EXPECT_FALSE(rpoguard.gate_open("184"));

  // Whatever comes to it of the mark now, it was not rebuilt.
  writer().exec("insert into orders select 2, n from generate_series(1, 4000) n");
  writer().exec("checkpoint");
  writer().exec("vacuum (freeze) rpoguard.run_mark");
  EXPECT_TRUE(holds_for(3s, [&] { return lineage(rpoguard, "phx-a") == "diverged"; }))
      << rpoguard.log();

  shard.phx_a().reseed({.port = writer().port(), .application_name = "phx-a"});
  EXPECT_TRUE(eventually(20s, [&] { return lineage(rpoguard, "phx-a") == "assumed"; }))
      << rpoguard.log();
  EXPECT_EQ(lineage(rpoguard, "iad-b"), "diverged") << "nobody has rebuilt that one";
  EXPECT_TRUE(opens(rpoguard));
  EXPECT_NE(rpoguard.log().find("where it had other WAL: it was rebuilt"), std::string::npos)
      << rpoguard.log();
  writer().exec("insert into orders select 2, n from generate_series(1, 1000) n");
  ASSERT_TRUE(shard.cluster().caught_up(shard.phx_a(), writer()));
  EXPECT_EQ(shard.phx_a().query("select count(*) from orders where generation = 2"), "5000");
}

}  // namespace
}  // namespace rpoguard::test
