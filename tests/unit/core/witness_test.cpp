// evaluate() end to end: the witnesses of the epoch and of the generation.
#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

WitnessObservation says(const TestShard& shard, std::int64_t number, const std::string& writer) {
  return WitnessObservation{shard.now, shard.now, WitnessFacts{number, writer}};
}

WitnessObservation fails(const TestShard& shard) {
  return WitnessObservation{shard.now, shard.now,
                            ProbeError{ProbeFailure::timeout, "no answer in time"}};
}

ShardSpec spec_with(EpochSource source) {
  ShardSpec spec = make_spec();
  spec.epoch_source = source;
  spec.epoch_witness = WitnessSpec{};
  return spec;
}

/// The authority answers at each tick.
struct Asked {
  explicit Asked(ShardSpec spec = spec_with(EpochSource::http)) : shard(std::move(spec)) {
    for (NodeFacts& facts : shard.facts) facts.stamped.reset();
  }
  void run(int ticks) {
    for (int i = 0; i < ticks; ++i) {
      shard.now = shard.next_tick;
      shard.observations.epoch_witness = silent ? fails(shard) : says(shard, number, writer);
      shard.run_healthy(1);
    }
  }
  TestShard shard;
  std::int64_t number = 7;
  std::string writer = "iad-a";
  bool silent = false;
};

TEST(EpochWitness, an_authority_confirms_the_writer_and_opens_the_gate) {
  Asked asked;
  asked.run(4);
  EXPECT_TRUE(asked.shard.open()) << asked.shard.reason();
  EXPECT_EQ(asked.shard.view.writer->node, "iad-a");
  EXPECT_EQ(asked.shard.view.writer->epoch, Epoch{7});
  EXPECT_EQ(asked.shard.view.highest_epoch, Epoch{7});
  EXPECT_EQ(asked.shard.view.nodes[kIadA].epoch, Epoch{7});
  EXPECT_FALSE(asked.shard.view.nodes[kPhxA].epoch) << "no node has an epoch of its own";
  ASSERT_TRUE(asked.shard.view.epoch_witness);
  EXPECT_EQ(asked.shard.view.epoch_witness->number, 7);
  EXPECT_EQ(asked.shard.view.epoch_witness->writer, "iad-a");
  EXPECT_FALSE(asked.shard.view.epoch_witness->failure);
}

TEST(EpochWitness, a_silent_authority_confirms_nobody_once_its_answer_is_too_old) {
  Asked asked;
  asked.run(4);
  const Instant answered = asked.shard.observations.epoch_witness->asked;
  asked.silent = true;
  asked.run(4);
  EXPECT_TRUE(asked.shard.open()) << "one answer is good for 5 s";
  EXPECT_EQ(asked.shard.view.gate.open_until, answered + seconds(5)) << "and for no longer";
  EXPECT_EQ(asked.shard.view.gate.when_expired, Reason::stale_epoch);
  EXPECT_EQ(asked.shard.view.epoch_witness->failure->reason, ProbeFailure::timeout);
  asked.run(1);
  EXPECT_EQ(asked.shard.reason(), "stale_epoch");
  EXPECT_EQ(asked.shard.state(kIadA), "unconfirmed");
  EXPECT_EQ(asked.shard.view.gate.detail,
            "the epoch witness has given no good answer for 5.0 s (timeout: no answer in time)");
  EXPECT_FALSE(asked.shard.view.epoch_witness->number);
  asked.silent = false;
  asked.run(2);
  EXPECT_TRUE(asked.shard.open()) << asked.shard.reason();
}

TEST(EpochWitness, an_authority_that_never_answered_confirms_nobody) {
  Asked asked;
  asked.shard.run_healthy(2);
  EXPECT_EQ(asked.shard.view.gate.detail, "the epoch witness has given no good answer yet");
  asked.silent = true;
  asked.run(2);
  EXPECT_EQ(asked.shard.reason(), "stale_epoch");
  EXPECT_EQ(asked.shard.view.gate.detail,
            "the epoch witness has given no good answer yet (timeout: no answer in time)");
  EXPECT_FALSE(asked.shard.memory.durable.epochs.highest) << "silence raises nothing";
}

TEST(EpochWitness, an_authority_that_names_nobody_confirms_nobody) {
  Asked asked;
  asked.run(4);
  asked.writer = "";
  asked.run(1);
  EXPECT_EQ(asked.shard.reason(), "stale_epoch");
  EXPECT_EQ(asked.shard.view.gate.detail, "the epoch witness names no writer");
}

TEST(EpochWitness, an_authority_that_goes_back_is_an_old_copy_and_not_believed) {
  Asked asked;
  asked.run(4);
  asked.number = 6;
  asked.writer = "phx-a";
  asked.run(1);
  EXPECT_EQ(asked.shard.view.epoch_witness->number, 7) << "the good answer is still young";
  EXPECT_EQ(asked.shard.view.epoch_witness->failure->reason, ProbeFailure::bad_answer);
  EXPECT_EQ(asked.shard.state(kIadA), "writer");
  asked.run(5);
  EXPECT_EQ(asked.shard.reason(), "stale_epoch");
  EXPECT_EQ(asked.shard.view.highest_epoch, Epoch{7});
  asked.shard.restart();
  asked.run(3);
  EXPECT_EQ(asked.shard.reason(), "stale_epoch") << "a restart does not forget the number";
}

TEST(EpochWitness, without_an_authority_configured_nobody_is_confirmed) {
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::http;
  TestShard shard(spec);
  shard.run_healthy(3);
  EXPECT_EQ(shard.reason(), "stale_epoch");
  EXPECT_EQ(shard.view.gate.detail, "no epoch witness is configured");
}

TEST(EpochWitness, a_failover_by_the_authority_opens_a_waiver_for_the_one_it_names) {
  Asked asked;
  asked.run(4);
  asked.shard.failures[kIadA] = asked.shard.failures[kIadB] = ProbeFailure::timeout;
  asked.shard.promote(kPhxA, 2);
  asked.run(3);
  EXPECT_EQ(asked.shard.state(kPhxA), "stale_writer") << "promoted before it was named";
  asked.number = 8;
  asked.writer = "phx-a";
  asked.shard.writer_node = kPhxA;
  asked.run(1);
  EXPECT_TRUE(asked.shard.open()) << asked.shard.reason();
  EXPECT_EQ(asked.shard.view.waiver->why, "epoch 8 names phx-a");
  asked.shard.failures[kIadA].reset();
  asked.run(2);
  EXPECT_EQ(asked.shard.state(kIadA), "stale_writer");
  EXPECT_TRUE(asked.shard.open()) << asked.shard.reason();
}

TEST(EpochWitness, beside_another_source_it_can_only_raise_the_highest_epoch) {
  for (const auto source : {EpochSource::table, EpochSource::timeline}) {
    TestShard shard(spec_with(source));
    shard.observations.epoch_witness = says(shard, 0, "");
    shard.run_healthy(3);
    EXPECT_TRUE(shard.open()) << name_of(source) << ": a lower number is late, no more";
    EXPECT_EQ(shard.view.highest_epoch, Epoch{1});
    EXPECT_EQ(shard.view.epoch_witness->number, 0);
    shard.observations.epoch_witness = fails(shard);
    shard.run_healthy(9);
    EXPECT_TRUE(shard.open()) << name_of(source) << ": nor does its silence say anything";
    shard.observations.epoch_witness = says(shard, 2, "");
    shard.run_healthy(1);
    EXPECT_EQ(shard.reason(), "stale_epoch") << name_of(source);
    EXPECT_EQ(shard.state(kIadA), "stale_writer");
    EXPECT_EQ(shard.memory.durable.epochs.highest, Epoch{2});
    shard.observations.epoch_witness = says(shard, 1, "");
    shard.run_healthy(2);
    EXPECT_EQ(shard.view.highest_epoch, Epoch{2}) << "never lowered";
  }
}

TEST(EpochWitness, another_one_after_a_reload_starts_without_an_answer) {
  Asked asked;
  asked.run(3);
  ShardSpec other = asked.shard.spec;
  EXPECT_TRUE(adopt(asked.shard.memory, asked.shard.spec, other).epoch_witness.good);
  other.epoch_witness->url = "http://other/";
  const ShardMemory memory = adopt(asked.shard.memory, asked.shard.spec, other);
  EXPECT_FALSE(memory.epoch_witness.good);
  EXPECT_EQ(memory.durable.epochs.highest, Epoch{7});
}

ShardSpec with_generation() {
  ShardSpec spec = make_spec();
  spec.generation_witness = WitnessSpec{};
  return spec;
}

std::string reason_for(const TestShard& shard, std::int64_t generation) {
  GateRequest request;
  request.generation = generation;
  const auto decision = check_gate(shard.spec, &shard.view, request, shard.now);
  return decision.reason ? name_of(*decision.reason) : "open";
}

TEST(GenerationWitness, lets_through_who_names_the_one_it_knows) {
  TestShard shard(with_generation());
  shard.run_healthy(3);
  EXPECT_TRUE(shard.open()) << "who names none is not fenced";
  EXPECT_EQ(reason_for(shard, 12), "stale_generation") << "not known yet";
  shard.observations.generation_witness = says(shard, 12, "");
  shard.judge();
  EXPECT_EQ(shard.view.generation_witness->number, 12);
  EXPECT_EQ(reason_for(shard, 12), "open");
  EXPECT_EQ(reason_for(shard, 11), "stale_generation");
  EXPECT_EQ(reason_for(shard, 13), "stale_generation");
}

TEST(GenerationWitness, that_goes_back_is_an_old_copy) {
  TestShard shard(with_generation());
  shard.observations.generation_witness = says(shard, 12, "");
  shard.run_healthy(3);
  shard.observations.generation_witness = says(shard, 11, "");
  shard.run_healthy(1);
  EXPECT_EQ(reason_for(shard, 11), "stale_generation");
  EXPECT_EQ(reason_for(shard, 12), "open") << "the answer before is still young";
  EXPECT_EQ(shard.view.generation_witness->failure->message,
            "it says 11, the highest seen is 12: an outdated source answers");
  shard.restart();
  shard.observations.generation_witness = says(shard, 11, "");
  shard.run_healthy(3);
  EXPECT_FALSE(shard.view.generation_witness->number);
  EXPECT_EQ(reason_for(shard, 11), "stale_generation") << "a restart does not forget";
  EXPECT_EQ(reason_for(shard, 12), "stale_generation") << "nobody says so now";
  EXPECT_EQ(shard.memory.durable.highest_generation, 12);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

}  // namespace
}  // namespace rpoguard::core
