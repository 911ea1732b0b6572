// rpoguard itself stops, or is told to.
#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

TEST(Stall, longer_than_the_rpo_ends_in_a_closed_gate) {
  RegionPair shard;
  auto config = RegionPair::rpoguard_config({&shard});
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  ASSERT_TRUE(eventually(20s, [&] { return rpoguard.gate_open("184"); })) << rpoguard.log();

  rpoguard.sigstop();
  const core::Instant stopped = boottime();
  ASSERT_TRUE(eventually(10s, [&] { return boottime() - stopped > 6s; }));
  rpoguard.sigcont();
  const auto first = rpoguard.gate("/gate/184");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 503) << first->body;
  EXPECT_EQ(first->headers.at("rpoguard-gate"), "closed");
  EXPECT_TRUE(eventually(20s, [&] { return rpoguard.gate_open("184"); })) << rpoguard.log();
}

TEST(Stall, sigterm_ends_it_soon_and_cleanly) {
  RegionPair shard;
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  rpoguard.wait_until_serving();
  const core::Instant asked = boottime();
  EXPECT_EQ(rpoguard.stop(), 0);
  EXPECT_LT(boottime() - asked, 5s);
}

}  // namespace
}  // namespace rpoguard::test
