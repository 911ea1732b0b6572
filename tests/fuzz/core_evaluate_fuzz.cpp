// Any sequence of events to evaluate(): the bytes are a script of what happens to a shard, in two
// bytes per event. Whatever happens, the view keeps its own promises.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "exporter/base/check.hpp"

#include "tests/unit/core/shard_fixture.hpp"

namespace {

namespace core = rpoguard::core;
using core::test::TestShard;

void change_facts(core::NodeFacts& facts, std::uint8_t how, std::uint64_t amount) {
  const auto lsn = core::Lsn{0x3000000 + amount * 997};
  switch (how % 12) {
    case 0:
      facts.insert_lsn = lsn;
      break;
    case 1:
      facts.flushed_lsn = lsn;
      break;
    case 2:
      facts.receive_lsn = lsn;
      break;
    case 3:
      facts.replay_lsn = lsn;
      break;
    case 4:
      facts.insert_lsn.reset();
      break;
    case 5:
      facts.receive_lsn.reset();
      break;
    case 6:
      facts.snapshot = std::to_string(amount % 5);
      break;
    case 7:
      facts.session = amount % 3;
      break;
    case 8:
      facts.timeline = core::Timeline{static_cast<std::uint32_t>(amount % 4)};
      break;
    case 9:
      facts.in_recovery = amount % 2 == 0;
      break;
    case 10:
      facts.stamped = core::test::make_stamp(static_cast<std::int64_t>(amount % 5),
                                             amount % 2 == 0 ? "iad" : "phx");
      if (amount % 3 != 0)
        facts.stamped->timeline = core::Timeline{static_cast<std::uint32_t>(amount % 4)};
      break;
    default:
      facts.system_identifier = 77 + amount % 2;
      break;
  }
}

void change_rows(TestShard& shard, std::size_t node, std::uint64_t amount) {
  auto& rows = shard.facts[shard.writer_node].replication;
  if (amount % 5 == 0) rows.clear();
  if (rows.size() < 8)
    rows.push_back(
        core::test::make_row(shard.spec.nodes[node].name, core::Lsn{0x3000000 + amount * 997}));
  rows.back().sync_state = amount % 2 == 0 ? "sync" : "async";
  shard.facts[shard.writer_node].synchronous_standby_names = amount % 3 == 0 ? "" : "\"phx-a\"";
}

void play(TestShard& shard, std::uint8_t event, std::uint8_t argument) {
  const std::size_t node = event / 16 % 3;
  switch (event % 16) {
    case 0:
    case 1:
    case 2:
      shard.tick();
      break;
    case 3:
      shard.probe_node(node);
      break;
    case 4:
      shard.judge();
      break;
    case 5:
      shard.pass(std::chrono::milliseconds(argument * 100));
      break;
    case 6:
      shard.failures[node] = static_cast<core::ProbeFailure>(argument % core::kProbeFailureCount);
      break;
    case 7:
      shard.failures[node].reset();
      break;
    case 8:
      change_rows(shard, node, argument);
      break;
    case 9:
      shard.restart();
      break;
    case 10:
      shard.writer_node = node;
      break;
    case 11:
      shard.memory = core::adopt(std::move(shard.memory), shard.spec, shard.spec);
      break;
    default:
      change_facts(shard.facts[node], argument, std::uint64_t{argument} * (event / 16 + 1));
  }
}

void check(const TestShard& shard) {
  const auto& view = shard.view;
  if (!view.spec) return;
  const auto& gate = view.gate;
  RPOGUARD_CHECK(!view.recovery_point || *view.recovery_point <= shard.now);
  RPOGUARD_CHECK(std::ranges::is_sorted(gate.reasons));
  RPOGUARD_CHECK(gate.reasons.empty() == (gate.open_until > view.evaluated));
  RPOGUARD_CHECK(!gate.reasons.empty() || view.writer.has_value());
  RPOGUARD_CHECK(view.writes_usable == gate.reasons.empty());
  RPOGUARD_CHECK(!view.writer || !view.highest_epoch || view.writer->epoch == *view.highest_epoch);
  RPOGUARD_CHECK(view.slo.exceeded + view.slo.unknown <= view.slo.total);
  RPOGUARD_CHECK(view.nodes.size() == view.spec->nodes.size());
  RPOGUARD_CHECK(shard.memory.source.clock.size() <= 3100);
  if (view.recovery_point && gate.reasons.empty() && !gate.waived && view.spec->rpo.count() > 0) {
    RPOGUARD_CHECK(gate.open_until <= *view.recovery_point + view.spec->rpo);
  }
  RPOGUARD_CHECK(!core::check_gate(*view.spec, &view, {}, gate.open_until).open);
  const core::Instant limit = core::lease_limit(view.spec->gate, view.evaluated);
  RPOGUARD_CHECK(!core::check_gate(*view.spec, &view, {}, limit).open);
  RPOGUARD_CHECK(core::check_gate(*view.spec, &view, {}, view.evaluated).open_for <=
                 view.spec->gate.max_lease);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 2000) return 0;
  auto spec = core::test::make_spec(data[0] % 2 == 0 ? core::Duration(std::chrono::seconds(5))
                                                     : core::Duration{0});
  if (data[0] % 4 >= 2) spec.epoch_source = core::EpochSource::timeline;
  if (data[0] % 8 >= 4) spec.durability = core::Durability::replay;
  if (data[0] % 16 >= 8) spec.archive.max_age = std::chrono::minutes(1);
  TestShard shard(spec);
  for (std::size_t i = 1; i + 1 < size; i += 2) {
    play(shard, data[i], data[i + 1]);
    check(shard);
  }
  return 0;
}
