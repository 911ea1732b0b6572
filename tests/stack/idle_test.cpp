// A shard on which nothing happens is a healthy shard.
#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

// RPOGUARD_IDLE_SECONDS=600 for the long form.
std::chrono::seconds idle_time() {
  const char* text = std::getenv("RPOGUARD_IDLE_SECONDS");
  return std::chrono::seconds(text == nullptr ? 75 : std::atoi(text));
}

TEST(Idle, a_shard_without_writes_stays_open_with_an_exposure_near_the_probe_interval) {
  RegionPair shard;
  shard.iad_a().exec(
      "create table before_the_silence(n int); insert into before_the_silence values (1)");
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard));
  double worst = 0;
  int looks = 0;
  EXPECT_TRUE(holds_for(
      idle_time(),
      [&] {
        ++looks;
        const auto exposure = rpoguard.metric("rpoguard_rpo_exposure_seconds", {{"shard", "184"}});
        worst = std::max(worst, exposure.value_or(1e9));
        return rpoguard.gate_open("184");
      },
      200ms))
      << rpoguard.log();
  std::printf("idle: largest exposure %.3f s in %d looks (probe interval 1 s)\n", worst, looks);
  // One interval, the pause before the copies are asked, and a noisy machine.
  EXPECT_LT(worst, 2.5);
}

}  // namespace
}  // namespace rpoguard::test
