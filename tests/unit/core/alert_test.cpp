#include "exporter/core/tell/alert.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "exporter/core/model/hook.hpp"

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

std::vector<std::string> names(const ShardView& view) {
  std::vector<std::string> all;
  for (const Alert& alert : alerts_of(view)) {
    EXPECT_EQ(alert.labels.at("shard"), "184");
    EXPECT_FALSE(alert.summary.empty());
    all.push_back(alert.labels.at("alertname"));
  }
  return all;
}

using Names = std::vector<std::string>;

struct Rule {
  std::string severity;
  std::string hold = "0s";
};

// The shipped rules, as far as they matter here.
std::map<std::string, Rule> shipped_rules() {
  std::ifstream file(RPOGUARD_SOURCE_DIR "/rules/rpoguard.rules.yml");
  EXPECT_TRUE(file.is_open());
  std::map<std::string, Rule> rules;
  std::string name;
  const auto value = [](const std::string& line) { return line.substr(line.find(": ") + 2); };
  for (std::string line; std::getline(file, line);) {
    if (line.find("- alert: ") != std::string::npos) name = value(line);
    if (line.starts_with("        for: ")) rules[name].hold = value(line);
    if (line.starts_with("          severity: ")) rules[name].severity = value(line);
  }
  return rules;
}

ShardView everything_wrong() {
  TestShard shard(make_spec(Duration{0}));
  shard.run_healthy(3);
  ShardView view = shard.view;
  view.synchronous = {true, true, "nobody waits"};
  view.nodes[kIadB].state = NodeState::stale_writer;
  view.nodes[kPhxA].diverged_bytes = 12;
  view.wal_losses = {.count = 1, .last = WalLoss{"iad-a", Lsn{0x500}, Lsn{0x300}, view.evaluated}};
  return view;
}

TEST(Alerts, are_none_of_a_healthy_shard) {
  TestShard shard;
  shard.run_healthy(3);
  EXPECT_EQ(names(shard.view), Names{});
}

TEST(Alerts, of_a_split_brain_name_no_missing_writer) {
  TestShard shard;
  shard.spec.epoch_source = EpochSource::timeline;
  shard.run_healthy(3);
  shard.promote(kPhxA, 2);
  shard.run(1);
  ASSERT_EQ(shard.reason(), "split_brain");
  EXPECT_EQ(names(shard.view), (Names{"RPOGuardSplitBrain", "RPOGuardGateClosed"}));
  EXPECT_EQ(alerts_of(shard.view).front().hold, Duration{0}) << "it pages at once";
}

TEST(Alerts, of_a_lost_writer_are_two) {
  TestShard shard;
  shard.run_healthy(3);
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.run(1);
  EXPECT_EQ(names(shard.view), (Names{"RPOGuardNoWriter", "RPOGuardGateClosed"}));
}

TEST(Alerts, of_a_gate_that_refuses_nobody_are_none) {
  TestShard shard;
  shard.spec.gate.mode = GateMode::shadow;
  shard.run_healthy(3);
  shard.failures[kPhxA] = ProbeFailure::refused;
  shard.run(10);
  ASSERT_FALSE(shard.view.gate.reasons.empty());
  EXPECT_EQ(names(shard.view), Names{});
}

TEST(Alerts, of_a_gate_that_an_operator_froze_are_none_until_something_else_closes_it) {
  TestShard shard;
  shard.run_healthy(3);
  shard.memory.durable.freeze = Freeze{"jo", "moving the shard", shard.wall(), std::nullopt};
  shard.run(1);
  ASSERT_EQ(shard.reason(), "frozen");
  EXPECT_EQ(names(shard.view), Names{});
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.run(1);
  EXPECT_EQ(names(shard.view), (Names{"RPOGuardNoWriter", "RPOGuardGateClosed"}));
}

TEST(Alerts, say_who_and_what_and_leave_the_details_to_the_view) {
  ShardView view = everything_wrong();
  view.nodes[kIadA].state = NodeState::split_brain;
  view.nodes[kIadB].note = "epoch 6";
  view.nodes[kPhxA].lineage_note = "it left at 0/50";
  view.gate.reasons = {Reason::split_brain};
  view.gate.detail = "two writers";
  view.gate.open_until = Instant{};
  std::vector<std::string> texts;
  for (const Alert& alert : alerts_of(view))
    texts.push_back(alert.summary + " | " + alert.description);
  EXPECT_EQ(
      texts,
      (Names{
          "shard 184 has more than one writer of the same epoch | two writers",
          "shard 184 refuses writes: split_brain | two writers",
          "shard 184 promises RPO 0, but its writer does not wait for a copy | nobody waits",
          "shard 184 has a writer that has lost WAL | iad-a: it had flushed its WAL up to 0/500, "
          "and goes on from 0/300",
          "iad-b of shard 184 is an old writer that still accepts writes | epoch 6",
          "phx-a of shard 184 has diverged by 12 B | it left at 0/50"}));
  view.nodes[kIadA].state = NodeState::unconfirmed;
  EXPECT_EQ(alerts_of(view).front().summary, "shard 184 has no writer");
}

TEST(Alerts, are_those_of_the_shipped_rules) {
  auto rules = shipped_rules();
  std::vector<Alert> all = alerts_of(everything_wrong());
  TestShard shard;
  shard.judge();
  std::ranges::move(alerts_of(shard.view), std::back_inserter(all));
  std::set<std::string> seen;
  for (const Alert& alert : all) {
    const std::string name = alert.labels.at("alertname");
    seen.insert(name);
    ASSERT_TRUE(rules.contains(name)) << name;
    EXPECT_EQ(alert.labels.at("severity"), rules[name].severity) << name;
    EXPECT_EQ(alert.hold, parse_duration(rules[name].hold)) << name;
  }
  EXPECT_EQ(seen.size(), 6U) << "all but the split brain, which does not wait as its rule does";
  EXPECT_EQ(rules.at("RPOGuardSplitBrain").severity, "critical");
}

TEST(Alerts, of_a_node_carry_the_labels_of_its_series) {
  const auto all = alerts_of(everything_wrong());
  const auto find = [&](const std::string& name) {
    return std::ranges::find_if(all,
                                [&](const Alert& a) { return a.labels.at("alertname") == name; });
  };
  const auto stale = find("RPOGuardStaleWriter");
  ASSERT_NE(stale, all.end());
  EXPECT_EQ(stale->labels.at("node"), "iad-b");
  EXPECT_EQ(stale->labels.at("state"), "stale_writer");
  const auto diverged = find("RPOGuardNodeDiverged");
  ASSERT_NE(diverged, all.end());
  EXPECT_EQ(diverged->labels.at("node"), "phx-a");
  EXPECT_EQ(diverged->labels.at("state"), "diverged");
  EXPECT_EQ(diverged->labels.size(), 5U);
}

TEST(Alerts, of_a_node_that_holds_what_its_writer_lost_are_those_of_a_fork) {
  TestShard shard;
  shard.run_healthy(3);
  shard.view.nodes[kPhxA].lineage = Lineage::diverged;
  EXPECT_EQ(names(shard.view), Names{"RPOGuardNodeDiverged"});
  EXPECT_EQ(alerts_of(shard.view).front().summary, "phx-a of shard 184 has diverged");
  shard.view.nodes[kPhxA].lineage = Lineage::unknown;
  EXPECT_EQ(names(shard.view), Names{}) << "that has time for a scrape";
}

// As long as the shipped rule looks back.
TEST(Alerts, of_lost_wal_last_ten_minutes) {
  TestShard shard;
  shard.run_healthy(3);
  ShardView& view = shard.view;
  view.wal_losses = {.count = 1, .last = WalLoss{"iad-a", Lsn{0x500}, Lsn{0x300}, {}}};
  view.wal_losses.last->seen = view.evaluated - minutes(10) + milliseconds(1);
  EXPECT_EQ(names(view), Names{"RPOGuardWriterLostWal"});
  view.wal_losses.last->seen = view.evaluated - minutes(10);
  EXPECT_EQ(names(view), Names{});
  std::ifstream file(RPOGUARD_SOURCE_DIR "/rules/rpoguard.rules.yml");
  const std::string rules{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(rules.find("increase(rpoguard_writer_lost_wal_total[10m]) > 0"), std::string::npos);
}

TEST(HookSpecTest, types_are_named_as_they_are_configured) {
  EXPECT_STREQ(name_of(HookType::webhook), "webhook");
  EXPECT_STREQ(name_of(HookType::command), "command");
  EXPECT_STREQ(name_of(HookType::sql), "sql");
  EXPECT_STREQ(name_of(HookType::alertmanager), "alertmanager");
}

TEST(HookSpecTest, wants_what_it_names_or_all) {
  HookSpec hook;
  EXPECT_TRUE(hook.wants(EventKind::gate_closed));
  hook.events = {EventKind::split_brain};
  EXPECT_TRUE(hook.wants(EventKind::split_brain));
  EXPECT_FALSE(hook.wants(EventKind::gate_closed));
  hook.type = HookType::alertmanager;
  EXPECT_FALSE(hook.wants(EventKind::split_brain)) << "it gets alerts";
}

}  // namespace
}  // namespace rpoguard::core
