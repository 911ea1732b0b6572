#include "exporter/core/tell/compare.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/unit/core/event_cases.hpp"
#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

ShardView healthy_view() {
  TestShard shard;
  shard.run_healthy(3);
  EXPECT_TRUE(shard.open());
  return shard.view;
}

// "gate_closed open>closed rpo_exceeded"
std::string brief(const Event& event) {
  std::string text = name_of(event.kind);
  if (!event.node.empty()) text += " " + event.node;
  text += " " + event.from + ">" + event.to;
  if (!event.reason.empty()) text += " " + event.reason;
  return text;
}

using Briefs = std::vector<std::string>;

// Of what hooks and the journal are told.
Briefs told(const ShardView* before, const ShardView& after) {
  Briefs texts;
  for (const Event& event : events_between(before, after)) {
    EXPECT_EQ(event.shard, "184");
    if (!is_told(event.kind)) continue;
    EXPECT_FALSE(event.text.empty()) << name_of(event.kind);
    texts.push_back(brief(event));
  }
  return texts;
}

// What the golden file says, by case: "node_diverged shard=184 ...", without the log's lines.
std::map<std::string, Briefs> agreed() {
  std::ifstream file(RPOGUARD_SOURCE_DIR "/tests/testdata/golden/events.txt");
  std::map<std::string, Briefs> by_case;
  std::string name;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("  ")) {
      name = line;
      by_case[name];
    } else if (line.starts_with("  => ")) {
      by_case[name].push_back(line.substr(5));
    }
  }
  return by_case;
}

std::string in_full(const Event& event) {
  return std::string(name_of(event.kind)) + " shard=" + event.shard + " node=" + event.node +
         " from=" + event.from + " to=" + event.to + " reason=" + event.reason +
         " text=" + event.text;
}

TEST(Compare, yields_the_agreed_events_of_every_case) {
  auto expected = agreed();
  EXPECT_EQ(expected.size(), event_cases().size());
  for (const EventCase& one : event_cases()) {
    const ShardView before = view_before(one);
    Briefs texts;
    for (const Event& event :
         events_between(one.before == nullptr ? nullptr : &before, view_after(one)))
      if (is_told(event.kind)) texts.push_back(in_full(event));
    EXPECT_EQ(texts, expected[one.name]) << one.name;
  }
}

TEST(Compare, finds_every_kind_that_a_view_can_show) {
  // Those that no view shows.
  std::set<EventKind> seen{EventKind::config_reloaded, EventKind::config_refused,
                           EventKind::number_lowered, EventKind::rival_forgotten,
                           EventKind::node_readmitted};
  for (const EventCase& one : event_cases()) {
    const ShardView before = view_before(one);
    for (const Event& event :
         events_between(one.before == nullptr ? nullptr : &before, view_after(one)))
      seen.insert(event.kind);
  }
  EXPECT_EQ(seen.size(), kEventKindCount + kLoggedKindCount);
}

TEST(Compare, of_a_healthy_shard_finds_what_is_and_then_nothing) {
  const ShardView view = healthy_view();
  EXPECT_EQ(told(nullptr, view),
            (Briefs{"writer_changed iad-a >iad-a", "gate_opened unknown>open"}));
  EXPECT_EQ(told(&view, view), Briefs{});
}

TEST(Compare, of_a_first_view_without_any_answer_finds_a_closed_gate) {
  TestShard shard;
  shard.judge();
  EXPECT_EQ(told(nullptr, shard.view), Briefs{"gate_closed unknown>closed no_writer"});
}

TEST(Compare, finds_the_split_brain_that_the_judgement_itself_shows) {
  TestShard shard;
  shard.spec.epoch_source = EpochSource::timeline;
  shard.run_healthy(3);
  const ShardView before = shard.view;
  shard.promote(kPhxA, 2);
  shard.run(1);
  ASSERT_EQ(shard.reason(), "split_brain");
  const auto events = events_between(&before, shard.view);
  const auto found = std::ranges::find(events, EventKind::split_brain, &Event::kind);
  ASSERT_NE(found, events.end());
  EXPECT_NE(found->text.find("phx-a"), std::string::npos) << found->text;
  EXPECT_EQ(told(&shard.view, before).front(), "split_brain_ended >");
}

}  // namespace
}  // namespace rpoguard::core
