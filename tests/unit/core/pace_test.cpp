#include "exporter/core/judge/pace.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

TEST(Pace, is_four_times_as_quick_beyond_half_of_the_rpo) {
  const ShardSpec spec = make_spec(seconds(5));
  const ProbeSpec probe;
  EXPECT_EQ(wanted_interval(spec, probe, milliseconds(2500)), seconds(1));
  EXPECT_EQ(wanted_interval(spec, probe, milliseconds(2501)), milliseconds(250));
  EXPECT_EQ(wanted_interval(spec, probe, hours(1)), milliseconds(250));
}

TEST(Pace, knows_no_half_of_an_unknown_exposure_or_of_no_rpo) {
  const ProbeSpec probe;
  EXPECT_EQ(wanted_interval(make_spec(seconds(5)), probe, std::nullopt), seconds(1));
  EXPECT_EQ(wanted_interval(make_spec(Duration{0}), probe, hours(1)), seconds(1));
}

TEST(Pace, asks_no_node_more_often_than_ten_times_a_second_and_never_less_than_configured) {
  ProbeSpec probe;
  probe.interval = milliseconds(200);
  EXPECT_EQ(wanted_interval(make_spec(seconds(5)), probe, seconds(3)), milliseconds(100));
  probe.interval = milliseconds(100);
  EXPECT_EQ(wanted_interval(make_spec(seconds(5)), probe, seconds(3)), milliseconds(100));
}

TEST(Pace, of_a_shard_follows_its_exposure) {
  TestShard shard;
  shard.run_healthy(3);
  EXPECT_EQ(shard.view.probe_interval, seconds(1));
  for (int i = 0; i < 3; ++i) {
    shard.commit();
    shard.tick();
  }
  EXPECT_EQ(shard.view.probe_interval, milliseconds(250));
}

}  // namespace
}  // namespace rpoguard::core
