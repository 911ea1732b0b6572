#include "exporter/core/judge/waiver.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

class Waivers : public ::testing::Test {
 protected:
  Waivers() { reading.last_success = NodeObservation{kStart, kStart, make_writer_facts(1)}; }
  ConfirmedWriter writer(bool promoted) const {
    return {.node = kIadA,
            .spec = spec.nodes[kIadA],
            .reading = reading,
            .epoch = Epoch{2},
            .promoted = promoted,
            .moved = moved};
  }
  ShardSpec spec = make_spec();
  Reading reading;
  bool moved = true;
};

TEST_F(Waivers, are_granted_by_a_promotion_that_somebody_answers_for) {
  const auto waiver = follow_waiver({}, spec, writer(true), false, kWallStart);
  ASSERT_TRUE(waiver);
  EXPECT_EQ(waiver->until, kWallStart + hours(24));
  EXPECT_EQ(waiver->why, "epoch 2 was stamped for region iad by jo");
  EXPECT_FALSE(follow_waiver({}, spec, writer(false), false, kWallStart));
  spec.epoch_source = EpochSource::timeline;
  EXPECT_FALSE(follow_waiver({}, spec, writer(true), false, kWallStart));
}

TEST_F(Waivers, are_not_granted_by_a_second_stamp_on_the_same_writer) {
  moved = false;
  EXPECT_FALSE(follow_waiver({}, spec, writer(true), false, kWallStart));
  spec.epoch_source = EpochSource::http;
  EXPECT_FALSE(follow_waiver({}, spec, writer(true), false, kWallStart));
  const Waiver first{.until = kWallStart + seconds(9), .why = "epoch 2"};
  EXPECT_EQ(follow_waiver(first, spec, writer(true), false, kWallStart), first);
}

TEST_F(Waivers, of_an_authority_name_the_writer) {
  spec.epoch_source = EpochSource::http;
  EXPECT_EQ(follow_waiver({}, spec, writer(true), false, kWallStart)->why, "epoch 2 names iad-a");
}

TEST_F(Waivers, end_with_proof_or_time_but_not_while_there_is_no_writer) {
  const Waiver waiver{.until = kWallStart, .why = "epoch 2"};
  const WallTime before = kWallStart - seconds(1);
  EXPECT_TRUE(follow_waiver(waiver, spec, writer(false), false, before));
  EXPECT_FALSE(follow_waiver(waiver, spec, writer(false), true, before));
  EXPECT_FALSE(follow_waiver(waiver, spec, writer(false), false, kWallStart));
  EXPECT_TRUE(follow_waiver(waiver, spec, std::nullopt, true, kWallStart));
}

TEST_F(Waivers, open_the_gate_as_long_as_the_last_look_at_the_writer_is_good) {
  const auto view =
      waiver_view(Waiver{.until = kWallStart + seconds(3), .why = "epoch 2"}, kStart, kWallStart);
  EXPECT_EQ(view->until, kStart + seconds(3));
  EXPECT_EQ(waived_until(spec, view, writer(false), kStart), kStart + seconds(3));
  spec.rpo = seconds(2);
  EXPECT_EQ(waived_until(spec, view, writer(false), kStart), kStart + seconds(2));
  EXPECT_EQ(waived_until(spec, view, std::nullopt, kStart), kStart);
  EXPECT_FALSE(waived_until(spec, std::nullopt, writer(false), kStart));
}

}  // namespace
}  // namespace rpoguard::core
