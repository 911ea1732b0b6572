#include "exporter/serve/gate/gate_verdict.hpp"

#include <gtest/gtest.h>

#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

class GateVerdict : public ::testing::Test {
 protected:
  GateVerdict() { world_.views.publish(mixed_view(world_.clock.now())); }

  serve::GateMoment moment() { return gate_moment(world_.gate_context()); }
  World world_;
};

TEST_F(GateVerdict, before_the_first_view_asking_again_may_help) {
  World empty;
  const serve::GateMoment moment = gate_moment(empty.gate_context());
  const serve::GateVerdict verdict = verdict_on(moment, "184", {});
  EXPECT_FALSE(verdict.open);
  EXPECT_EQ(verdict.reason, "unproven");
  EXPECT_TRUE(verdict.retryable);
}

TEST_F(GateVerdict, of_an_unknown_shard_asking_again_does_not_help) {
  const serve::GateMoment moment = this->moment();
  const serve::GateVerdict verdict = verdict_on(moment, "185", {});
  EXPECT_FALSE(verdict.open);
  EXPECT_EQ(verdict.shard, "185");
  EXPECT_EQ(verdict.reason, serve::kUnknownShard);
  EXPECT_FALSE(verdict.retryable);
}

TEST_F(GateVerdict, speaks_of_one_moment_whatever_happens_meanwhile) {
  const serve::GateMoment moment = this->moment();
  world_.stopping = true;
  world_.clock.advance(1h);
  world_.views.publish(healthy_view(world_.clock.now()));
  EXPECT_TRUE(verdict_on(moment, "184", {}).open);
  EXPECT_EQ(verdict_on(moment, "184", {}).open_for, 4300ms);
}

TEST_F(GateVerdict, a_gate_that_shuts_down_is_closed_for_every_shard_that_it_knows) {
  world_.stopping = true;
  const serve::GateMoment moment = this->moment();
  for (const char* shard : {"184", "186"}) {
    EXPECT_FALSE(verdict_on(moment, shard, {}).open);
    EXPECT_EQ(verdict_on(moment, shard, {}).reason, "shutting_down");
  }
  EXPECT_EQ(verdict_on(moment, "185", {}).reason, serve::kUnknownShard);
}

TEST_F(GateVerdict, only_what_a_shard_was_told_is_counted_and_nothing_while_its_gate_is_off) {
  const serve::GateMoment moment = this->moment();
  count(world_.counters, verdict_on(moment, "184", {}));
  count(world_.counters, verdict_on(moment, "185", {}));
  EXPECT_EQ(world_.counters.of("184").open, 1U);
  EXPECT_EQ(world_.counters.of("185").closed, 0U);
  auto view = healthy_view(world_.clock.now());
  auto spec = std::make_shared<core::Spec>(*view->spec);
  spec->shards[0].gate.mode = core::GateMode::off;
  view->spec = spec;
  world_.views.publish(view);
  const serve::GateMoment off = this->moment();
  EXPECT_TRUE(verdict_on(off, "s0", {}).open);
  count(world_.counters, verdict_on(off, "s0", {}));
  EXPECT_EQ(world_.counters.of("s0").open, 0U);
}

}  // namespace
}  // namespace rpoguard::test
