#include "exporter/core/event.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

ShardView healthy() {
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

std::vector<std::string> briefs(const std::vector<Event>& events) {
  std::vector<std::string> texts;
  for (const Event& event : events) {
    EXPECT_EQ(event.shard, "184");
    EXPECT_FALSE(event.text.empty()) << name_of(event.kind);
    texts.push_back(brief(event));
  }
  return texts;
}

using Briefs = std::vector<std::string>;

TEST(EventKind, has_one_name_each_and_comes_back_from_it) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kEventKindCount; ++i) {
    const auto kind = static_cast<EventKind>(i);
    EXPECT_TRUE(names.insert(name_of(kind)).second);
    EXPECT_EQ(parse_event_kind(name_of(kind)), kind);
  }
  EXPECT_EQ(parse_event_kind("gate_close"), std::nullopt);
  EXPECT_EQ(parse_event_kind(""), std::nullopt);
}

TEST(Events, are_none_between_equal_views) {
  const ShardView view = healthy();
  EXPECT_EQ(briefs(events_between(&view, view)), Briefs{});
}

TEST(Events, of_a_first_view_say_what_is) {
  EXPECT_EQ(briefs(events_between(nullptr, healthy())),
            (Briefs{"writer_changed iad-a >iad-a", "gate_opened unknown>open"}));
  TestShard shard;
  shard.judge();
  EXPECT_EQ(briefs(events_between(nullptr, shard.view)),
            Briefs{"gate_closed unknown>closed no_writer"});
}

TEST(Events, tell_a_closing_a_change_of_reason_and_an_opening_apart) {
  const ShardView open = healthy();
  ShardView exceeded = open;
  exceeded.gate.reasons = {Reason::rpo_exceeded};
  exceeded.gate.detail = "why";
  ShardView reopening = exceeded;
  reopening.gate.reasons = {Reason::reopening};
  EXPECT_EQ(briefs(events_between(&open, exceeded)),
            Briefs{"gate_closed open>closed rpo_exceeded"});
  EXPECT_EQ(briefs(events_between(&exceeded, reopening)),
            Briefs{"gate_reason_changed rpo_exceeded>reopening reopening"});
  EXPECT_EQ(briefs(events_between(&reopening, open)), Briefs{"gate_opened closed>open"});
}

TEST(Events, of_a_failover_name_both_writers_and_epochs) {
  const ShardView before = healthy();
  ShardView lost = before;
  lost.writer.reset();
  EXPECT_EQ(briefs(events_between(&before, lost)), Briefs{"writer_lost iad-a>"});
  ShardView after = before;
  after.writer = WriterView{"phx-a", "phx", Epoch{2}, Timeline{2}};
  after.highest_epoch = Epoch{2};
  EXPECT_EQ(briefs(events_between(&before, after)),
            (Briefs{"epoch_changed 1>2", "writer_changed phx-a iad-a>phx-a"}));
  EXPECT_EQ(briefs(events_between(&lost, before)), Briefs{"writer_changed iad-a >iad-a"});
}

TEST(Events, of_an_epoch_that_becomes_known_or_unknown_are_none) {
  const ShardView known = healthy();
  ShardView unknown = known;
  unknown.highest_epoch.reset();
  EXPECT_EQ(briefs(events_between(&unknown, known)), Briefs{});
  EXPECT_EQ(briefs(events_between(&known, unknown)), Briefs{});
}

TEST(Events, of_a_split_brain_come_from_the_judgement_itself) {
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
  EXPECT_EQ(briefs(events_between(&shard.view, before)).front(), "split_brain_ended >");
}

TEST(Events, name_a_diverged_node_once) {
  const ShardView before = healthy();
  ShardView after = before;
  after.nodes[kIadB].diverged_bytes = 512;
  EXPECT_EQ(briefs(events_between(&before, after)), Briefs{"node_diverged iad-b >"});
  ShardView grown = after;
  grown.nodes[kIadB].diverged_bytes = 1024;
  EXPECT_EQ(briefs(events_between(&after, grown)), Briefs{});
}

TEST(Events, of_the_archive_follow_its_note_and_its_age) {
  const ShardView before = healthy();
  ShardView hole = before;
  hole.archive.note = "3 segments missing";
  EXPECT_EQ(briefs(events_between(&before, hole)), Briefs{"archive_stalled >"});
  EXPECT_EQ(briefs(events_between(&hole, before)), Briefs{"archive_recovered >"});
  ShardView old = before;
  old.gate.reasons = {Reason::archive_too_old};
  old.gate.detail = "too old";
  EXPECT_EQ(
      briefs(events_between(&before, old)),
      (Briefs{"archive_stalled > archive_too_old", "gate_closed open>closed archive_too_old"}));
}

}  // namespace
}  // namespace rpoguard::core
