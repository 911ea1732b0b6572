#include "exporter/core/alert.hpp"

#include <algorithm>

#include "exporter/core/gate.hpp"
#include "exporter/core/view.hpp"

namespace rpoguard::core {
namespace {

struct Rule {
  const char* name;
  const char* severity;
  Duration hold;
};

constexpr Rule kSplitBrain{"RPOGuardSplitBrain", "critical", Duration{0}};
constexpr Rule kNoWriter{"RPOGuardNoWriter", "critical", std::chrono::seconds(5)};
constexpr Rule kGateClosed{"RPOGuardGateClosed", "critical", std::chrono::seconds(3)};
constexpr Rule kDowngraded{"RPOGuardSynchronousDowngraded", "critical", std::chrono::seconds(3)};
constexpr Rule kStaleWriter{"RPOGuardStaleWriter", "warning", std::chrono::seconds(15)};
constexpr Rule kDiverged{"RPOGuardNodeDiverged", "warning", std::chrono::seconds(15)};

Alert make(const Rule& rule, const ShardView& shard, std::string summary, std::string description) {
  return {{{"alertname", rule.name}, {"severity", rule.severity}, {"shard", shard.spec->id}},
          std::move(summary),
          std::move(description),
          rule.hold};
}

int count(const ShardView& shard, NodeState state) {
  return static_cast<int>(std::ranges::count(shard.nodes, state, &NodeView::state));
}

void add_writers(const ShardView& shard, std::vector<Alert>& alerts) {
  const std::string name = "shard " + shard.spec->id;
  const int rivals = count(shard, NodeState::split_brain);
  if (rivals > 0)
    alerts.push_back(make(kSplitBrain, shard, name + " has more than one writer of the same epoch",
                          shard.gate.detail));
  if (rivals == 0 && count(shard, NodeState::writer) == 0)
    alerts.push_back(make(kNoWriter, shard, name + " has no writer", shard.gate.detail));
}

void add_gate(const ShardView& shard, std::vector<Alert>& alerts) {
  const GateDecision decision = check_gate(*shard.spec, &shard, {}, shard.evaluated);
  // What an operator froze is no surprise to anybody.
  if (decision.open || !decision.reason || *decision.reason == Reason::frozen) return;
  alerts.push_back(make(kGateClosed, shard,
                        "shard " + shard.spec->id + " refuses writes: " + name_of(*decision.reason),
                        shard.gate.detail));
}

void add_node(const ShardView& shard, const NodeView& node, std::vector<Alert>& alerts) {
  const std::string name = node.name + " of shard " + shard.spec->id;
  if (node.state == NodeState::stale_writer) {
    Alert& alert = alerts.emplace_back(
        make(kStaleWriter, shard, name + " is an old writer that still accepts writes", node.note));
    alert.labels.insert({{"node", node.name}, {"state", name_of(node.state)}});
  }
  if (node.diverged_bytes.value_or(0) > 0) {
    Alert& alert = alerts.emplace_back(make(
        kDiverged, shard,
        name + " has diverged by " + std::to_string(*node.diverged_bytes) + " bytes", node.note));
    alert.labels.emplace("node", node.name);
  }
}

}  // namespace

std::vector<Alert> alerts_of(const ShardView& shard) {
  std::vector<Alert> alerts;
  add_writers(shard, alerts);
  add_gate(shard, alerts);
  if (shard.writer && shard.synchronous.promised && shard.synchronous.downgraded)
    alerts.push_back(
        make(kDowngraded, shard,
             "shard " + shard.spec->id + " promises synchronous durability and does not require it",
             shard.synchronous.problem));
  for (const NodeView& node : shard.nodes) add_node(shard, node, alerts);
  return alerts;
}

}  // namespace rpoguard::core
