// A freeze by an operator, from the durable memory to the gate.
#include <algorithm>

#include <gtest/gtest.h>

#include "exporter/core/tell/compare.hpp"

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

class FreezeTest : public ::testing::Test {
 protected:
  FreezeTest() { shard.run_healthy(3); }

  void freeze(std::optional<WallTime> until = std::nullopt) {
    shard.memory.durable.freeze = Freeze{"jo", "moving the shard", shard.wall(), until};
    shard.judge();
  }

  TestShard shard;
};

TEST_F(FreezeTest, closes_the_gate_at_once_and_says_who_and_why) {
  ASSERT_TRUE(shard.open());
  freeze();
  EXPECT_EQ(shard.reason(), "frozen");
  EXPECT_EQ(shard.view.gate.detail, "frozen by jo: moving the shard");
  EXPECT_FALSE(shard.view.writes_usable);
  shard.run_healthy(600);
  EXPECT_EQ(shard.reason(), "frozen") << "without an end it has none";
}

TEST_F(FreezeTest, ends_when_it_says_and_not_earlier) {
  const Instant end = shard.now + seconds(30);
  freeze(shard.wall() + seconds(30));
  EXPECT_EQ(shard.view.gate.detail,
            "frozen by jo until 2026-01-01T00:00:32.006Z: moving the shard");
  while (shard.now < end) {
    EXPECT_EQ(shard.reason(), "frozen");
    shard.run_healthy(1);
  }
  EXPECT_EQ(shard.reason(), "open");
  EXPECT_FALSE(shard.memory.durable.freeze);
  EXPECT_EQ(shard.view.freeze_ended, "the freeze by jo has expired as set");
}

TEST_F(FreezeTest, outlives_a_restart) {
  freeze();
  shard.restart();
  shard.run_healthy(5);
  EXPECT_EQ(shard.reason(), "frozen");
  EXPECT_EQ(shard.view.freeze, shard.memory.durable.freeze);
}

TEST_F(FreezeTest, does_not_hide_what_is_worse_nor_open_what_is_closed) {
  freeze();
  shard.memory.durable.freeze.reset();
  shard.judge();
  EXPECT_EQ(shard.reason(), "open");
  freeze();
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.run(1);
  EXPECT_EQ(shard.reason(), "no_writer");
  EXPECT_NE(std::ranges::find(shard.view.gate.reasons, Reason::frozen),
            shard.view.gate.reasons.end());
  shard.memory.durable.freeze.reset();
  shard.run(1);
  EXPECT_EQ(shard.reason(), "no_writer");
}

TEST_F(FreezeTest, holds_under_a_waiver) {
  shard.memory.durable.waiver = {shard.wall() + hours(1), "epoch 2"};
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.run_healthy(10);
  ASSERT_TRUE(shard.open()) << shard.reason();
  freeze();
  EXPECT_EQ(shard.reason(), "frozen");
}

TEST_F(FreezeTest, is_an_event_when_it_begins_changes_and_ends) {
  const ShardView free = shard.view;
  freeze();
  const ShardView frozen = shard.view;
  shard.memory.durable.freeze->reason = "another reason";
  shard.judge();
  const ShardView again = shard.view;
  const auto kinds = [](const std::vector<Event>& events) {
    std::vector<std::string> names;
    for (const Event& event : events)
      if (is_told(event.kind)) names.emplace_back(name_of(event.kind));
    return names;
  };
  using FreezeNames = std::vector<std::string>;
  EXPECT_EQ(kinds(events_between(&free, frozen)), (FreezeNames{"frozen", "gate_closed"}));
  EXPECT_EQ(kinds(events_between(&frozen, again)), FreezeNames{"frozen"});
  EXPECT_EQ(kinds(events_between(&again, free)), (FreezeNames{"unfrozen", "gate_opened"}));
}

}  // namespace
}  // namespace rpoguard::core
