// Real servers that share positions and timelines and not their history: what stands behind a
// server that was opened by hand, behind the loser of two promotions, behind a writer that has lost
// WAL. Everything looks perfect, and none of it may count.
#include <gtest/gtest.h>

#include "tests/stack/histories.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

RpoguardConfig history_config(const RegionPair& shard) {
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.probe_interval = "300ms";
  config.probe_timeout = "250ms";
  config.defaults = "gate: {reopen_after: 500ms}\n";
  return config;
}

bool streams(const Server& writer, const std::string& copy) {
  return writer.becomes("select count(*) from pg_stat_replication where application_name = '" +
                            copy + "' and state = 'streaming'",
                        "1");
}

/// It is on the timeline of phx-a, the writer, is not counted for two seconds, and the gate is open
/// by the waiver alone.
void expect_waived_without(const Rpoguard& rpoguard, const std::string& copy) {
  ASSERT_TRUE(eventually(10s, [&] {
    return node_json(rpoguard, copy).at("timeline") == node_json(rpoguard, "phx-a").at("timeline");
  })) << node_json(rpoguard, copy);
  EXPECT_TRUE(holds_for(2s,
                        [&] {
                          const auto node = node_json(rpoguard, copy);
                          return !node.at("counted").get<bool>() &&
                                 node.at("lag_seconds").at("flush").is_null() &&
                                 rpoguard.metric("rpoguard_rpo_waived", {{"shard", "184"}}) == 1;
                        }))
      << node_json(rpoguard, copy) << rpoguard.log();
  EXPECT_TRUE(rpoguard.gate_open("184")) << rpoguard.gate_reason("184");
  EXPECT_EQ(rpoguard.gate("/gate/184")->headers.at("rpoguard-writer"), "phx-a");
}

class OpenedByHand : public ::testing::TestWithParam<Records> {};

// phx-a is opened without a promotion and stamped. The writer before it, which is ahead, comes back
// as its standby.
TEST_P(OpenedByHand, has_no_copy_in_the_writer_before_it) {
  RegionPair shard;
  Rpoguard rpoguard(history_config(shard));
  ASSERT_TRUE(starts_open(rpoguard));
  shard.cluster().set_synchronous("");
  shard.iad_a().exec(kOrdersSql);
  ASSERT_TRUE(shard.cluster().caught_up(shard.phx_a(), shard.iad_a()));
  shard.iad_b().kill9();
  shard.cut_wan();
  shard.iad_a().kill9();
  shard.iad_a().start();  // so that a checkpoint is what both histories begin with
  shard.stamp("iad", "iad-a");
  place_orders(shard.iad_a(), 1, 300, GetParam());
  const std::string end = *shard.iad_a().query("select pg_current_wal_lsn()");
  EXPECT_TRUE(eventually(10s, [&] {
    return rpoguard.metric("rpoguard_highest_epoch", {{"shard", "184"}}) == 2;
  })) << rpoguard.log();
  shard.iad_a().kill9();

  open_without_promotion(shard.phx_a());
  shard.heal_wan();
  shard.phx_a().exec("select rpoguard.cluster_promote('phx', 'test', above => 2)");
  ASSERT_TRUE(opens(rpoguard));
  follow(shard.iad_a(), shard.phx_a());
  const std::size_t acknowledged = 467;
  place_orders(shard.phx_a(), 2, static_cast<int>(acknowledged), GetParam());
  ASSERT_EQ(shard.phx_a().query("select pg_current_wal_lsn() > '" + end + "'"), "t");
  if (GetParam() == Records::line_up) {  // else it stumbles over the first record
    ASSERT_TRUE(streams(shard.phx_a(), "iad-a")) << shard.iad_a().log();
  }
  expect_waived_without(rpoguard, "iad-a");
  EXPECT_EQ(lineage_of(rpoguard, "iad-a"), "diverged") << rpoguard.log();
  shard.phx_a().kill9();
  EXPECT_LT(orders_after_promotion("opened by hand", acknowledged, shard.iad_a()), acknowledged)
      << "the experiment lost nothing: it shows nothing";
}

INSTANTIATE_TEST_SUITE_P(With, OpenedByHand, ::testing::Values(Records::line_up, Records::do_not),
                         [](const auto& records) { return name_of(records.param); });

enum class Loser { seen, gone, never_configured };

class PromotedTwice : public ::testing::TestWithParam<Loser> {};

// phx-a and phx-b are promoted to timeline 2 at the same position, phx-a is stamped, and iad-b
// streams from phx-b.
TEST_P(PromotedTwice, the_loser_of_the_two_feeds_no_copy_of_the_other) {
  RegionPair shard;
  Server& phx_b = shard.cluster().add_standby({.name = "phx-b"});
  demo::Link way({.target_port = phx_b.port()});
  RpoguardConfig config = history_config(shard);
  if (GetParam() != Loser::never_configured)
    config.shards[0].nodes.push_back({.name = "phx-b", .region = "phx", .port = way.port()});
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  shard.iad_a().exec(kOrdersSql);
  for (Server* copy : {&shard.phx_a(), &phx_b, &shard.iad_b()})
    ASSERT_TRUE(shard.cluster().caught_up(*copy, shard.iad_a()));
  shard.iad_a().kill9();
  phx_b.promote();
  shard.fail_over();
  ASSERT_TRUE(eventually(10s, [&] {
    return rpoguard.metric("rpoguard_rpo_waived", {{"shard", "184"}}) == 1;
  })) << rpoguard.log();
  if (GetParam() == Loser::gone) {
    ASSERT_TRUE(eventually(
        10s, [&] { return node_json(rpoguard, "phx-b").at("state") == "stale_writer"; }));
    way.refuse();
    rpoguard.kill9();
    rpoguard.start();
    ASSERT_TRUE(starts_open(rpoguard));
  }
  follow(shard.iad_b(), phx_b);
  ASSERT_TRUE(streams(phx_b, "iad-b")) << shard.iad_b().log();
  place_orders(phx_b, 1, 100, Records::line_up);
  const std::size_t acknowledged = 15;
  place_orders(shard.phx_a(), 2, static_cast<int>(acknowledged), Records::line_up);
  ASSERT_TRUE(shard.cluster().caught_up(shard.iad_b(), phx_b));
  expect_waived_without(rpoguard, "iad-b");
  shard.phx_a().kill9();
  EXPECT_LT(orders_after_promotion("promoted twice", acknowledged, shard.iad_b()), acknowledged)
      << "the experiment lost nothing: it shows nothing";
}

INSTANTIATE_TEST_SUITE_P(Is, PromotedTwice,
                         ::testing::Values(Loser::seen, Loser::gone, Loser::never_configured),
                         [](const auto& loser) {
                           return loser.param == Loser::seen   ? "seen"
                                  : loser.param == Loser::gone ? "gone"
                                                               : "never_configured";
                         });

struct LossOfWal {
  const char* rpo;
  Records records;
};

class LostWal : public ::testing::TestWithParam<LossOfWal> {};

// The writer's volume is put back to an earlier moment; phx-a, ahead of it, is the copy that each
// commit waits for.
TEST_P(LostWal, leaves_no_synchronous_copy_either) {
  const auto [rpo, records] = GetParam();
  RegionPair shard;
  shard.cluster().set_synchronous("phx-a");
  RpoguardConfig config = history_config(shard);
  config.rpo = rpo;
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  shard.iad_a().exec(kOrdersSql);
  shard.iad_a().exec("select pg_switch_wal()");
  ASSERT_TRUE(shard.cluster().caught_up(shard.phx_a(), shard.iad_a()));
  VolumeSnapshot before(shard.iad_a());
  ASSERT_TRUE(opens(rpoguard)) << "a crash that loses nothing is no other history";
  place_orders(shard.iad_a(), 1, 400, records);
  ASSERT_TRUE(opens(rpoguard));

  before.restore();
  const std::size_t acknowledged = 252;
  // A copy that notices keeps commits waiting for ever; and whether it does is up to the records
  // that the server writes by itself in between.
  const char* wait_for = "local";
  place_orders(shard.iad_a(), 2, static_cast<int>(acknowledged), records, wait_for);
  EXPECT_TRUE(eventually(10s, [&] { return lineage_of(rpoguard, "phx-a") == "diverged"; }))
      << rpoguard.log();
  EXPECT_FALSE(rpoguard.gate_open("184"));
  // It passes the position at which the copy stands, and its row looks as a row should.
  place_orders(shard.iad_a(), 3, 400, records, wait_for);
  EXPECT_TRUE(holds_for(2s, [&] { return !rpoguard.gate_open("184"); }));
  std::printf("rpo %s, %s: the writer's row for phx-a: %s\n", rpo, name_of(records),
              shard.iad_a()
                  .query("select state || ', ' || sync_state || ', flush ' || flush_lsn || ', "
                         "replay ' || replay_lsn from pg_stat_replication where "
                         "application_name = 'phx-a'")
                  .value_or("none")
                  .c_str());
  EXPECT_LT(orders_after_promotion("lost WAL", acknowledged, shard.phx_a()), acknowledged)
      << "the experiment lost nothing: it shows nothing";
}

INSTANTIATE_TEST_SUITE_P(Of, LostWal,
                         ::testing::Values(LossOfWal{"0s", Records::line_up},
                                           LossOfWal{"0s", Records::do_not},
                                           LossOfWal{"5s", Records::do_not}),
                         [](const auto& loss) {
                           return (loss.param.rpo == std::string("0s") ? "rpo_0_" : "rpo_5_") +
                                  std::string(name_of(loss.param.records));
                         });

// phx-b is fed by phx-a, and was behind when the writer lost WAL that phx-a has. It goes on getting
// it, always far behind the writer.
TEST(CascadeOfLostWal, counts_for_nothing) {
  RegionPair shard;
  shard.cluster().set_synchronous("");
  demo::Link feed({.target_port = shard.phx_a().port()});
  const auto phx_b =
      Server::clone({.name = "phx-b"}, {.port = feed.port(), .application_name = "phx-b"});
  phx_b->start();
  RpoguardConfig config = history_config(shard);
  config.shards[0].nodes.push_back({.name = "phx-b", .region = "phx", .port = phx_b->port()});
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  shard.iad_a().exec(kOrdersSql);
  ASSERT_TRUE(shard.cluster().caught_up(*phx_b, shard.iad_a()));
  VolumeSnapshot before(shard.iad_a());
  ASSERT_TRUE(opens(rpoguard));
  feed.cut();
  place_orders(shard.iad_a(), 1, 400, Records::line_up);
  ASSERT_TRUE(shard.cluster().caught_up(shard.phx_a(), shard.iad_a()));
  shard.iad_b().kill9();
  before.restore();
  ASSERT_TRUE(eventually(10s, [&] { return lineage_of(rpoguard, "phx-a") == "diverged"; }))
      << rpoguard.log();
  const std::size_t acknowledged = 4000;
  place_orders(shard.iad_a(), 2, static_cast<int>(acknowledged), Records::line_up);
  // Now it gets what phx-a has.
  feed.heal();
  ASSERT_TRUE(phx_b->becomes("select count(*) > 0 from orders", "t")) << phx_b->log();
  EXPECT_TRUE(eventually(10s, [&] { return lineage_of(rpoguard, "phx-b") == "unknown"; }))
      << node_json(rpoguard, "phx-b");
  EXPECT_TRUE(holds_for(2s, [&] { return !rpoguard.gate_open("184"); }));
  EXPECT_LT(orders_after_promotion("a cascade of lost WAL", acknowledged, *phx_b), acknowledged);
}

}  // namespace
}  // namespace rpoguard::test
