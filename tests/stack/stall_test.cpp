// rpoguard itself stops, or is told to.
#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

TEST(Stall, longer_than_the_rpo_ends_in_a_closed_gate) {
  RegionPair shard;
  auto config = RegionPair::rpoguard_config({&shard});
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));

  rpoguard.sigstop();
  const core::Instant stopped = boottime();
  ASSERT_TRUE(eventually(10s, [&] { return boottime() - stopped > 6s; }));
  rpoguard.sigcont();
  const auto first = rpoguard.gate("/gate/184");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 503) << first->body;
  EXPECT_EQ(first->headers.at("rpoguard-gate"), "closed");
  EXPECT_TRUE(opens(rpoguard));
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
