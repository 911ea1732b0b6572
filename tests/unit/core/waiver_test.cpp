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

TEST_F(Waivers, of_an_operator_end_like_all_others_and_say_how) {
  const Waiver waiver = waiver_by("jo", "phx is gone", kWallStart);
  EXPECT_EQ(waiver.why, "by jo: phx is gone");
  EXPECT_EQ(waiver.by, "jo");
  EXPECT_EQ(follow_waiver(waiver, spec, writer(false), false, kWallStart - seconds(1)), waiver);
  EXPECT_EQ(how_waiver_ended(waiver, waiver, kWallStart + seconds(9)), "");
  EXPECT_EQ(how_waiver_ended({}, {}, kWallStart), "");
  EXPECT_EQ(how_waiver_ended({}, waiver, kWallStart), "");
  EXPECT_EQ(how_waiver_ended(waiver, {}, kWallStart), "the waiver has expired as set");
  EXPECT_EQ(how_waiver_ended(waiver, {}, kWallStart - seconds(1)), "a copy is proven again");
}

/// The link to phx-a is cut, and an operator has waived the RPO.
class WaivedShard : public ::testing::Test {
 protected:
  WaivedShard() {
    shard.run_healthy(3);
    shard.failures[kPhxA] = ProbeFailure::timeout;
    lag(10);
  }
  void lag(int ticks) {
    for (int i = 0; i < ticks; ++i) {
      shard.commit();
      shard.tick();
    }
  }
  void waive(Duration length) {
    const auto until = std::chrono::duration_cast<WallTime::duration>(length);
    shard.memory.durable.waiver = waiver_by("jo", "phx is gone", shard.wall() + until);
    shard.judge();
  }
  TestShard shard;
};

TEST_F(WaivedShard, is_open_without_proof_until_the_waiver_ends) {
  ASSERT_EQ(shard.reason(), "rpo_exceeded");
  waive(seconds(60));
  EXPECT_TRUE(shard.open());
  EXPECT_TRUE(shard.view.gate.waived);
  ASSERT_TRUE(shard.view.waiver);
  EXPECT_EQ(shard.view.waiver->by, "jo");
  EXPECT_EQ(shard.view.waiver->ends, shard.wall() + seconds(60));
  lag(20);
  shard.restart();
  lag(5);
  EXPECT_TRUE(shard.open()) << "it survives a restart";
  lag(40);
  EXPECT_FALSE(shard.open());
  EXPECT_FALSE(shard.view.waiver);
  EXPECT_EQ(shard.view.waiver_ended, "the waiver has expired as set");
}

TEST_F(WaivedShard, ends_with_the_first_proof_and_is_none_where_there_is_proof) {
  waive(hours(1));
  shard.failures[kPhxA].reset();
  shard.run_healthy(2);
  EXPECT_FALSE(shard.view.waiver);
  EXPECT_EQ(shard.view.waiver_ended, "a copy is proven again");
  waive(hours(1));
  EXPECT_FALSE(shard.memory.durable.waiver) << "there is nothing to waive";
}

TEST_F(WaivedShard, stays_closed_for_any_other_reason) {
  waive(hours(1));
  shard.memory.durable.freeze = Freeze{"jo", "moving", shard.wall(), std::nullopt};
  shard.judge();
  EXPECT_EQ(shard.reason(), "frozen");
  shard.memory.durable.freeze.reset();
  shard.promote(kPhxA, 2);
  shard.failures[kPhxA].reset();
  lag(2);
  EXPECT_EQ(shard.reason(), "split_brain");
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
