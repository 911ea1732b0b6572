#include "exporter/core/judge/gate.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

ShardView open_view() {
  ShardView view;
  view.evaluated = kStart;
  view.writer = WriterView{"iad-a", "iad", Epoch{7}, Timeline{3}};
  view.gate.open_until = kStart + seconds(4);
  view.gate.shed_low_priority_from = kStart + seconds(3);
  return view;
}

ShardView closed_view(Reason reason) {
  ShardView view;
  view.gate.reasons = {reason, Reason::unproven};
  view.gate.retry_after = seconds(3);
  return view;
}

TEST(Gate, is_open_until_its_lease_runs_out_and_closed_from_then_on) {
  const ShardSpec spec = make_spec();
  const ShardView view = open_view();
  const auto open = check_gate(spec, &view, {}, kStart);
  EXPECT_TRUE(open.open);
  EXPECT_FALSE(open.would_refuse);
  EXPECT_FALSE(open.reason);
  EXPECT_EQ(open.open_for, seconds(4));
  EXPECT_TRUE(check_gate(spec, &view, {}, kStart + seconds(4) - Duration(1)).open);
  const auto expired = check_gate(spec, &view, {}, kStart + seconds(4));
  EXPECT_FALSE(expired.open) << "the prober may hang; the request's own clock closes the gate";
  EXPECT_EQ(expired.reason, Reason::rpo_exceeded);
  EXPECT_EQ(expired.open_for, Duration{0});
}

// An RPO of a minute proves a minute ahead; a freeze must not have to wait for that.
TEST(Gate, no_yes_outlives_max_lease_whatever_is_proven) {
  ShardSpec spec = make_spec(seconds(60));
  ShardView view = open_view();
  view.gate.open_until = kStart + seconds(59);
  view.gate.shed_low_priority_from = kStart + seconds(47);
  GateRequest low;
  low.low_priority = true;
  EXPECT_EQ(check_gate(spec, &view, {}, kStart).open_for, seconds(10));
  EXPECT_EQ(check_gate(spec, &view, low, kStart).open_for, seconds(10));
  EXPECT_EQ(check_gate(spec, &view, {}, kStart).stays_open_for, seconds(59)) << "people see more";
  EXPECT_EQ(check_gate(spec, &view, low, kStart).stays_open_for, seconds(47));
  spec.gate.max_lease = seconds(3);
  EXPECT_EQ(check_gate(spec, &view, {}, kStart + seconds(1)).open_for, seconds(2))
      << "it is counted from the evaluation, not from the question";
  EXPECT_TRUE(check_gate(spec, &view, {}, kStart + seconds(3) - Duration(1)).open);
  const auto late = check_gate(spec, &view, {}, kStart + seconds(3));
  EXPECT_FALSE(late.open) << "nobody has looked since";
  EXPECT_EQ(late.reason, Reason::unproven);
  EXPECT_EQ(late.open_for, Duration{0});
  view.gate.open_until = kStart + seconds(2);
  EXPECT_EQ(check_gate(spec, &view, {}, kStart + seconds(4)).reason, Reason::rpo_exceeded);
}

TEST(Gate, a_generation_is_good_for_max_lease_too) {
  ShardSpec spec = make_spec();
  spec.generation_witness = WitnessSpec{};
  spec.gate.max_lease = seconds(2);
  ShardView view = open_view();
  view.generation_witness = WitnessView{12, "", kStart, std::nullopt};
  GateRequest request;
  request.generation = 12;
  EXPECT_EQ(check_gate(spec, &view, request, kStart).open_for, seconds(2));
}

TEST(Gate, answers_with_the_worst_reason_and_a_hint_when_to_come_back) {
  const ShardView view = closed_view(Reason::no_writer);
  const auto decision = check_gate(make_spec(), &view, {}, kStart);
  EXPECT_FALSE(decision.open);
  EXPECT_TRUE(decision.would_refuse);
  EXPECT_EQ(decision.reason, Reason::no_writer);
  EXPECT_EQ(decision.retry_after, seconds(3));
}

TEST(Gate, a_shard_that_was_never_judged_is_unproven) {
  const auto decision = check_gate(make_spec(), nullptr, {}, kStart);
  EXPECT_FALSE(decision.open);
  EXPECT_EQ(decision.reason, Reason::unproven);
  EXPECT_EQ(decision.retry_after, seconds(1));
}

TEST(Gate, low_priority_is_refused_first) {
  const ShardView view = open_view();
  GateRequest low;
  low.low_priority = true;
  EXPECT_EQ(check_gate(make_spec(), &view, low, kStart).open_for, seconds(3));
  EXPECT_FALSE(check_gate(make_spec(), &view, low, kStart + seconds(3)).open);
  EXPECT_TRUE(check_gate(make_spec(), &view, {}, kStart + seconds(3)).open);
}

TEST(Gate, low_priority_never_outlives_the_lease) {
  ShardView view = open_view();
  GateRequest low;
  low.low_priority = true;
  view.gate.shed_low_priority_from = kStart + seconds(60);
  EXPECT_EQ(check_gate(make_spec(), &view, low, kStart).open_for, seconds(4));
  view.gate.shed_low_priority_from.reset();
  EXPECT_EQ(check_gate(make_spec(), &view, low, kStart).open_for, seconds(4));
}

TEST(Gate, fences_callers_with_a_lower_or_a_higher_epoch) {
  const ShardView view = open_view();
  for (const std::int64_t epoch : {6, 8, 0}) {
    GateRequest request;
    request.epoch = Epoch{epoch};
    const auto decision = check_gate(make_spec(), &view, request, kStart);
    EXPECT_FALSE(decision.open) << epoch;
    EXPECT_EQ(decision.reason, Reason::stale_epoch) << epoch;
    EXPECT_EQ(decision.open_for, Duration{0}) << epoch;
  }
  GateRequest right;
  right.epoch = Epoch{7};
  EXPECT_TRUE(check_gate(make_spec(), &view, right, kStart).open);
}

// The same number can stand for two histories: each part of it fences, and all of them together.
TEST(Gate, fences_callers_of_another_timeline_or_writer_whatever_their_epoch) {
  const ShardView view = open_view();
  const auto reason = [&](const GateRequest& request) {
    return check_gate(make_spec(), &view, request, kStart).reason;
  };
  for (const std::uint32_t timeline : {1U, 2U, 4U, 0U}) {
    GateRequest request;
    request.timeline = Timeline{timeline};
    EXPECT_EQ(reason(request), Reason::stale_epoch) << timeline;
    request.epoch = Epoch{7};
    EXPECT_EQ(reason(request), Reason::stale_epoch) << timeline;
  }
  for (const char* writer : {"iad-b", "phx-a", "iad", "iad-a ", "IAD-A", ""}) {
    GateRequest request;
    request.writer = writer;
    EXPECT_EQ(reason(request), Reason::stale_epoch) << writer;
    request.epoch = Epoch{7};
    request.timeline = Timeline{3};
    EXPECT_EQ(reason(request), Reason::stale_epoch) << writer;
  }
  GateRequest right;
  right.timeline = Timeline{3};
  EXPECT_EQ(reason(right), std::nullopt);
  right.writer = "iad-a";
  EXPECT_EQ(reason(right), std::nullopt);
  right.epoch = Epoch{7};
  EXPECT_EQ(reason(right), std::nullopt);
  right.epoch = Epoch{6};
  EXPECT_EQ(reason(right), Reason::stale_epoch);
}

TEST(Gate, no_history_can_be_confirmed_without_a_writer) {
  ShardView view = open_view();
  view.writer.reset();
  GateRequest epoch;
  epoch.epoch = Epoch{7};
  GateRequest timeline;
  timeline.timeline = Timeline{3};
  GateRequest writer;
  writer.writer = "";
  for (const GateRequest& request : {epoch, timeline, writer})
    EXPECT_EQ(check_gate(make_spec(), &view, request, kStart).reason, Reason::stale_epoch);
  EXPECT_TRUE(check_gate(make_spec(), &view, {}, kStart).open) << "who states nothing";
}

TEST(Gate, a_generation_that_nobody_witnesses_is_refused) {
  const ShardView view = open_view();
  GateRequest request;
  request.generation = 12;
  EXPECT_EQ(check_gate(make_spec(), &view, request, kStart).reason, Reason::stale_generation);
}

TEST(Gate, lets_a_caller_of_the_known_generation_in_for_as_long_as_it_is_known) {
  ShardSpec spec = make_spec();
  spec.generation_witness = WitnessSpec{};
  ShardView view = open_view();
  view.generation_witness = WitnessView{12, "", kStart - seconds(3), std::nullopt};
  GateRequest request;
  request.generation = 12;
  const auto open = check_gate(spec, &view, request, kStart);
  EXPECT_TRUE(open.open);
  EXPECT_EQ(open.open_for, seconds(2)) << "the answer ends with its ttl of 5 s";
  EXPECT_EQ(check_gate(spec, &view, {}, kStart).open_for, seconds(4))
      << "who names none is not fenced";
  const auto late = check_gate(spec, &view, request, kStart + seconds(2));
  EXPECT_EQ(late.reason, Reason::stale_generation);
  view.generation_witness->as_of = kStart;
  EXPECT_EQ(check_gate(spec, &view, request, kStart).open_for, seconds(4))
      << "the lease is shorter";
  request.generation = 11;
  EXPECT_EQ(check_gate(spec, &view, request, kStart).reason, Reason::stale_generation);
  request.generation = 12;
  view.generation_witness->number.reset();
  EXPECT_EQ(check_gate(spec, &view, request, kStart).reason, Reason::stale_generation);
}

TEST(Gate, a_shards_own_reason_comes_before_the_callers) {
  const ShardView view = closed_view(Reason::split_brain);
  GateRequest request;
  request.epoch = Epoch{1};
  EXPECT_EQ(check_gate(make_spec(), &view, request, kStart).reason, Reason::split_brain);
}

TEST(Gate, shadow_lets_in_and_says_what_it_would_have_refused) {
  ShardSpec spec = make_spec();
  spec.gate.mode = GateMode::shadow;
  const ShardView view = closed_view(Reason::rpo_exceeded);
  const auto refused = check_gate(spec, &view, {}, kStart);
  EXPECT_TRUE(refused.open);
  EXPECT_TRUE(refused.would_refuse);
  EXPECT_EQ(refused.reason, Reason::rpo_exceeded);
  const ShardView healthy = open_view();
  EXPECT_FALSE(check_gate(spec, &healthy, {}, kStart).would_refuse);
}

TEST(Gate, off_lets_in_whatever_the_state_and_is_asked_again_soon) {
  ShardSpec spec = make_spec();
  spec.gate.mode = GateMode::off;
  for (const ShardView* view : {static_cast<const ShardView*>(nullptr)}) {
    const auto decision = check_gate(spec, view, {}, kStart);
    EXPECT_TRUE(decision.open);
    EXPECT_FALSE(decision.would_refuse);
    EXPECT_EQ(decision.open_for, seconds(1));
  }
  spec.gate.max_lease = milliseconds(200);
  EXPECT_EQ(check_gate(spec, nullptr, {}, kStart).open_for, milliseconds(200));
  const ShardView closed = closed_view(Reason::split_brain);
  EXPECT_TRUE(check_gate(spec, &closed, {}, kStart).open);
}

TEST(Gate, passes_on_that_it_is_open_by_a_waiver) {
  ShardView view = open_view();
  view.gate.waived = true;
  EXPECT_TRUE(check_gate(make_spec(), &view, {}, kStart).waived);
}

}  // namespace
}  // namespace rpoguard::core
