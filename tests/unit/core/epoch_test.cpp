#include "exporter/core/judge/epoch.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

NodeFacts accepts_writes(std::int64_t epoch, const std::string& region,
                         std::uint32_t timeline = 1) {
  NodeFacts facts = make_writer_facts(1);
  facts.stamped = make_stamp(epoch, region);
  facts.timeline = Timeline{timeline};
  return facts;
}

/// Its stamp was made on that timeline.
NodeFacts stamped_on(std::uint32_t timeline, NodeFacts facts) {
  facts.stamped->timeline = Timeline{timeline};
  return facts;
}

NodeFacts unstamped(NodeFacts facts) {
  facts.stamped.reset();
  return facts;
}

NodeFacts foreign(NodeFacts facts) {
  facts.system_identifier = 78;
  return facts;
}

NodeFacts standby(std::int64_t epoch) {
  NodeFacts facts = make_standby_facts(1);
  facts.stamped = make_stamp(epoch, "iad");
  return facts;
}

/// What the three nodes say (nullopt: nothing), what is remembered, and the verdict.
struct EpochRow {
  std::string name;
  EpochSource source = EpochSource::table;
  std::vector<std::optional<NodeFacts>> nodes;
  std::optional<std::int64_t> remembered;
  std::vector<NodeState> states;
  std::optional<Reason> reason;
  std::optional<std::int64_t> highest;
};

EpochVerdict judge(const EpochRow& row) {
  ShardSpec spec = make_spec();
  spec.epoch_source = row.source;
  std::vector<const NodeFacts*> current;
  for (const auto& facts : row.nodes) current.push_back(facts ? &*facts : nullptr);
  EpochMemory memory;
  if (row.remembered) memory.highest = Epoch{*row.remembered};
  return judge_epochs(spec, memory, current);
}

void expect(const std::vector<EpochRow>& rows) {
  for (const EpochRow& row : rows) {
    const EpochVerdict verdict = judge(row);
    for (std::size_t node = 0; node < row.states.size(); ++node) {
      EXPECT_STREQ(name_of(verdict.states[node]), name_of(row.states[node]))
          << row.name << ", node " << node << ": " << verdict.notes[node];
    }
    EXPECT_EQ(verdict.reason, row.reason) << row.name << ": " << verdict.detail;
    EXPECT_EQ(verdict.writer.has_value(), !row.reason) << row.name;
    EXPECT_EQ(verdict.detail.empty(), !row.reason) << row.name;
    const auto highest = verdict.highest ? std::optional(verdict.highest->value) : std::nullopt;
    EXPECT_EQ(highest, row.highest) << row.name;
  }
}

constexpr auto kTable = EpochSource::table;
constexpr auto kTimeline = EpochSource::timeline;
constexpr auto kWriter = NodeState::writer;
constexpr auto kStandby = NodeState::standby;
constexpr auto kStale = NodeState::stale_writer;
constexpr auto kSplit = NodeState::split_brain;
constexpr auto kUnconfirmed = NodeState::unconfirmed;
constexpr auto kForeign = NodeState::foreign;
constexpr auto kUnreachable = NodeState::unreachable;

TEST(EpochVerdict, with_the_table_the_highest_stamp_wins_and_doubt_confirms_nobody) {
  const auto writer = accepts_writes(1, "iad");
  expect({
      {"healthy",
       kTable,
       {writer, standby(1), standby(1)},
       1,
       {kWriter, kStandby, kStandby},
       std::nullopt,
       1},
      {"never seen before",
       kTable,
       {writer, {}, {}},
       {},
       {kWriter, kUnreachable, kUnreachable},
       std::nullopt,
       1},
      {"nobody answers",
       kTable,
       {{}, {}, {}},
       3,
       {kUnreachable, kUnreachable, kUnreachable},
       Reason::no_writer,
       3},
      {"only standbys",
       kTable,
       {{}, standby(1), standby(1)},
       1,
       {kUnreachable, kStandby, kStandby},
       Reason::no_writer,
       1},
      {"stamped promotion",
       kTable,
       {{}, {}, accepts_writes(2, "phx", 2)},
       1,
       {kUnreachable, kUnreachable, kWriter},
       std::nullopt,
       2},
      {"the old writer is back",
       kTable,
       {writer, {}, accepts_writes(2, "phx", 2)},
       2,
       {kStale, kUnreachable, kWriter},
       std::nullopt,
       2},
      {"only the old writer is left",
       kTable,
       {writer, {}, {}},
       2,
       {kStale, kUnreachable, kUnreachable},
       Reason::stale_epoch,
       2},
      {"a standby has seen the newer stamp",
       kTable,
       {writer, {}, standby(2)},
       1,
       {kStale, kUnreachable, kStandby},
       Reason::stale_epoch,
       2},
      {"equal stamps",
       kTable,
       {writer, {}, accepts_writes(1, "iad", 2)},
       1,
       {kSplit, kUnreachable, kSplit},
       Reason::split_brain,
       1},
      {"three equal stamps",
       kTable,
       {writer, writer, accepts_writes(1, "iad", 2)},
       1,
       {kSplit, kSplit, kSplit},
       Reason::split_brain,
       1},
      {"an unstamped promotion alone",
       kTable,
       {{}, {}, accepts_writes(1, "iad", 2)},
       1,
       {kUnreachable, kUnreachable, kUnconfirmed},
       Reason::stale_epoch,
       1},
      {"no table at all",
       kTable,
       {unstamped(writer), {}, {}},
       {},
       {kUnconfirmed, kUnreachable, kUnreachable},
       Reason::stale_epoch,
       {}},
      {"an unknown epoch is a rival",
       kTable,
       {writer, {}, unstamped(accepts_writes(9, "phx"))},
       1,
       {kSplit, kUnreachable, kSplit},
       Reason::split_brain,
       1},
      {"promoted within the region, and nobody is known to have been the writer before",
       kTable,
       {{}, accepts_writes(1, "iad", 2), {}},
       1,
       {kUnreachable, kWriter, kUnreachable},
       std::nullopt,
       1},
      {"two stale ones",
       kTable,
       {writer, writer, standby(5)},
       5,
       {kStale, kStale, kStandby},
       Reason::stale_epoch,
       5},
      {"a lower stamp never lowers the mark",
       kTable,
       {{}, standby(1), {}},
       7,
       {kUnreachable, kStandby, kUnreachable},
       Reason::no_writer,
       7},
  });
}

TEST(EpochVerdict, with_timelines_two_that_accept_writes_are_a_split_brain_whatever_their_numbers) {
  const auto old_writer = accepts_writes(1, "iad", 1);
  const auto promoted = accepts_writes(1, "iad", 2);
  expect({
      {"healthy",
       kTimeline,
       {old_writer, standby(1), standby(1)},
       {},
       {kWriter, kStandby, kStandby},
       std::nullopt,
       1},
      {"promoted and alone",
       kTimeline,
       {{}, {}, promoted},
       1,
       {kUnreachable, kUnreachable, kWriter},
       std::nullopt,
       2},
      {"both accept writes",
       kTimeline,
       {old_writer, {}, promoted},
       1,
       {kSplit, kUnreachable, kSplit},
       Reason::split_brain,
       1},
      {"the old one returns alone",
       kTimeline,
       {old_writer, {}, {}},
       2,
       {kStale, kUnreachable, kUnreachable},
       Reason::stale_epoch,
       2},
      {"no stamp is needed",
       kTimeline,
       {unstamped(old_writer), {}, {}},
       {},
       {kWriter, kUnreachable, kUnreachable},
       std::nullopt,
       1},
      {"a standby raises nothing",
       kTimeline,
       {old_writer,
        {},
        [] {
          auto copy = standby(1);
          copy.timeline = Timeline{9};
          return copy;
        }()},
       1,
       {kWriter, kUnreachable, kStandby},
       std::nullopt,
       1},
  });
}

TEST(EpochVerdict, another_clusters_node_is_foreign_and_has_no_say) {
  const auto writer = accepts_writes(1, "iad");
  expect({
      {"the majority decides before a writer is known",
       kTable,
       {foreign(writer), standby(1), standby(1)},
       {},
       {kForeign, kStandby, kStandby},
       Reason::no_writer,
       1},
      {"the first named wins a tie",
       kTable,
       {writer, foreign(standby(9)), {}},
       {},
       {kWriter, kForeign, kUnreachable},
       std::nullopt,
       1},
      {"a foreign writer is no rival",
       kTable,
       {writer, standby(1), foreign(accepts_writes(8, "phx"))},
       {},
       {kWriter, kStandby, kForeign},
       std::nullopt,
       1},
  });
}

TEST(EpochVerdict, a_remembered_system_identifier_outvotes_the_majority) {
  const NodeFacts ours = accepts_writes(1, "iad");
  const NodeFacts other = foreign(standby(1));
  EpochMemory memory;
  memory.system_identifier = 77;
  const auto verdict = judge_epochs(make_spec(), memory, {&ours, &other, &other});
  EXPECT_EQ(verdict.writer, kIadA);
  EXPECT_EQ(verdict.states[kIadB], kForeign);
  EXPECT_NE(verdict.notes[kIadB].find("78"), std::string::npos);
  EXPECT_EQ(verdict.system_identifier, 77U);
}

TEST(EpochVerdict, counts_all_of_this_shard_that_accept_writes) {
  const NodeFacts writer = accepts_writes(1, "iad");
  const NodeFacts promoted = accepts_writes(2, "phx");
  const NodeFacts other = foreign(writer);
  EXPECT_EQ(judge_epochs(make_spec(), {}, {&writer, nullptr, &promoted}).writers, 2);
  EXPECT_EQ(judge_epochs(make_spec(), {}, {&writer, nullptr, nullptr}).writers, 1);
  EpochMemory memory;
  memory.system_identifier = 77;
  EXPECT_EQ(judge_epochs(make_spec(), memory, {&writer, &other, nullptr}).writers, 1);
}

TEST(EpochVerdict, the_detail_names_the_node_and_what_to_do) {
  const NodeFacts promoted = accepts_writes(1, "iad", 2);
  EpochMemory memory;
  memory.highest = Epoch{1};
  const auto verdict = judge_epochs(make_spec(), memory, {nullptr, nullptr, &promoted});
  EXPECT_EQ(
      verdict.detail,
      "phx-a: it accepts writes in region phx, but epoch 1 is stamped for region iad; if it is "
      "to be the writer, stamp it: select rpoguard.cluster_promote('phx', 'YOUR NAME', above "
      "=> 1)");
}

// What two that do not know of each other would both stamp, the highest ever seen tells apart.
TEST(EpochVerdict, the_statement_to_type_is_above_all_that_was_ever_seen) {
  const NodeFacts promoted = stamped_on(2, accepts_writes(7, "iad", 2));
  const NodeFacts ahead = standby(9);
  const auto detail = [](const EpochVerdict& verdict) { return verdict.detail; };
  EXPECT_NE(
      detail(judge_epochs(make_spec(), {}, {nullptr, nullptr, &promoted})).find("above => 7)"),
      std::string::npos);
  EpochMemory memory;
  memory.highest = Epoch{8};
  const EpochVerdict outranked = judge_epochs(make_spec(), memory, {nullptr, &ahead, &promoted});
  EXPECT_EQ(
      stamp_statements(make_spec(), outranked),
      std::vector<std::string>{"select rpoguard.cluster_promote('iad', 'YOUR NAME', above => 9)"})
      << "not for the region of a stale writer: " << outranked.detail;
}

TEST(StampStatements, are_one_for_each_region_that_may_get_the_writer) {
  ShardSpec spec = make_spec();
  const NodeFacts writer = accepts_writes(3, "iad");
  const NodeFacts copy = standby(3);
  const NodeFacts other = foreign(copy);
  using Facts = std::vector<const NodeFacts*>;
  const auto regions = [&](const Facts& facts, EpochMemory memory = {}) {
    memory.system_identifier = 77;
    std::string names;
    for (const std::string& line : stamp_statements(spec, judge_epochs(spec, memory, facts)))
      names += line.substr(line.find('\''), 5) + line.substr(line.find(" above")) + " ";
    return names;
  };
  EXPECT_EQ(regions(Facts{&writer, &copy, &copy}), "") << "there is a writer";
  EXPECT_EQ(regions(Facts{nullptr, &copy, &copy}), "'iad' above => 3) 'phx' above => 3) ");
  EXPECT_EQ(regions(Facts{&copy, &copy, nullptr}), "'iad' above => 3) ");
  EXPECT_EQ(regions(Facts{&writer, nullptr, &writer}), "'iad' above => 3) 'phx' above => 3) ");
  EXPECT_EQ(regions(Facts{nullptr, nullptr, &writer}), "'phx' above => 3) ");
  EXPECT_EQ(regions(Facts{nullptr, nullptr, &other}), "");
  EXPECT_EQ(regions(Facts{nullptr, nullptr, nullptr}), "");
  spec.epoch_source = EpochSource::query;
  EXPECT_EQ(regions(Facts{nullptr, &copy, &copy}), "") << "the stamp decides nothing";
}

/// Epoch 4 was confirmed on iad-a, timeline 1.
EpochMemory confirmed_four() {
  EpochMemory memory;
  memory.highest = memory.confirmed = Epoch{4};
  memory.confirmed_node = "iad-a";
  memory.confirmed_place = {
      .timeline = Timeline{1}, .position = Lsn{0x3000000}, .stamped = std::nullopt};
  return memory;
}

// A caller that holds epoch 4 from before would be let in to another history.
TEST(RepeatedNumber, of_a_restored_server_confirms_nobody_and_is_named) {
  NodeFacts restored = accepts_writes(4, "iad", 2);
  restored.history = TimelineHistory{{{Timeline{1}, Lsn{0x2000000}}}};
  const EpochMemory memory = confirmed_four();
  EpochVerdict verdict = judge_epochs(make_spec(), memory, {&restored, nullptr, nullptr});
  EXPECT_FALSE(verdict.writer);
  EXPECT_EQ(verdict.reason, Reason::stale_epoch);
  EXPECT_EQ(verdict.states[kIadA], kUnconfirmed);
  EXPECT_EQ(
      verdict.detail,
      "iad-a: it accepts writes on epoch 4, a number that was used before: on iad-a, timeline "
      "1; now it is on timeline 2, which left timeline 1 before that, at 0/2000000; if it is "
      "to be the writer, stamp it: select rpoguard.cluster_promote('iad', 'YOUR NAME', above "
      "=> 4)");
  restored.stamped->epoch = Epoch{5};
  verdict = judge_epochs(make_spec(), memory, {&restored, nullptr, nullptr});
  EXPECT_EQ(verdict.writer, kIadA) << verdict.detail;
}

TEST(RepeatedNumber, of_another_node_is_named_where_its_stamp_or_history_shows_it) {
  EpochMemory memory = confirmed_four();
  memory.confirmed_place.stamped = kWallStart;
  memory.yielded_to.insert(kIadB);
  NodeFacts other = accepts_writes(4, "iad", 1);
  const auto writer = [&] {
    return judge_epochs(make_spec(), memory, {nullptr, &other, nullptr}).writer;
  };
  other.stamped->promoted_at = kWallStart + seconds(1);
  EXPECT_FALSE(writer()) << "two forks have stamped one number";
  other.stamped->promoted_at = kWallStart;
  EXPECT_EQ(writer(), kIadB);
  other.timeline = Timeline{2};
  EXPECT_EQ(writer(), kIadB) << "it does not tell where it left timeline 1";
  other.history = TimelineHistory{{{Timeline{1}, Lsn{0x2000000}}}};
  EXPECT_FALSE(writer());
}

TEST(RepeatedNumber, is_not_said_of_a_takeover_that_goes_on_from_there) {
  NodeFacts promoted = accepts_writes(4, "iad", 2);
  promoted.history = TimelineHistory{{{Timeline{1}, Lsn{0x3000000}}}};
  EpochMemory memory = confirmed_four();
  memory.yielded_to.insert(kIadB);
  EXPECT_TRUE(judge_epochs(make_spec(), memory, {nullptr, &promoted, nullptr}).writer);
}

// A name may lead to another server than before: a virtual address that has moved to the promoted
// one.
TEST(LatePromotion, under_the_name_of_the_last_writer_confirms_nobody) {
  NodeFacts promoted = accepts_writes(4, "iad", 2);
  promoted.history = TimelineHistory{{{Timeline{1}, Lsn{0x3000000}}}};
  EpochMemory memory = confirmed_four();
  ShardSpec spec = make_spec();
  const auto judged = [&] { return judge_epochs(spec, memory, {&promoted, nullptr, nullptr}); };
  EXPECT_EQ(judged().reason, Reason::stale_epoch);
  EXPECT_EQ(judged().detail,
            "iad-a: it accepts writes on epoch 4, which was confirmed on timeline 1; now it is on "
            "timeline 2: it was promoted since; if it is to be the writer, stamp it: select "
            "rpoguard.cluster_promote('iad', 'YOUR NAME', above => 4)");
  spec.epoch_source = EpochSource::query;
  EXPECT_NE(judged().detail.find("promoted since; it needs a higher epoch to be the writer"),
            std::string::npos)
      << judged().detail;
  spec.epoch_source = EpochSource::table;
  promoted.stamped->epoch = Epoch{5};
  EXPECT_EQ(judged().writer, kIadA) << "stamped";
  promoted.stamped->epoch = Epoch{4};
  memory.confirmed_place = {};
  EXPECT_EQ(judged().writer, kIadA) << "state files from before timelines were kept";
}

// iad-b accepts writes on a stamp that it had in recovery. What the last writer was, if it is known
// at all, was on a lower one: its own stamp was never seen on it.
TEST(LatePromotion, of_a_node_that_had_its_stamp_in_recovery_confirms_nobody) {
  const NodeFacts promoted = accepts_writes(5, "iad", 2);
  EpochMemory memory;
  const auto judged = [&] {
    return judge_epochs(make_spec(), memory, {nullptr, &promoted, nullptr});
  };
  EXPECT_EQ(judged().writer, kIadB);
  memory.promoted_since_stamp.insert(kIadB);
  EXPECT_FALSE(judged().writer) << "nothing was ever confirmed";
  memory = confirmed_four();
  EXPECT_EQ(judged().writer, kIadB) << "stamped";
  memory.promoted_since_stamp.insert(kIadB);
  EXPECT_EQ(judged().detail,
            "iad-b: it accepts writes on epoch 5, which it had when it was still in recovery: it "
            "was promoted since; if it is to be the writer, stamp it: select "
            "rpoguard.cluster_promote('iad', 'YOUR NAME', above => 5)");
  memory.yielded_to.insert(kIadB);
  EXPECT_EQ(judged().writer, kIadB);
  memory.yielded_to.clear();
  memory.confirmed = Epoch{5};
  memory.confirmed_node = "iad-b";
  memory.confirmed_place.timeline = Timeline{2};
  EXPECT_EQ(judged().writer, kIadB) << "it was confirmed there";
}

// iad-a was stamped out of rpoguard's sight, and iad-b promoted with that stamp in its WAL.
TEST(BorrowedStamp, confirms_nobody_whatever_is_remembered) {
  NodeFacts promoted = stamped_on(1, accepts_writes(5, "iad", 2));
  EpochMemory memory = confirmed_four();
  const auto judged = [&] {
    return judge_epochs(make_spec(), memory, {nullptr, &promoted, nullptr});
  };
  EXPECT_EQ(judged().states[kIadB], kUnconfirmed);
  EXPECT_EQ(judged().detail,
            "iad-b: it accepts writes on epoch 5, which was stamped on timeline 1; now it is on "
            "timeline 2: it was promoted since; if it is to be the writer, stamp it: select "
            "rpoguard.cluster_promote('iad', 'YOUR NAME', above => 5)");
  memory.yielded_to.insert(kIadB);
  EXPECT_FALSE(judged().writer) << "iad-a was seen in recovery: it need not be who was stamped";
  memory = {};
  EXPECT_FALSE(judged().writer) << "without its state_dir";
  promoted.stamped->timeline.reset();
  EXPECT_EQ(judged().writer, kIadB) << "a stamp that does not tell";
  promoted.stamped->timeline = Timeline{2};
  EXPECT_EQ(judged().writer, kIadB) << "stamped";
  promoted.stamped->timeline = Timeline{3};
  EXPECT_EQ(judged().detail,
            "iad-b: it accepts writes on epoch 5, which was stamped on timeline 3; it is on "
            "timeline 2: another server was stamped; if it is to be the writer, stamp it: select "
            "rpoguard.cluster_promote('iad', 'YOUR NAME', above => 5)")
      << "its rows were copied from there";
}

// The old writer said that it is in recovery, so iad-b is the writer on its stamp, and stays so.
TEST(BorrowedStamp, is_good_for_whoever_was_confirmed_on_it) {
  const NodeFacts promoted = stamped_on(1, accepts_writes(4, "iad", 2));
  EpochMemory memory = confirmed_four();
  memory.yielded_to.insert(kIadB);
  const auto judged = [&] {
    return judge_epochs(make_spec(), memory, {nullptr, &promoted, nullptr});
  };
  EXPECT_EQ(judged().writer, kIadB);
  memory.confirmed_node = "iad-b";
  memory.confirmed_place.timeline = Timeline{2};
  memory.yielded_to.clear();
  EXPECT_EQ(judged().writer, kIadB);
}

TEST(Takeover, on_the_epoch_of_a_writer_that_may_go_on_confirms_nobody) {
  const NodeFacts promoted = accepts_writes(4, "iad", 2);
  EpochMemory memory = confirmed_four();
  const auto judged = [&] {
    return judge_epochs(make_spec(), memory, {nullptr, &promoted, nullptr});
  };
  EXPECT_EQ(judged().states[kIadB], kUnconfirmed);
  EXPECT_EQ(judged().reason, Reason::stale_epoch);
  EXPECT_EQ(
      judged().detail,
      "iad-b: it accepts writes on epoch 4, on which iad-a has been the writer; iad-a has not "
      "been seen in recovery since, so both may accept writes; if it is to be the writer, "
      "stamp it: select rpoguard.cluster_promote('iad', 'YOUR NAME', above => 4)");
  memory.confirmed_server.insert(kIadB);
  EXPECT_EQ(judged().writer, kIadB) << "it is that server by another name";
  memory.confirmed_server.clear();
  memory.yielded_to.insert(kIadB);
  EXPECT_EQ(judged().writer, kIadB);
  memory.yielded_to.clear();
  memory.confirmed_node = "iad-z";
  EXPECT_NE(judged().detail.find("iad-z is not in the configuration any more, so both may"),
            std::string::npos)
      << judged().detail;
  memory.confirmed_node = "";
  EXPECT_EQ(judged().writer, kIadB) << "state files from before nodes were kept";
}

TEST(RepeatedNumber, is_a_matter_of_stamps) {
  NodeFacts restored = accepts_writes(4, "iad", 2);
  restored.history = TimelineHistory{{{Timeline{1}, Lsn{0x2000000}}}};
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::query;
  for (const char* region : {"iad", ""}) {
    restored.stamped->writer_region = region;
    const auto verdict = judge_epochs(spec, confirmed_four(), {&restored, nullptr, nullptr});
    EXPECT_FALSE(verdict.writer) << region;
    EXPECT_NE(verdict.detail.find("at 0/2000000; it needs a higher epoch to be the writer"),
              std::string::npos)
        << verdict.detail;
  }
  spec.epoch_source = EpochSource::http;
  EpochMemory memory = confirmed_four();
  memory.authority = {.epoch = Epoch{4}, .writer = "iad-a"};
  EXPECT_TRUE(judge_epochs(spec, memory, {&restored, nullptr, nullptr}).writer)
      << "the authority answers for its numbers";
}

TEST(EpochOf, is_the_stamp_or_the_timeline) {
  NodeFacts facts = accepts_writes(4, "iad", 9);
  EXPECT_EQ(epoch_of(kTable, facts), Epoch{4});
  EXPECT_EQ(epoch_of(kTimeline, facts), Epoch{9});
  facts.stamped.reset();
  EXPECT_EQ(epoch_of(kTable, facts), std::nullopt);
}

}  // namespace
}  // namespace rpoguard::core
