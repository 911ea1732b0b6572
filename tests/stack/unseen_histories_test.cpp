// Real servers that are no copies, and look like some: one that took writes while rpoguard was
// down, one that a promotion takes back to its recovery target, one that is dead and whose name
// another walsender has.
#include <gtest/gtest.h>

#include "tests/stack/histories.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/process.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

RpoguardConfig config_of(const RegionPair& shard) {
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.rpo = "2s";
  config.probe_interval = "300ms";
  config.probe_timeout = "250ms";
  config.defaults = "gate: {reopen_after: 500ms}\n";
  return config;
}

bool closes(const Rpoguard& rpoguard) {
  return eventually(8s, [&] { return !rpoguard.gate_open("184"); }) &&
         holds_for(1s, [&] { return !rpoguard.gate_open("184"); });
}

class Opened : public ::testing::TestWithParam<Records> {};

TEST_P(Opened, and_closed_while_rpoguard_is_down_is_no_copy) {
  RegionPair shard;
  shard.cluster().set_synchronous("");
  Rpoguard rpoguard(config_of(shard));
  shard.iad_a().exec(kOrdersSql);
  ASSERT_TRUE(starts_open(rpoguard));
  shard.iad_a().exec("checkpoint");
  ASSERT_TRUE(shard.cluster().caught_up(shard.phx_a(), shard.iad_a()));
  rpoguard.kill9();
  open_without_promotion(shard.phx_a());
  place_orders(shard.phx_a(), 1, 50, GetParam());
  const std::size_t acknowledged = 400;
  place_orders(shard.iad_a(), 2, static_cast<int>(acknowledged), GetParam());
  follow(shard.phx_a(), shard.iad_a());
  rpoguard.start();
  rpoguard.wait_until_serving();
  EXPECT_TRUE(holds_for(3s, [&] { return !rpoguard.gate_open("184"); })) << rpoguard.log();
  EXPECT_EQ(lineage_of(rpoguard, "phx-a"), "diverged") << rpoguard.log();
  shard.iad_a().kill9();
  EXPECT_LT(orders_after_promotion("opened and closed", acknowledged, shard.phx_a()), acknowledged)
      << "the experiment lost nothing: it shows nothing";
}

INSTANTIATE_TEST_SUITE_P(With, Opened, ::testing::Values(Records::line_up, Records::do_not),
                         [](const auto& records) { return name_of(records.param); });

TEST(RecoveryTarget, is_as_far_as_a_copy_counts) {
  RegionPair shard;
  shard.cluster().set_synchronous("");
  Rpoguard rpoguard(config_of(shard));
  shard.iad_a().exec(kOrdersSql);
  ASSERT_TRUE(starts_open(rpoguard));
  place_orders(shard.iad_a(), 2, 10, Records::do_not);
  shard.phx_a().set_conf("recovery_target_lsn",
                         *shard.iad_a().query("select pg_current_wal_lsn()"));
  shard.phx_a().set_conf("recovery_target_action", "pause");
  shard.phx_a().restart();
  const std::size_t acknowledged = 200;
  place_orders(shard.iad_a(), 2, static_cast<int>(acknowledged) - 10, Records::do_not);
  EXPECT_TRUE(closes(rpoguard));
  ASSERT_TRUE(
      shard.phx_a().becomes("select pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()", "t"));
  shard.iad_a().kill9();
  EXPECT_LT(orders_after_promotion("recovery target", acknowledged, shard.phx_a()), acknowledged)
      << "the experiment lost nothing: it shows nothing";
}

// phx-b cascades from phx-a. A reader of a logical slot stands at the writer under phx-b's name.
TEST(LogicalWalsender, is_not_the_copy_of_that_name) {
  RegionPair shard("184", {.conf = {{"wal_level", "logical"}}});
  shard.cluster().set_synchronous("");
  const auto phx_b =
      Server::clone({.name = "phx-b"}, {.port = shard.phx_a().port(), .application_name = "phx-b"});
  phx_b->start();
  RpoguardConfig config = config_of(shard);
  config.shards[0].nodes.back().extra = "durability_target: false";  // phx-a
  config.shards[0].nodes.push_back({.name = "phx-b", .region = "phx", .port = phx_b->port()});
  Rpoguard rpoguard(config);
  shard.iad_a().exec(kOrdersSql);
  ASSERT_TRUE(starts_open(rpoguard));
  shard.iad_a().exec("create publication p for all tables");
  shard.iad_a().exec("select pg_create_logical_replication_slot('view', 'pgoutput')");
  const Process reader({.argv = {postgres_bindir() + "/pg_recvlogical", "-d",
                                 shard.iad_a().conninfo() + " application_name=phx-b",
                                 "--slot=view", "--start", "-o", "proto_version=1", "-o",
                                 "publication_names=p", "-F", "1", "-s", "1", "-f", "/dev/null"}});
  ASSERT_TRUE(shard.iad_a().becomes(
      "select count(*) from pg_stat_replication where application_name = 'phx-b'", "1"));
  const auto open_under_load = [&] {
    place_orders(shard.iad_a(), 2, 20, Records::do_not);
    return rpoguard.gate_open("184");
  };
  ASSERT_TRUE(holds_for(1500ms, open_under_load, 100ms));
  phx_b->kill9();
  EXPECT_TRUE(eventually(
      6s, [&] { return !open_under_load(); }, 100ms));
}

}  // namespace
}  // namespace rpoguard::test
