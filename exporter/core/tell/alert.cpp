#include "exporter/core/tell/alert.hpp"

#include <algorithm>

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
constexpr Rule kStaleWriter{"RPOGuardStaleWriter", "warning", std::chrono::seconds(15)};
constexpr Rule kDiverged{"RPOGuardNodeDiverged", "warning", std::chrono::seconds(15)};

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
              const std::string& what) {
  Alert alert = of_shard(rule, shard, what, node.note);
  alert.summary = node.name + " of " + alert.summary;
  alert.labels.emplace("node", node.name);
  return alert;
}

bool has_node(const ShardView& shard, NodeState state) {
  return std::ranges::find(shard.nodes, state, &NodeView::state) != shard.nodes.end();
}

void add_writers(const ShardView& shard, std::vector<Alert>& alerts) {
  if (has_node(shard, NodeState::split_brain)) {
    alerts.push_back(of_shard(kSplitBrain, shard, "has more than one writer of the same epoch",
                              shard.gate.detail));
  } else if (!has_node(shard, NodeState::writer)) {
    alerts.push_back(of_shard(kNoWriter, shard, "has no writer", shard.gate.detail));
  }
}

void add_gate(const ShardView& shard, std::vector<Alert>& alerts) {
  const GateDecision decision = check_gate(*shard.spec, &shard, {}, shard.evaluated);
  // What an operator froze is no surprise to anybody.
  if (decision.open || !decision.reason || *decision.reason == Reason::frozen) return;
  alerts.push_back(of_shard(kGateClosed, shard,
                            std::string("refuses writes: ") + name_of(*decision.reason),
                            shard.gate.detail));
}

void add_promise(const ShardView& shard, std::vector<Alert>& alerts) {
  if (!is_downgraded(shard)) return;
  alerts.push_back(of_shard(kDowngraded, shard,
                            "promises RPO 0, but its writer does not wait for a copy",
                            shard.synchronous.problem));
}

void add_node(const ShardView& shard, const NodeView& node, std::vector<Alert>& alerts) {
  if (node.state == NodeState::stale_writer) {
    alerts
        .emplace_back(
            of_node(kStaleWriter, shard, node, "is an old writer that still accepts writes"))
        .labels.emplace("state", name_of(node.state));
  }
  if (has_diverged(node))
    alerts.push_back(of_node(kDiverged, shard, node, render_divergence(node)));
}

}  // namespace

std::vector<Alert> alerts_of(const ShardView& shard) {
  std::vector<Alert> alerts;
  add_writers(shard, alerts);
  add_gate(shard, alerts);
  add_promise(shard, alerts);
  for (const NodeView& node : shard.nodes) add_node(shard, node, alerts);
  return alerts;
}

}  // namespace rpoguard::core
