#include "exporter/core/tell/alert.hpp"

#include <algorithm>
#include <iterator>

#include "exporter/core/judge/gate.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {
namespace {

// What rules/rpoguard.rules.yml says of the alert.
struct Rule {
  const char* name;
  const char* severity;
  Duration hold;
};

constexpr Rule kSplitBrain{"RPOGuardSplitBrain", "critical", Duration{0}};
constexpr Rule kNoWriter{"RPOGuardNoWriter", "critical", std::chrono::seconds(5)};
constexpr Rule kGateClosed{"RPOGuardGateClosed", "critical", std::chrono::seconds(3)};
constexpr Rule kDowngraded{"RPOGuardSynchronousDowngraded", "critical", std::chrono::seconds(3)};
constexpr Rule kLostWal{"RPOGuardWriterLostWal", "critical", std::chrono::seconds(3)};
constexpr Rule kStaleWriter{"RPOGuardStaleWriter", "warning", std::chrono::seconds(15)};
constexpr Rule kDiverged{"RPOGuardNodeDiverged", "warning", std::chrono::seconds(15)};

// The window of that rule.
constexpr Duration kLossToldFor = std::chrono::minutes(10);

std::string subject_of(const ShardView& shard) {
  return "shard " + shard.spec->id;
}

// The summary is a sentence that begins with its subject; the description is the view's own.
Alert of_shard(const Rule& rule, const ShardView& shard, const std::string& what,
               const std::string& description) {
  return {
      .labels = {{"alertname", rule.name}, {"severity", rule.severity}, {"shard", shard.spec->id}},
      .summary = subject_of(shard) + " " + what,
      .description = description,
      .hold = rule.hold};
}

Alert of_node(const Rule& rule, const ShardView& shard, const NodeView& node,
              const std::string& what, const std::string& description) {
  Alert alert = of_shard(rule, shard, what, description);
  alert.summary = node.name + " of " + alert.summary;
  alert.labels.emplace("node", node.name);
  return alert;
}

bool has_node(const ShardView& shard, NodeState state) {
  return std::ranges::find(shard.nodes, state, &NodeView::state) != shard.nodes.end();
}

using Alerts = std::vector<Alert>;

Alerts about_writers(const ShardView& shard) {
  const std::string& detail = shard.gate.detail;
  if (has_node(shard, NodeState::split_brain))
    return {of_shard(kSplitBrain, shard, "has more than one writer of the same epoch", detail)};
  if (!has_node(shard, NodeState::writer))
    return {of_shard(kNoWriter, shard, "has no writer", detail)};
  return {};
}

Alerts about_gate(const ShardView& shard) {
  const GateDecision decision = check_gate(*shard.spec, &shard, {}, shard.evaluated);
  // What an operator froze is no surprise to anybody.
  if (decision.open || !decision.reason || *decision.reason == Reason::frozen) return {};
  return {of_shard(kGateClosed, shard, std::string("refuses writes: ") + name_of(*decision.reason),
                   shard.gate.detail)};
}

Alerts about_promise(const ShardView& shard) {
  if (!is_downgraded(shard)) return {};
  return {of_shard(kDowngraded, shard, "promises RPO 0, but its writer does not wait for a copy",
                   shard.synchronous.problem)};
}

Alerts about_loss(const ShardView& shard) {
  const auto& loss = shard.wal_losses.last;
  if (!loss || shard.evaluated - loss->seen >= kLossToldFor) return {};
  return {of_shard(kLostWal, shard, "has a writer that has lost WAL",
                   loss->node + ": " + render_loss(*loss))};
}

Alerts about_node(const ShardView& shard, const NodeView& node) {
  Alerts alerts;
  if (node.state == NodeState::stale_writer) {
    alerts
        .emplace_back(of_node(kStaleWriter, shard, node,
                              "is an old writer that still accepts writes", node.note))
        .labels.emplace("state", name_of(node.state));
  }
  if (has_diverged(node)) {
    alerts.emplace_back(of_node(kDiverged, shard, node, render_divergence(node), node.lineage_note))
        .labels.emplace("state", name_of(Lineage::diverged));
  }
  return alerts;
}

Alerts about_nodes(const ShardView& shard) {
  Alerts alerts;
  for (const NodeView& node : shard.nodes)
    std::ranges::move(about_node(shard, node), std::back_inserter(alerts));
  return alerts;
}

}  // namespace

std::vector<Alert> alerts_of(const ShardView& shard) {
  Alerts alerts;
  for (const auto on : {about_writers, about_gate, about_promise, about_loss, about_nodes})
    std::ranges::move(on(shard), std::back_inserter(alerts));
  return alerts;
}

}  // namespace rpoguard::core
