// A region is lost; the remote copy is promoted and stamped; the old region comes back.
#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kFailoverProbeInterval = 1s;

std::string node_state(const Rpoguard& rpoguard, const std::string& node) {
  for (const Sample& sample : rpoguard.metrics().all("rpoguard_node_state", {{"node", node}})) {
    if (sample.value == 1) return sample.labels.at("state");
  }
  return "";
}

bool waived(const Rpoguard& rpoguard) {
  return rpoguard.metric("rpoguard_rpo_waived", {{"shard", "184"}}) == 1;
}

TEST(Failover, returns_writes_under_a_waiver_that_a_reseeded_copy_ends) {
  RegionPair shard;
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard));

  shard.iad_a().kill9();
  shard.iad_b().kill9();
  ASSERT_TRUE(eventually(10s, [&] { return rpoguard.gate_reason("184") == "no_writer"; }))
      << rpoguard.log();

  shard.phx_a().promote();
  // Promoted, but not stamped: the epoch still says iad.
  EXPECT_TRUE(eventually(5s, [&] { return node_state(rpoguard, "phx-a") == "unconfirmed"; }))
      << rpoguard.log();
  EXPECT_FALSE(rpoguard.gate_open("184"));
  EXPECT_EQ(rpoguard.gate_reason("184"), "stale_epoch");

  shard.stamp("phx", "phx-a");
  const core::Instant stamped = boottime();
  ASSERT_TRUE(opens(rpoguard, 10s));
  const core::Duration back_after = boottime() - stamped;
  std::printf("failover: gate open %s s after the stamp (probe interval 1 s)\n",
              render_seconds(back_after).c_str());
  EXPECT_LE(back_after, 2 * kFailoverProbeInterval);
  EXPECT_EQ(rpoguard.ops("/readyz?require=writes")->status, 200);
  EXPECT_EQ(rpoguard.gate("/gate/184")->headers.at("rpoguard-rpo"), "waived");
  EXPECT_TRUE(waived(rpoguard));

  // The waiver and the epoch survive a restart.
  rpoguard.kill9();
  rpoguard.start();
  rpoguard.wait_until_serving();
  EXPECT_TRUE(eventually(10s, [&] { return rpoguard.gate_open("184") && waived(rpoguard); }))
      << rpoguard.log();

  shard.iad_a().reseed({.port = shard.phx_a().port(), .application_name = "iad-a"});
  EXPECT_TRUE(eventually(30s, [&] { return !waived(rpoguard); })) << rpoguard.log();
  EXPECT_TRUE(opens(rpoguard, 5s));
  EXPECT_EQ(node_state(rpoguard, "iad-a"), "standby");
}

TEST(Failover, a_restart_that_reaches_only_the_old_writer_stays_closed) {
  RegionPair shard;
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard));
  shard.iad_a().sigstop();
  shard.iad_b().kill9();
  shard.fail_over();
  ASSERT_TRUE(eventually(15s, [&] {
    return rpoguard.metric("rpoguard_highest_epoch", {{"shard", "184"}}) == 2;
  })) << rpoguard.log();

  rpoguard.kill9();
  shard.phx_a().kill9();
  shard.iad_a().sigcont();
  rpoguard.start();
  rpoguard.wait_until_serving();
  ASSERT_TRUE(eventually(10s, [&] { return node_state(rpoguard, "iad-a") == "stale_writer"; }))
      << rpoguard.log();
  EXPECT_EQ(rpoguard.gate_reason("184"), "stale_epoch");
  EXPECT_TRUE(holds_for(3s, [&] { return !rpoguard.gate_open("184"); }));
}

TEST(Failover, two_writers_on_one_epoch_close_the_gate) {
  RegionPair shard;
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard));

  shard.phx_a().promote();
  const core::Instant second_writer = boottime();
  ASSERT_TRUE(eventually(
      5s, [&] { return rpoguard.gate_reason("184") == "split_brain"; }, 5ms))
      << rpoguard.log();
  const core::Duration after = boottime() - second_writer;
  std::printf("split brain: gate closed %s s after the second writer was there\n",
              render_seconds(after).c_str());
  EXPECT_LE(after, kFailoverProbeInterval + 500ms);

  // A proper stamp outranks the old writer.
  shard.stamp("phx", "phx-a");
  ASSERT_TRUE(opens(rpoguard, 10s));
  EXPECT_EQ(node_state(rpoguard, "iad-a"), "stale_writer");
  EXPECT_EQ(node_state(rpoguard, "phx-a"), "writer");
}

}  // namespace
}  // namespace rpoguard::test
