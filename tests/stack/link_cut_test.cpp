// The link between the regions is cut (packets dropped, not reset) under load, and healed.
#include <random>

#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kCutRpo = 5s;
constexpr core::Duration kCutProbeInterval = 1s;

TEST(LinkCut, closes_one_gate_in_time_and_reopens_it) {
  RegionPair shard("184");
  RegionPair other("185");
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard, &other}));
  ASSERT_TRUE(starts_open(rpoguard));
  ASSERT_TRUE(opens(rpoguard, 20s, "185"));
  const auto load = shard.gateway(rpoguard, 100);
  const auto other_load = other.gateway(rpoguard, 50);
  load->start();
  other_load->start();
  ASSERT_TRUE(eventually(
      20s, [&] { return load->counters().acked > 100 && other_load->counters().acked > 50; }));

  shard.cut_wan();
  const core::Instant cut = boottime();
  std::optional<double> exposure;
  core::Instant last_open = cut;  // when the last answer was asked for that said yes
  ASSERT_TRUE(eventually(
      kCutRpo + 3s,
      [&] {
        const auto seen = rpoguard.metric("rpoguard_rpo_exposure_seconds", {{"shard", "184"}});
        if (seen) exposure = seen;
        const core::Instant asked = boottime();
        if (!rpoguard.gate_open("184")) return true;
        last_open = asked;
        return false;
      },
      5ms))
      << "the gate never closed\n"
      << rpoguard.log();
  const core::Duration closed_after = boottime() - cut;
  RecordProperty("closed_after_seconds", render_seconds(closed_after));
  std::printf("link cut: gate closed after %s s (RPO 5 s, probe interval 1 s)\n",
              render_seconds(closed_after).c_str());
  EXPECT_LE(last_open - cut, kCutRpo);
  EXPECT_GE(closed_after, kCutRpo - kCutProbeInterval - 500ms);
  EXPECT_GT(exposure.value_or(0), 3.0) << "the exposure grows by itself";

  EXPECT_EQ(rpoguard.gate_reason("184"), "rpo_exceeded");
  EXPECT_EQ(rpoguard.ops("/readyz")->status, 200);
  EXPECT_EQ(rpoguard.ops("/readyz?require=writes")->status, 503);
  EXPECT_EQ(rpoguard.ops("/readyz?require=writes&shard=185")->status, 200);
  EXPECT_TRUE(rpoguard.gate_open("185"));
  const auto other_refused = other_load->counters().refused;
  EXPECT_EQ(rpoguard
                .metric("rpoguard_gate_transitions_total",
                        {{"shard", "185"}, {"to", "closed"}, {"reason", "rpo_exceeded"}})
                .value_or(0),
            0);

  shard.heal_wan();
  EXPECT_TRUE(opens(rpoguard, 60s));
  EXPECT_TRUE(
      eventually(10s, [&] { return rpoguard.ops("/readyz?require=writes")->status == 200; }));
  const auto acked = load->counters().acked;
  EXPECT_TRUE(eventually(10s, [&] { return load->counters().acked > acked + 50; }))
      << load->trouble();
  load->stop();
  other_load->stop();
  EXPECT_EQ(other_load->counters().refused, other_refused);
}

}  // namespace
}  // namespace rpoguard::test
