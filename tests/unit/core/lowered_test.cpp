#include "exporter/core/judge/lowered.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

constexpr Epoch kSlip{900};

WitnessObservation said(std::int64_t number) {
  return {kStart, kStart, WitnessFacts{number, ""}};
}

class Lowered : public ::testing::Test {
 protected:
  Lowered() { shard.run_healthy(3); }
  std::string lower(std::int64_t to) {
    return lower_epoch(shard.memory, shard.spec, shard.observations, Epoch{to});
  }

  TestShard shard;
};

TEST_F(Lowered, opens_again_what_a_number_from_nowhere_has_closed) {
  const Epoch own = *shard.memory.durable.epochs.highest;
  shard.memory.durable.epochs.highest = kSlip;
  shard.run_healthy(1);
  ASSERT_EQ(shard.reason(), "stale_epoch");
  EXPECT_EQ(lower(own.value), "");
  shard.run_healthy(2);
  EXPECT_EQ(shard.view.highest_epoch, own);
  ASSERT_TRUE(shard.view.writer);
  EXPECT_EQ(shard.view.writer->epoch, own);
}

TEST_F(Lowered, below_what_was_confirmed_the_same_node_is_the_writer_and_no_other) {
  const std::int64_t own = shard.memory.durable.epochs.highest->value;
  EpochRecord& record = shard.memory.durable.epochs;
  record.highest = record.confirmed = kSlip;
  record.confirmed_place.stamped = WallTime(hours(1));
  EXPECT_EQ(lower(own), "");
  EXPECT_EQ(record.confirmed, Epoch{own});
  EXPECT_EQ(record.confirmed_place, EpochPlace{});
  shard.run_healthy(1);
  EXPECT_TRUE(shard.view.writer) << "the place was that of the other number";
  record.highest = record.confirmed = kSlip;
  record.confirmed_node = "phx-a";
  record.confirmed_started.reset();
  EXPECT_EQ(lower(own), "");
  shard.run_healthy(1);
  EXPECT_FALSE(shard.view.writer) << "phx-a may still accept writes on this number";
}

TEST_F(Lowered, is_refused_while_it_would_be_raised_again_or_there_is_nothing_to_lower) {
  const std::int64_t own = shard.memory.durable.epochs.highest->value;
  EXPECT_EQ(lower(own),
            "the highest epoch is " + std::to_string(own) + ": there is nothing to lower");
  EXPECT_EQ(lower(own + 1), lower(own));
  shard.memory.durable.epochs.highest = kSlip;
  EXPECT_EQ(lower(own - 1), "iad-a shows " + std::to_string(own) +
                                ", which would be remembered again at once: correct that first");
  EXPECT_EQ(shard.memory.durable.epochs.highest, kSlip);
  ASSERT_TRUE(shard.observations.nodes[kIadA]);
  shard.observations.epoch_witness = said(own + 1);
  EXPECT_TRUE(lower(own).starts_with("the epoch witness shows "));
  EXPECT_EQ(lower(own + 1), "");
  shard.memory.durable.epochs.highest.reset();
  EXPECT_EQ(lower(1), "no epoch is remembered");
}

TEST_F(Lowered, forgets_what_a_witness_has_said_before) {
  const std::int64_t own = shard.memory.durable.epochs.highest->value;
  shard.memory.durable.epochs.highest = kSlip;
  shard.memory.epoch_witness.good = said(kSlip.value);
  shard.observations.epoch_witness = said(own);
  EXPECT_EQ(lower(own), "");
  EXPECT_FALSE(shard.memory.epoch_witness.good);
  shard.memory.epoch_witness.good = said(own - 1);
  shard.memory.durable.epochs.highest = kSlip;
  EXPECT_EQ(lower(own), "");
  EXPECT_TRUE(shard.memory.epoch_witness.good) << "this one says nothing wrong";
}

TEST_F(Lowered, goes_for_the_generation_too) {
  ShardMemory& memory = shard.memory;
  const auto lower_to = [&](std::int64_t to) {
    return lower_generation(memory, shard.observations, to);
  };
  EXPECT_EQ(lower_to(3), "no generation is remembered");
  memory.durable.highest_generation = 900;
  EXPECT_EQ(lower_to(900), "the highest generation is 900: there is nothing to lower");
  shard.observations.generation_witness = said(12);
  EXPECT_TRUE(lower_to(11).starts_with("the shard map shows 12"));
  memory.generation_witness.good = said(900);
  EXPECT_EQ(lower_to(12), "");
  EXPECT_EQ(memory.durable.highest_generation, 12);
  EXPECT_FALSE(memory.generation_witness.good);
}

}  // namespace
}  // namespace rpoguard::core
