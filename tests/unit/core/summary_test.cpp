#include "exporter/core/tell/summary.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/event_cases.hpp"

namespace rpoguard::core {
namespace {

using namespace std::chrono_literals;

// "good open (mode shadow)"
std::string toned(const Remark& remark) {
  const char* const tone = remark.tone == Tone::plain    ? "plain"
                           : remark.tone == Tone::good   ? "good"
                           : remark.tone == Tone::unsure ? "unsure"
                                                         : "bad";
  return std::string(tone) + " " + render_remark(remark);
}

std::vector<std::string> toned(const GateWords& words) {
  std::vector<std::string> texts;
  for (const Remark& remark : remarks_on(words)) texts.push_back(toned(remark));
  return texts;
}

TEST(Summary, of_the_gate_says_first_whether_it_is_open) {
  EXPECT_EQ(toned(GateWords{.mode = "enforce", .open = true}),
            std::vector<std::string>{"good open"});
  EXPECT_EQ(toned(GateWords{.mode = "enforce", .open = false, .reason = "frozen"}),
            std::vector<std::string>{"bad closed: frozen"});
  EXPECT_EQ(toned(GateWords{.mode = "off", .open = true}),
            std::vector<std::string>{"good open (mode off)"});
  EXPECT_EQ(toned(GateWords{.mode = "shadow", .open = true, .reason = "unproven", .waived = true}),
            (std::vector<std::string>{"good open (mode shadow)", "unsure RPO waived",
                                      "bad mode enforce would refuse: "
                                      "unproven"}));
}

TEST(Summary, of_the_gate_follows_the_decision) {
  ShardSpec spec;
  spec.gate.mode = GateMode::shadow;
  const GateWords words = gate_words(
      spec, {.open = true, .would_refuse = true, .reason = Reason::frozen, .waived = true});
  EXPECT_EQ(words.mode, "shadow");
  EXPECT_EQ(words.reason, "frozen");
  EXPECT_TRUE(words.open && words.waived);
  EXPECT_EQ(gate_words(spec, {}).reason, "");
}

TEST(Summary, tells_the_detail_of_the_last_evaluation_only_for_its_own_reason) {
  ShardView shard = test::quiet_view();
  shard.gate.detail = "jo froze it";
  shard.gate.reasons = {Reason::frozen};
  const GateDecision frozen{.reason = Reason::frozen};
  const GateDecision expired{.reason = Reason::rpo_exceeded};
  EXPECT_EQ(detail_of(&shard, frozen), "jo froze it");
  EXPECT_EQ(detail_of(&shard, expired), meaning_of(Reason::rpo_exceeded));
  shard.gate.reasons.clear();
  EXPECT_EQ(detail_of(&shard, expired), meaning_of(Reason::rpo_exceeded));
  EXPECT_EQ(detail_of(&shard, {}), "jo froze it");
  shard.gate.reasons = {Reason::frozen};
  shard.gate.detail.clear();
  EXPECT_EQ(detail_of(&shard, frozen), meaning_of(Reason::frozen));
  EXPECT_EQ(detail_of(nullptr, expired), meaning_of(Reason::rpo_exceeded));
  EXPECT_EQ(detail_of(nullptr, {}), "");
}

TEST(Summary, says_who_writes_and_whether_that_is_of_use) {
  EXPECT_EQ(toned(remark_on_writes(true)), "good usable");
  EXPECT_EQ(toned(remark_on_writes(false)), "bad not usable");
  EXPECT_EQ(toned(remark_on_writer(std::nullopt)), "bad none confirmed");
  EXPECT_EQ(toned(remark_on_writer(test::quiet_view().writer)), "plain iad-a in iad");
}

TEST(Summary, of_the_exposure_counts_in_halves_of_the_rpo) {
  EXPECT_EQ(toned(remark_on_exposure(5s, std::nullopt)), "unsure unknown");
  EXPECT_EQ(toned(remark_on_exposure(5s, 2500ms)), "good 2.5 s");
  EXPECT_EQ(toned(remark_on_exposure(5s, 2501ms)), "unsure 2.5 s");
  EXPECT_EQ(toned(remark_on_exposure(5s, 4999ms)), "unsure 5.0 s");
  EXPECT_EQ(toned(remark_on_exposure(5s, 5s)), "bad 5.0 s") << "the gate has closed";
  EXPECT_EQ(toned(remark_on_exposure(0s, 1s)), "plain 1.0 s") << "judged by other proof";
}

TEST(Summary, says_how_old_the_view_is_and_when_that_is_too_old) {
  EXPECT_EQ(toned(remark_on_age(300ms, false)), "plain View: published 0.3 s ago");
  EXPECT_EQ(toned(remark_on_age(12s, true)), "bad View: published 12 s ago: do not trust it");
  EXPECT_EQ(toned(remark_on_age(-1ms, false)), "plain View: published 0.0 s ago");
}

TEST(Summary, knows_a_stale_view_by_its_probes) {
  View view;
  view.spec = std::make_shared<Spec>();
  view.published = Instant{100s};
  const Duration limit = stale_after(view.spec->probe);
  EXPECT_GE(limit, Duration(2s));
  EXPECT_FALSE(is_stale(view, view.published + limit - 1ns));
  EXPECT_TRUE(is_stale(view, view.published + limit));
  EXPECT_EQ(stale_after({.interval = 1s, .timeout = 800ms}), Duration(3s));
  EXPECT_EQ(stale_after({.interval = 1s, .timeout = 5s}), Duration(11s)) << "a slow look";
  EXPECT_EQ(stale_after({.interval = 100ms, .timeout = 80ms}), Duration(2s));
}

TEST(Summary, is_unsure_of_a_node_that_gave_no_facts) {
  EXPECT_EQ(tone_of(NodeState::writer, true), Tone::good);
  EXPECT_EQ(tone_of(NodeState::standby, true), Tone::good);
  EXPECT_EQ(tone_of(NodeState::standby, false), Tone::unsure);
  EXPECT_EQ(tone_of(NodeState::unconfirmed, true), Tone::unsure);
  EXPECT_EQ(tone_of(NodeState::unreachable, false), Tone::unsure);
  for (const NodeState state :
       {NodeState::stale_writer, NodeState::split_brain, NodeState::foreign}) {
    EXPECT_EQ(tone_of(state, true), Tone::bad) << name_of(state);
  }
}

TEST(Summary, of_a_link_leaves_out_what_nobody_knows) {
  NodeView node = test::node_view("phx-a", NodeState::standby);
  EXPECT_EQ(render_link(node), "unknown");
  node.streaming = false;
  node.synchronous = true;
  EXPECT_EQ(render_link(node), "not streaming");
  node.streaming = true;
  EXPECT_EQ(render_link(node), "streaming, sync");
  node.synchronous = false;
  EXPECT_EQ(render_link(node), "streaming, async");
  node.synchronous.reset();
  EXPECT_EQ(render_link(node), "streaming");
  node.streaming.reset();
  for (const NodeState state : {NodeState::writer, NodeState::stale_writer, NodeState::foreign}) {
    node.state = state;
    EXPECT_EQ(render_link(node), "") << name_of(state);
  }
}

}  // namespace
}  // namespace rpoguard::core
