// Who accepts writes on a lower epoch than the highest while nobody is the writer: an old one that
// is back, or a server that was promoted just now.
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "exporter/core/judge/epoch.hpp"

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

/// It accepts writes on epoch 2, on that timeline; `stamped`: where its stamp was made.
NodeFacts on_two(std::uint32_t timeline, std::optional<Timeline> stamped = std::nullopt) {
  NodeFacts facts = make_writer_facts(1);
  facts.timeline = Timeline{timeline};
  facts.stamped = make_stamp(2, "iad");
  facts.stamped->timeline = stamped;
  return facts;
}

/// A copy that shows that epoch, stamped on timeline 1.
NodeFacts copy_on(std::int64_t epoch) {
  NodeFacts facts = make_standby_facts(2);
  facts.stamped = make_stamp(epoch, "iad");
  facts.stamped->timeline = Timeline{1};
  return facts;
}

/// Epoch 4 was confirmed on iad-a, there.
EpochMemory four_on(std::optional<Timeline> timeline) {
  EpochMemory memory;
  memory.highest = memory.confirmed = Epoch{4};
  memory.confirmed_node = "iad-a";
  memory.confirmed_place.timeline = timeline;
  return memory;
}

/// phx-a alone accepts writes.
EpochVerdict on_a_lower_epoch(const NodeFacts& lower,
                              const EpochMemory& memory = four_on(Timeline{1}),
                              EpochSource source = EpochSource::table) {
  ShardSpec spec = make_spec();
  spec.epoch_source = source;
  EpochVerdict verdict = judge_epochs(spec, memory, {nullptr, nullptr, &lower});
  const bool printed = !stamp_statements(spec, verdict).empty();
  const bool told = verdict.detail.find(
                        "select rpoguard.cluster_promote('phx', 'YOUR NAME', "
                        "above => 4)") != std::string::npos;
  EXPECT_EQ(printed, told) << verdict.detail;
  return verdict;
}

constexpr const char* kOldWriter =
    "phx-a: it accepts writes on epoch 2, the highest seen is 4: fence it, then run pg_rewind or "
    "rebuild it";
constexpr const char* kEither =
    "phx-a: it accepts writes on epoch 2, the highest seen is 4: if it is an old writer, fence it, "
    "then run pg_rewind or rebuild it; if it is to be the writer, stamp it: select "
    "rpoguard.cluster_promote('phx', 'YOUR NAME', above => 4)";

TEST(LowerEpoch, of_a_server_that_was_promoted_since_is_to_be_stamped) {
  const auto verdict = on_a_lower_epoch(on_two(2, Timeline{1}));
  EXPECT_EQ(verdict.states[kPhxA], NodeState::unconfirmed);
  EXPECT_EQ(verdict.reason, Reason::stale_epoch);
  EXPECT_EQ(verdict.detail,
            "phx-a: it accepts writes on epoch 2, which was stamped on timeline 1; now it is on "
            "timeline 2: it was promoted since; the highest epoch seen is 4; if it is to be the "
            "writer, stamp it: select rpoguard.cluster_promote('phx', 'YOUR NAME', above => 4)");
}

TEST(LowerEpoch, of_an_old_writer_is_no_reason_to_stamp_it) {
  EpochMemory memory = four_on(Timeline{1});
  memory.confirmed_place.timeline = Timeline{3};
  for (const NodeFacts& old_writer : {on_two(2, Timeline{2}), on_two(2)}) {
    const auto verdict = on_a_lower_epoch(old_writer, memory);
    EXPECT_EQ(verdict.states[kPhxA], NodeState::stale_writer);
    EXPECT_EQ(verdict.detail, kOldWriter);
  }
  memory.confirmed_place.timeline = Timeline{2};
  EXPECT_EQ(on_a_lower_epoch(on_two(2, Timeline{2}), memory).detail, kOldWriter)
      << "rolled back to before the higher stamp";
  memory.confirmed_place.timeline.reset();
  EXPECT_EQ(on_a_lower_epoch(on_two(2, Timeline{2}), memory).detail, kOldWriter)
      << "where the highest was stamped is not known";
}

TEST(LowerEpoch, that_may_be_of_either_names_both_remedies) {
  const NodeFacts unknown = on_two(2);
  EXPECT_EQ(on_a_lower_epoch(unknown).detail, kEither) << "its stamp does not tell";
  EXPECT_EQ(on_a_lower_epoch(unknown).states[kPhxA], NodeState::stale_writer);
  EXPECT_EQ(on_a_lower_epoch(on_two(2, Timeline{2})).detail, kEither)
      << "stamped with too low a number, or outranked by a later stamp on the timeline before";
  EpochMemory memory = four_on(Timeline{1});
  const std::vector<std::optional<Timeline>> places{Timeline{2}, Timeline{3}, std::nullopt};
  for (const auto& highest : places) {
    memory.confirmed_place.timeline = highest;
    EXPECT_EQ(on_a_lower_epoch(on_two(2, Timeline{1}), memory).detail, kEither)
        << "two were promoted apart from each other, or it took over without a stamp";
  }
  EXPECT_EQ(on_a_lower_epoch(unknown, memory).detail, kEither) << "nothing is known";
  NodeFacts fork = on_two(5, Timeline{3});
  fork.history = TimelineHistory{{{Timeline{3}, Lsn{0x2000000}}}};
  EXPECT_EQ(on_a_lower_epoch(fork).detail, kEither) << "its history does not have timeline 1";
  fork.history = TimelineHistory{{{Timeline{1}, Lsn{0x1000000}}, {Timeline{3}, Lsn{0x2000000}}}};
  EXPECT_EQ(on_a_lower_epoch(fork).states[kPhxA], NodeState::unconfirmed);
}

TEST(LowerEpoch, is_compared_with_the_highest_that_any_node_shows) {
  const NodeFacts ahead = copy_on(4);
  const NodeFacts promoted = on_two(2, Timeline{1});
  EpochMemory memory;
  memory.highest = Epoch{4};
  memory.system_identifier = 77;
  const auto state = [&](const NodeFacts& copy) {
    return judge_epochs(make_spec(), memory, {nullptr, &copy, &promoted}).states[kPhxA];
  };
  EXPECT_EQ(state(ahead), NodeState::unconfirmed);
  EXPECT_EQ(state(copy_on(3)), NodeState::stale_writer) << "a lower one";
  NodeFacts silent = ahead;
  silent.stamped->timeline.reset();
  EXPECT_EQ(state(silent), NodeState::stale_writer) << "it does not tell where";
  NodeFacts foreign = ahead;
  foreign.system_identifier = 78;
  EXPECT_EQ(state(foreign), NodeState::stale_writer) << "another cluster's";
  memory.confirmed = Epoch{3};
  memory.confirmed_place.timeline = Timeline{5};
  EXPECT_EQ(state(ahead), NodeState::unconfirmed) << "not with the one that was confirmed";
}

// Somebody promotes a copy by mistake, or is about to fail over to it: while there is a writer,
// nobody is told to make another one.
TEST(LowerEpoch, is_no_reason_to_stamp_beside_a_writer) {
  NodeFacts writer = on_two(1, Timeline{1});
  writer.stamped->epoch = Epoch{4};
  const NodeFacts promoted = on_two(2, Timeline{1});
  const auto verdict =
      judge_epochs(make_spec(), four_on(Timeline{1}), {&writer, nullptr, &promoted});
  EXPECT_EQ(verdict.writer, kIadA);
  EXPECT_EQ(verdict.states[kPhxA], NodeState::stale_writer);
  EXPECT_EQ(verdict.notes[kPhxA], std::string(kOldWriter).substr(7));
}

// iad-a, an old writer, is named first; the verdict is about whom a stamp would help.
TEST(LowerEpoch, of_several_the_promoted_one_is_told) {
  const NodeFacts old_writer = on_two(1, Timeline{1});
  const NodeFacts promoted = on_two(2, Timeline{1});
  const auto verdict =
      judge_epochs(make_spec(), four_on(Timeline{1}), {&old_writer, nullptr, &promoted});
  EXPECT_EQ(verdict.states[kIadA], NodeState::stale_writer);
  EXPECT_TRUE(verdict.detail.starts_with("phx-a: it accepts writes on epoch 2, which was stamped"))
      << verdict.detail;
  EXPECT_EQ(
      stamp_statements(make_spec(), verdict),
      std::vector<std::string>{"select rpoguard.cluster_promote('phx', 'YOUR NAME', above => 4)"});
}

TEST(LowerEpoch, that_is_a_query_is_to_be_raised) {
  EXPECT_EQ(on_a_lower_epoch(on_two(2), four_on(Timeline{1}), EpochSource::query).detail,
            "phx-a: it accepts writes on epoch 2, the highest seen is 4: if it is an old writer, "
            "fence it, then run pg_rewind or rebuild it; it needs a higher epoch to be the writer");
}

}  // namespace
}  // namespace rpoguard::core
