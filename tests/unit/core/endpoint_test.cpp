// evaluate() end to end: the way that clients take to the writer.
#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

constexpr WallTime kStarted{seconds(1'700'000'000)};

class Endpoint : public ::testing::Test {
 protected:
  Endpoint() {
    shard.spec.endpoint.emplace();
    for (NodeFacts& each : shard.facts) each.started = kStarted + seconds(each.session);
    answer.system_identifier = 77;
    answer.in_recovery = false;
    answer.timeline = Timeline{1};
    answer.started = *shard.facts[kIadA].started;
  }
  void look() { shard.observations.endpoint = {shard.now, shard.now + milliseconds(3), answer}; }
  void fail() {
    shard.observations.endpoint = {shard.now, shard.now,
                                   ProbeError{ProbeFailure::timeout, "no answer in time"}};
  }
  const EndpointView& view() const { return *shard.view.endpoint; }

  TestShard shard;
  EndpointFacts answer;
};

TEST_F(Endpoint, a_shard_without_one_is_not_judged_by_it) {
  shard.spec.endpoint.reset();
  shard.run_healthy(3);
  EXPECT_FALSE(shard.view.endpoint);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_F(Endpoint, the_gate_stays_closed_until_it_has_led_to_the_writer) {
  shard.run_healthy(3);
  EXPECT_EQ(shard.reason(), "endpoint_misrouted");
  EXPECT_FALSE(view().on_writer.has_value());
  look();
  shard.run_healthy(1);
  EXPECT_EQ(view().on_writer, true);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_F(Endpoint, a_good_answer_lasts_as_long_as_configured) {
  shard.run_healthy(3);
  look();
  const Instant asked = shard.now;
  fail();
  shard.run_healthy(1);
  EXPECT_EQ(shard.reason(), "endpoint_misrouted");
  look();
  shard.run_healthy(1);
  EXPECT_TRUE(shard.open());
  fail();
  shard.run_healthy(13);
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_LE(shard.view.gate.open_until, asked + seconds(15) + seconds(2));
  shard.run_healthy(4);
  EXPECT_EQ(shard.reason(), "endpoint_misrouted");
  EXPECT_EQ(shard.view.gate.detail, "the writer endpoint: no answer in time");
}

TEST_F(Endpoint, another_server_closes_the_gate_at_once) {
  shard.run_healthy(3);
  look();
  shard.run_healthy(1);
  ASSERT_TRUE(shard.open());
  const EndpointFacts good = answer;
  const auto closes = [&](const char* detail) {
    look();
    shard.run_healthy(1);
    EXPECT_EQ(view().on_writer, false);
    EXPECT_EQ(shard.reason(), "endpoint_misrouted");
    EXPECT_EQ(shard.view.gate.detail, detail);
    answer = good;
    look();
    shard.run_healthy(11);  // it has reopened before, and does not flap
    EXPECT_TRUE(shard.open()) << shard.reason();
  };
  answer.in_recovery = true;
  closes("the writer endpoint: it leads to a standby");
  answer.started += seconds(1);
  closes("the writer endpoint: it leads to another server");
  answer.system_identifier = 78;
  closes("the writer endpoint: it leads to another server");
  answer.timeline = Timeline{2};
  closes("the writer endpoint: it leads to another server");
}

TEST_F(Endpoint, a_canary_has_to_commit) {
  shard.spec.endpoint->canary = true;
  shard.run_healthy(3);
  look();
  shard.run_healthy(1);
  EXPECT_EQ(shard.reason(), "endpoint_misrouted");
  EXPECT_EQ(view().on_writer, true);
  answer.commit_took = milliseconds(4);
  look();
  shard.run_healthy(1);
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_EQ(view().commit_took, milliseconds(4));
}

TEST_F(Endpoint, an_answer_from_before_a_failover_says_nothing_about_the_new_writer) {
  shard.run_healthy(3);
  look();
  shard.run_healthy(1);
  shard.facts[kPhxA].stamped = make_stamp(2, "phx");
  shard.promote(kPhxA, 2);
  shard.facts[kPhxA].started = kStarted + seconds(50);
  shard.writer_node = kPhxA;
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.run(3);
  EXPECT_EQ(shard.state(kPhxA), "writer");
  EXPECT_FALSE(view().on_writer.has_value());
  EXPECT_EQ(shard.reason(), "endpoint_misrouted");
  answer.timeline = Timeline{2};
  answer.started = *shard.facts[kPhxA].started;
  look();
  shard.run(1);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

}  // namespace
}  // namespace rpoguard::core
