// evaluate() end to end: another server accepts writes on the epoch of the last writer, which may
// go on.
#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

constexpr const char* kDoubt =
    "iad-a has not been seen in recovery since, so both may accept writes";

/// iad-a is out of sight and iad-b was promoted without a stamp.
TestShard promoted_beside(EpochSource source = EpochSource::table) {
  ShardSpec spec = make_spec();
  spec.epoch_source = source;
  TestShard shard(spec);
  shard.run_healthy(5);
  shard.failures[kIadA] = ProbeFailure::timeout;
  shard.promote(kIadB, 2);
  shard.run(8);
  return shard;
}

/// iad-a is seen again, as what it was or in recovery.
void in_recovery(TestShard& shard) {
  shard.failures[kIadA].reset();
  shard.facts[kIadA] = make_standby_facts(50);
}

class Takeover : public ::testing::TestWithParam<EpochSource> {};

TEST_P(Takeover, within_the_region_is_refused_while_the_writer_is_out_of_sight) {
  TestShard shard = promoted_beside(GetParam());
  for (const bool restarted : {false, true}) {
    if (restarted) shard.restart();
    shard.run(5);
    EXPECT_FALSE(shard.open());
    EXPECT_EQ(shard.reason(), "stale_epoch");
    EXPECT_EQ(shard.state(kIadB), "unconfirmed");
    EXPECT_NE(shard.view.gate.detail.find(kDoubt), std::string::npos) << shard.view.gate.detail;
    EXPECT_EQ(shard.memory.durable.epochs.confirmed_node, "iad-a");
  }
  // It was writing all the while.
  shard.failures[kIadA].reset();
  shard.run(2);
  EXPECT_EQ(shard.reason(), "split_brain");
}

TEST_P(Takeover, is_confirmed_once_the_old_writer_is_seen_in_recovery_and_stays_so) {
  TestShard shard = promoted_beside(GetParam());
  in_recovery(shard);
  shard.run(2);
  EXPECT_EQ(shard.state(kIadB), "writer") << shard.view.gate.detail;
  EXPECT_EQ(shard.memory.durable.epochs.confirmed_node, "iad-b");
  EXPECT_FALSE(shard.view.waiver) << "nobody has stamped";
  shard.failures[kIadA] = ProbeFailure::timeout;
  shard.run(8);
  EXPECT_EQ(shard.state(kIadB), "writer") << shard.view.gate.detail;
  shard.restart();
  shard.run(3);
  EXPECT_EQ(shard.state(kIadB), "writer") << shard.view.gate.detail;
}

TEST_P(Takeover, is_confirmed_by_a_higher_number) {
  TestShard shard = promoted_beside(GetParam());
  shard.facts[kIadB].stamped = make_stamp(2, "iad");
  shard.run(2);
  EXPECT_EQ(shard.state(kIadB), "writer") << shard.view.gate.detail;
  EXPECT_EQ(shard.view.highest_epoch, Epoch{2});
}

INSTANTIATE_TEST_SUITE_P(Source, Takeover,
                         ::testing::Values(EpochSource::table, EpochSource::query),
                         [](const auto& source) { return std::string(name_of(source.param)); });

// In recovery, out of sight, promoted again there; or only restarted into recovery for a moment.
TEST(OldWriter, that_was_in_recovery_before_the_other_was_promoted_says_nothing_of_now) {
  TestShard shard;
  shard.run_healthy(5);
  in_recovery(shard);
  shard.run(3);
  ASSERT_EQ(shard.reason(), "no_writer");
  shard.failures[kIadA] = ProbeFailure::timeout;
  shard.promote(kIadB, 2);
  shard.run(1);
  ASSERT_TRUE(shard.memory.readings[kIadA].current) << "its last answer still counts";
  EXPECT_EQ(shard.state(kIadB), "unconfirmed");
  shard.run(8);
  EXPECT_EQ(shard.state(kIadB), "unconfirmed");
}

TEST(OldWriter, whose_name_leads_to_another_server_says_nothing) {
  TestShard shard = promoted_beside();
  shard.failures[kIadA].reset();
  shard.facts[kIadA] = shard.facts[kPhxA];
  shard.facts[kIadA].session = 60;
  shard.run(5);
  ASSERT_EQ(shard.view.nodes[kPhxA].same_server_as, "iad-a");
  EXPECT_EQ(shard.state(kIadB), "unconfirmed");
}

TEST(OldWriter, at_whose_address_another_cluster_is_in_recovery_says_nothing) {
  TestShard shard = promoted_beside();
  in_recovery(shard);
  shard.facts[kIadA].system_identifier = 99;
  shard.run(5);
  EXPECT_EQ(shard.state(kIadA), "foreign");
  EXPECT_EQ(shard.state(kIadB), "unconfirmed");
}

TEST(OldWriter, that_was_restarted_is_still_the_writer) {
  TestShard shard;
  shard.run_healthy(5);
  shard.facts[kIadA].session = 70;
  shard.facts[kIadA].started = shard.facts[kIadA].backends_started = kWallStart + minutes(1);
  for (const bool restarted : {false, true}) {
    if (restarted) shard.restart();
    shard.run_healthy(3);
    EXPECT_EQ(shard.state(kIadA), "writer") << shard.view.gate.detail;
  }
}

/// iad-a is called iad-1 in the next configuration.
TestShard renamed() {
  TestShard shard;
  shard.run_healthy(5);
  const ShardSpec before = shard.spec;
  shard.spec.nodes[kIadA].name = "iad-1";
  shard.memory = adopt(shard.memory, before, shard.spec);
  return shard;
}

TEST(OldWriter, is_known_by_its_identity_under_another_name) {
  for (const bool restarted : {false, true}) {
    TestShard shard = renamed();
    if (restarted) shard.restart();
    shard.run_healthy(2);
    EXPECT_EQ(shard.state(kIadA), "writer") << shard.view.gate.detail;
    EXPECT_EQ(shard.memory.durable.epochs.confirmed_node, "iad-1");
    // A stamp on it is one on the same writer.
    for (NodeFacts& facts : shard.facts) facts.stamped = make_stamp(2, "iad");
    shard.run(1);
    EXPECT_FALSE(shard.view.waiver);
  }
}

TEST(OldWriter, that_was_stamped_as_it_got_its_other_name_gets_no_waiver) {
  TestShard shard = renamed();
  for (NodeFacts& facts : shard.facts) facts.stamped = make_stamp(2, "iad");
  shard.run(2);
  EXPECT_EQ(shard.view.highest_epoch, Epoch{2});
  EXPECT_FALSE(shard.view.waiver);
}

TEST(OldWriter, that_was_taken_out_of_the_configuration_has_to_be_outranked) {
  TestShard shard = renamed();
  shard.facts[kIadA].started = kWallStart + minutes(1);
  shard.run_healthy(3);
  EXPECT_EQ(shard.state(kIadA), "unconfirmed");
  EXPECT_NE(shard.view.gate.detail.find("iad-a is not in the configuration any more"),
            std::string::npos)
      << shard.view.gate.detail;
  for (NodeFacts& facts : shard.facts) facts.stamped = make_stamp(2, "iad");
  shard.run_healthy(2);
  EXPECT_EQ(shard.state(kIadA), "writer") << shard.view.gate.detail;
}

// iad-a is stamped out of rpoguard's sight; the stamp reaches iad-b, and then somebody promotes it.
TEST(LatePromotion, does_not_make_the_stamp_its_own_that_it_had_in_recovery) {
  TestShard shard;
  shard.run_healthy(5);
  shard.failures[kIadA] = ProbeFailure::timeout;
  shard.facts[kIadB].stamped = shard.facts[kPhxA].stamped = make_stamp(2, "iad");
  shard.run(8);
  ASSERT_EQ(shard.view.highest_epoch, Epoch{2});
  shard.promote(kIadB, 2);
  shard.run(3);
  EXPECT_EQ(shard.state(kIadB), "unconfirmed");
  EXPECT_NE(shard.view.gate.detail.find("which it had when it was still in recovery"),
            std::string::npos)
      << shard.view.gate.detail;
  shard.facts[kIadB].stamped = make_stamp(3, "iad");
  shard.run(2);
  EXPECT_EQ(shard.state(kIadB), "writer") << shard.view.gate.detail;
}

/// rpoguard sees neither iad-a nor iad-b. iad-a is stamped once more, and its row is replicated;
/// then somebody promotes iad-b and stamps nothing.
TestShard promoted_with_an_unseen_stamp() {
  TestShard shard;
  for (NodeFacts& facts : shard.facts) facts.stamped->timeline = Timeline{1};
  shard.run_healthy(5);
  shard.failures[kIadA] = shard.failures[kIadB] = ProbeFailure::timeout;
  shard.run(8);
  shard.facts[kIadB].stamped = make_stamp(2, "iad");
  shard.facts[kIadB].stamped->timeline = Timeline{1};
  shard.promote(kIadB, 2);
  shard.failures[kIadB].reset();
  return shard;
}

TEST(LatePromotion, with_a_stamp_that_nobody_saw_confirms_nobody) {
  for (const bool remembers : {true, false}) {
    TestShard shard = promoted_with_an_unseen_stamp();
    if (!remembers) {
      shard.restart();
      shard.memory.durable = {};
    }
    shard.run(8);
    EXPECT_FALSE(shard.open());
    EXPECT_EQ(shard.state(kIadB), "unconfirmed") << remembers;
    EXPECT_NE(shard.view.gate.detail.find("stamped on timeline 1; now it is on timeline 2"),
              std::string::npos)
        << shard.view.gate.detail;
    // It was writing all the while.
    TestShard seen = shard;
    seen.failures[kIadA].reset();
    seen.facts[kIadA].stamped->epoch = Epoch{2};
    seen.run(2);
    EXPECT_EQ(seen.reason(), "split_brain");
    shard.facts[kIadB].stamped = make_stamp(3, "iad");
    shard.facts[kIadB].stamped->timeline = Timeline{2};
    shard.run(2);
    EXPECT_EQ(shard.state(kIadB), "writer") << shard.view.gate.detail;
  }
}

// phx-a is stamped for on iad-a, before it is promoted: iad-a holds that stamp, too.
TEST(LatePromotion, of_a_node_that_was_stamped_for_beforehand_confirms_nobody) {
  TestShard shard;
  shard.run_healthy(5);
  for (NodeFacts& facts : shard.facts) facts.stamped = make_stamp(2, "phx");
  shard.run(2);
  shard.failures[kIadA] = ProbeFailure::timeout;
  shard.promote(kPhxA, 2);
  shard.run(5);
  EXPECT_EQ(shard.state(kPhxA), "unconfirmed");
  EXPECT_FALSE(shard.open());
}

}  // namespace
}  // namespace rpoguard::core
