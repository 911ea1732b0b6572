// Who is the writer where the epoch comes from a query, an authority or timelines: what is
// remembered of the one confirmed last decides where the epoch alone cannot.
#include <gtest/gtest.h>

#include "exporter/core/judge/epoch.hpp"

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

constexpr auto kWriter = NodeState::writer;
constexpr auto kStandby = NodeState::standby;
constexpr auto kStale = NodeState::stale_writer;
constexpr auto kSplit = NodeState::split_brain;
constexpr auto kUnconfirmed = NodeState::unconfirmed;
constexpr auto kUnreachable = NodeState::unreachable;

using MaybeFacts = std::optional<NodeFacts>;

NodeFacts accepts(std::optional<StampedEpoch> stamped, std::uint32_t timeline = 1) {
  NodeFacts facts = make_writer_facts(1);
  facts.stamped = std::move(stamped);
  facts.timeline = Timeline{timeline};
  return facts;
}

NodeFacts copy_of(const NodeFacts& writer) {
  NodeFacts facts = make_standby_facts(1);
  facts.stamped = writer.stamped;
  return facts;
}

/// The verdict over iad-a, iad-b and phx-a (nullopt: silent), and what it should be.
struct Row {
  const char* name;
  std::vector<MaybeFacts> nodes;
  EpochMemory memory;
  std::vector<NodeState> states;
  std::optional<Reason> reason{};
};

void expect(EpochSource source, const std::vector<Row>& rows) {
  ShardSpec spec = make_spec();
  spec.epoch_source = source;
  for (const Row& row : rows) {
    std::vector<const NodeFacts*> current;
    for (const MaybeFacts& facts : row.nodes) current.push_back(facts ? &*facts : nullptr);
    const EpochVerdict verdict = judge_epochs(spec, row.memory, current);
    for (std::size_t node = 0; node < row.states.size(); ++node) {
      EXPECT_STREQ(name_of(verdict.states[node]), name_of(row.states[node]))
          << row.name << ", node " << node << ": " << verdict.notes[node];
    }
    EXPECT_EQ(verdict.reason, row.reason) << row.name << ": " << verdict.detail;
    EXPECT_EQ(verdict.writer.has_value(), !row.reason) << row.name;
    EXPECT_EQ(verdict.epoch.has_value(), !row.reason) << row.name;
    EXPECT_EQ(verdict.detail.empty(), !row.reason) << row.name;
  }
}

EpochMemory confirmed(std::int64_t epoch, const std::string& node) {
  EpochMemory memory;
  memory.highest = memory.confirmed = Epoch{epoch};
  memory.confirmed_node = node;
  return memory;
}

/// The last confirmed writer says that it is in recovery, after that node was found not to be.
EpochMemory yielded_to(std::size_t node, EpochMemory memory) {
  memory.yielded_to.insert(node);
  return memory;
}

EpochMemory authority(std::int64_t epoch, const std::string& writer, EpochMemory memory = {}) {
  memory.authority = EpochMemory::Authority{Epoch{epoch}, writer};
  memory.highest = std::max(memory.highest.value_or(Epoch{epoch}), Epoch{epoch});
  return memory;
}

TEST(EpochQuery, with_a_region_it_is_as_the_table) {
  const NodeFacts iad = accepts(make_stamp(5, "iad"));
  const NodeFacts phx = accepts(make_stamp(6, "phx"), 2);
  expect(EpochSource::query,
         {
             {"its own region", {iad, {}, {}}, confirmed(5, "iad-a"), {kWriter}},
             {"a node of the region takes over, and the writer may go on",
              {{}, iad, {}},
              confirmed(5, "iad-a"),
              {kUnreachable, kUnconfirmed},
              Reason::stale_epoch},
             {"a node of the region takes over from a standby",
              {copy_of(iad), iad, {}},
              yielded_to(kIadB, confirmed(5, "iad-a")),
              {kStandby, kWriter}},
             {"promoted, not raised",
              {{}, {}, iad},
              confirmed(5, "iad-a"),
              {kUnreachable, kUnreachable, kUnconfirmed},
              Reason::stale_epoch},
             {"raised for another region",
              {phx, {}, copy_of(phx)},
              confirmed(5, "iad-a"),
              {kUnconfirmed, kUnreachable, kStandby},
              Reason::stale_epoch},
             {"promoted and raised",
              {iad, {}, phx},
              confirmed(5, "iad-a"),
              {kStale, kUnreachable, kWriter}},
             {"one epoch on two",
              {iad, {}, iad},
              confirmed(5, "iad-a"),
              {kSplit, kUnreachable, kSplit},
              Reason::split_brain},
         });
}

TEST(EpochQuery, says_why_it_gave_nothing) {
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::query;
  NodeFacts writer = accepts(std::nullopt);
  const auto detail = [&] { return judge_epochs(spec, {}, {&writer, nullptr, nullptr}).detail; };
  EXPECT_EQ(detail(), "iad-a: it accepts writes, but epoch.query gives no row there");
  writer.epoch_problem = "relation \"shard_map\" does not exist";
  EXPECT_EQ(detail(),
            "iad-a: it accepts writes, but epoch.query gives no row there: relation \"shard_map\" "
            "does not exist");
}

TEST(EpochTable, that_is_locked_and_was_never_read_says_by_whom) {
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::table;
  NodeFacts writer = accepts(std::nullopt);
  writer.epoch_lock = EpochLock{.transaction = "5/77", .holder = "pid 7 (ann, psql) has it locked"};
  const EpochVerdict verdict = judge_epochs(spec, {}, {&writer, nullptr, nullptr});
  EXPECT_EQ(
      verdict.detail,
      "iad-a: it accepts writes, but rpoguard.cluster_state cannot be read: pid 7 (ann, psql) "
      "has it locked");
}

TEST(EpochQuery, without_a_region_an_epoch_belongs_to_the_first_confirmed_on_it) {
  const NodeFacts five = accepts(make_stamp(5, ""));
  const NodeFacts six = accepts(make_stamp(6, ""), 2);
  EpochMemory old_file = confirmed(5, "");
  expect(EpochSource::query,
         {
             {"nothing was ever confirmed", {five, {}, {}}, {}, {kWriter}},
             {"the same node goes on", {five, {}, {}}, confirmed(5, "iad-a"), {kWriter}},
             {"another node on a copied epoch",
              {{}, {}, five},
              confirmed(5, "iad-a"),
              {kUnreachable, kUnreachable, kUnconfirmed},
              Reason::stale_epoch},
             {"even within the region",
              {{}, five, {}},
              confirmed(5, "iad-a"),
              {kUnreachable, kUnconfirmed},
              Reason::stale_epoch},
             {"from a standby of its region",
              {copy_of(five), five, {}},
              yielded_to(kIadB, confirmed(5, "iad-a")),
              {kStandby, kWriter}},
             {"from a standby of another region",
              {copy_of(five), {}, five},
              yielded_to(kPhxA, confirmed(5, "iad-a")),
              {kStandby, kUnreachable, kUnconfirmed},
              Reason::stale_epoch},
             {"another node, raised",
              {{}, {}, six},
              confirmed(5, "iad-a"),
              {kUnreachable, kUnreachable, kWriter}},
             {"the old one is back",
              {five, {}, six},
              confirmed(6, "phx-a"),
              {kStale, kUnreachable, kWriter}},
             {"only the old one is left",
              {five, {}, {}},
              confirmed(6, "phx-a"),
              {kStale},
              Reason::stale_epoch},
             {"the owner left the configuration",
              {five, {}, {}},
              confirmed(5, "ord-a"),
              {kUnconfirmed},
              Reason::stale_epoch},
             {"confirmed before nodes were kept", {five, {}, {}}, old_file, {kWriter}},
             {"no row",
              {accepts(std::nullopt), {}, {}},
              confirmed(5, "iad-a"),
              {kUnconfirmed},
              Reason::stale_epoch},
         });
}

TEST(EpochTimeline, one_number_on_another_node_is_another_promotion) {
  const NodeFacts second = accepts(std::nullopt, 2);
  expect(EpochSource::timeline, {
                                    {"promoted",
                                     {{}, {}, second},
                                     confirmed(1, "iad-a"),
                                     {kUnreachable, kUnreachable, kWriter}},
                                    {"goes on",
                                     {{}, {}, second},
                                     confirmed(2, "phx-a"),
                                     {kUnreachable, kUnreachable, kWriter}},
                                    {"promoted as well, while the first is out of sight",
                                     {{}, second, {}},
                                     confirmed(2, "phx-a"),
                                     {kUnreachable, kUnconfirmed},
                                     Reason::stale_epoch},
                                    {"the first left the configuration",
                                     {{}, second, {}},
                                     confirmed(2, "ord-a"),
                                     {kUnreachable, kWriter}},
                                    {"both in sight",
                                     {{}, second, second},
                                     confirmed(2, "phx-a"),
                                     {kUnreachable, kSplit, kSplit},
                                     Reason::split_brain},
                                });
}

TEST(EpochAuthority, names_the_writer_by_name_or_region) {
  const NodeFacts any = accepts(std::nullopt);
  expect(EpochSource::http,
         {
             {"by name", {any, {}, {}}, authority(7, "iad-a"), {kWriter}},
             {"by region", {any, copy_of(any), {}}, authority(7, "iad"), {kWriter, kStandby}},
             {"the other one is stale",
              {any, {}, any},
              authority(7, "phx-a"),
              {kStale, kUnreachable, kWriter}},
             {"the one it names is silent",
              {any, {}, {}},
              authority(7, "phx"),
              {kStale},
              Reason::stale_epoch},
             {"the one it names is a standby",
              {any, {}, copy_of(any)},
              authority(7, "phx-a"),
              {kStale, kUnreachable, kStandby},
              Reason::stale_epoch},
             {"it names nobody of ours",
              {any, {}, {}},
              authority(7, "ord"),
              {kStale},
              Reason::stale_epoch},
             {"two in the region it names",
              {any, any, {}},
              authority(7, "iad"),
              {kSplit, kSplit},
              Reason::split_brain},
             {"stamps have no say",
              {accepts(make_stamp(9, "phx")), {}, {}},
              authority(7, "iad"),
              {kWriter}},
             {"nobody accepts writes",
              {copy_of(any), {}, {}},
              authority(7, "iad"),
              {kStandby},
              Reason::no_writer},
         });
}

TEST(EpochAuthority, must_raise_its_number_to_name_another) {
  const NodeFacts any = accepts(std::nullopt);
  expect(EpochSource::http, {
                                {"another node, same number",
                                 {{}, {}, any},
                                 authority(7, "phx-a", confirmed(7, "iad-a")),
                                 {kUnreachable, kUnreachable, kUnconfirmed},
                                 Reason::stale_epoch},
                                {"another region, same number",
                                 {{}, {}, any},
                                 authority(7, "phx", confirmed(7, "iad-a")),
                                 {kUnreachable, kUnreachable, kUnconfirmed},
                                 Reason::stale_epoch},
                                {"another node of the region it names",
                                 {{}, any, {}},
                                 authority(7, "iad", confirmed(7, "iad-a")),
                                 {kUnreachable, kUnconfirmed},
                                 Reason::stale_epoch},
                                {"another node of the region, named",
                                 {{}, any, {}},
                                 authority(7, "iad-b", confirmed(7, "iad-a")),
                                 {kUnreachable, kUnconfirmed},
                                 Reason::stale_epoch},
                                {"from a standby of the region it names",
                                 {copy_of(any), any, {}},
                                 authority(7, "iad", yielded_to(kIadB, confirmed(7, "iad-a"))),
                                 {kStandby, kWriter}},
                                {"raised within the region",
                                 {{}, any, {}},
                                 authority(8, "iad", confirmed(7, "iad-a")),
                                 {kUnreachable, kWriter}},
                                {"the last writer left the configuration",
                                 {{}, any, {}},
                                 authority(7, "iad", confirmed(7, "ord-a")),
                                 {kUnreachable, kUnconfirmed},
                                 Reason::stale_epoch},
                                {"raised",
                                 {{}, {}, any},
                                 authority(8, "phx-a", confirmed(7, "iad-a")),
                                 {kUnreachable, kUnreachable, kWriter}},
                            });
}

TEST(EpochAuthority, silence_confirms_nobody_and_calls_nobody_stale) {
  const NodeFacts any = accepts(std::nullopt);
  EpochMemory silent = confirmed(7, "iad-a");
  silent.authority_silence = "the epoch witness has given no good answer for 12 s";
  expect(EpochSource::http,
         {
             {"one", {any, {}, {}}, silent, {kUnconfirmed}, Reason::stale_epoch},
             {"two",
              {any, {}, any},
              silent,
              {kUnconfirmed, kUnreachable, kUnconfirmed},
              Reason::stale_epoch},
             {"none", {copy_of(any), {}, {}}, silent, {kStandby}, Reason::no_writer},
         });
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::http;
  EXPECT_EQ(judge_epochs(spec, silent, {&any, nullptr, nullptr}).detail, silent.authority_silence);
}

TEST(UnseenRival, is_a_candidate_until_it_is_outranked) {
  const NodeFacts iad = accepts(make_stamp(1, "iad"));
  EpochMemory one_epoch = confirmed(1, "iad-a");
  one_epoch.rivals[kPhxA] = Epoch{1};
  EpochMemory unknown_epoch = one_epoch;
  unknown_epoch.rivals[kPhxA] = std::nullopt;
  expect(EpochSource::table, {
                                 {"same epoch",
                                  {iad, {}, {}},
                                  one_epoch,
                                  {kSplit, kUnreachable, kUnreachable},
                                  Reason::split_brain},
                                 {"unknown epoch",
                                  {accepts(make_stamp(2, "iad")), {}, {}},
                                  unknown_epoch,
                                  {kSplit, kUnreachable, kUnreachable},
                                  Reason::split_brain},
                                 {"outranked",
                                  {accepts(make_stamp(2, "iad")), {}, {}},
                                  one_epoch,
                                  {kWriter, kUnreachable, kUnreachable}},
                                 {"alone",
                                  {{}, {}, {}},
                                  one_epoch,
                                  {kUnreachable, kUnreachable, kUnreachable},
                                  Reason::no_writer},
                             });
}

TEST(UnseenRival, is_one_too_where_its_address_is_another_clusters_now) {
  const NodeFacts iad = accepts(make_stamp(1, "iad"));
  NodeFacts foreign = accepts(make_stamp(9, "phx"));
  foreign.system_identifier = 99;
  EpochMemory memory = confirmed(1, "iad-a");
  memory.system_identifier = iad.system_identifier;
  memory.rivals[kPhxA] = Epoch{1};
  ShardSpec spec = make_spec();
  const auto verdict = judge_epochs(spec, memory, {&iad, nullptr, &foreign});
  EXPECT_EQ(verdict.reason, Reason::split_brain);
  EXPECT_EQ(verdict.states[kPhxA], NodeState::foreign);
  EXPECT_NE(verdict.notes[kPhxA].find("another cluster's data; accepted writes when last seen"),
            std::string::npos)
      << verdict.notes[kPhxA];
  EXPECT_EQ(verdict.unseen_rivals, std::vector{kPhxA});
  EXPECT_EQ(verdict.highest, Epoch{1});
  EXPECT_EQ(verdict.writers, 1);
}

TEST(UnseenRival, that_is_heard_of_is_judged_by_what_it_says) {
  const NodeFacts iad = accepts(make_stamp(1, "iad"));
  const NodeFacts standby = copy_of(iad);
  EpochMemory memory = confirmed(1, "iad-a");
  memory.rivals[kPhxA] = Epoch{1};
  const auto verdict = judge_epochs(make_spec(), memory, {&iad, nullptr, &standby});
  EXPECT_EQ(verdict.writer, kIadA);
  EXPECT_TRUE(verdict.unseen_rivals.empty());
}

TEST(UnseenRival, raises_no_mark_while_nobody_else_is_heard_of) {
  EpochMemory memory = confirmed(1, "iad-a");
  memory.rivals[kPhxA] = Epoch{2};
  ShardSpec spec = make_spec();
  spec.epoch_source = EpochSource::timeline;
  const auto verdict = judge_epochs(spec, memory, {nullptr, nullptr, nullptr});
  EXPECT_EQ(verdict.highest, Epoch{1}) << "iad-a may be the only writer by the time it answers";
}

}  // namespace
}  // namespace rpoguard::core
