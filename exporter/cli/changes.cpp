#include "exporter/cli/changes.hpp"

#include <optional>
#include <string>

namespace rpoguard::cli {
namespace {

using core::NodeView;
using core::ShardView;

std::string seconds_text(std::optional<core::Duration> duration) {
  if (!duration) return "unknown";
  using std::chrono::milliseconds;
  return core::render_duration(std::chrono::duration_cast<milliseconds>(*duration));
}

std::optional<core::Reason> reason_of(const ShardView& shard) {
  if (shard.gate.reasons.empty()) return std::nullopt;
  return shard.gate.reasons.front();
}

void gate_changes(const ShardView* before, const ShardView& after, std::vector<LogLine>& lines) {
  const auto reason = reason_of(after);
  if (before != nullptr && reason == reason_of(*before)) return;
  const std::string exposure = seconds_text(core::exposure_at(after, after.evaluated));
  if (!reason) {
    lines.push_back({Level::info,
                     after.gate.waived ? "gate open under a waiver" : "gate open",
                     {{"shard", after.spec->id}, {"exposure", exposure}}});
    return;
  }
  lines.push_back({Level::warning,
                   "gate closed",
                   {{"shard", after.spec->id},
                    {"reason", name_of(*reason)},
                    {"exposure", exposure},
                    {"rpo", core::render_duration(after.spec->rpo)},
                    {"detail", after.gate.detail}}});
}

void writer_changes(const ShardView* before, const ShardView& after, std::vector<LogLine>& lines) {
  const auto identity = [](const ShardView& shard) {
    return shard.writer ? shard.writer->node + "/" + std::to_string(shard.writer->epoch.value)
                        : std::string();
  };
  if ((before == nullptr ? std::string() : identity(*before)) == identity(after)) return;
  if (!after.writer) {
    lines.push_back({Level::warning,
                     "writer lost",
                     {{"shard", after.spec->id}, {"was", before->writer->node}}});
    return;
  }
  lines.push_back({Level::info,
                   "writer confirmed",
                   {{"shard", after.spec->id},
                    {"node", after.writer->node},
                    {"region", after.writer->region},
                    {"epoch", std::to_string(after.writer->epoch.value)},
                    {"timeline", std::to_string(after.writer->timeline.value)}}});
}

void waiver_changes(const ShardView* before, const ShardView& after, std::vector<LogLine>& lines) {
  const bool had = before != nullptr && before->waiver;
  if (had == after.waiver.has_value()) return;
  if (after.waiver) {
    lines.push_back({Level::warning,
                     "waiver granted: the gate may open without proof of a remote copy",
                     {{"shard", after.spec->id},
                      {"for", seconds_text(after.waiver->until - after.evaluated)},
                      {"why", after.waiver->why}}});
  } else {
    lines.push_back({Level::info, "waiver ended", {{"shard", after.spec->id}}});
  }
}

// The failure a node shows; empty while it answers.
std::string failure_of(const NodeView& node) {
  return node.failure ? name_of(node.failure->reason) : "";
}

void node_changes(const std::string& shard, const NodeView* before, const NodeView& after,
                  std::vector<LogLine>& lines) {
  const std::string failure = failure_of(after);
  if (failure != (before == nullptr ? std::string() : failure_of(*before))) {
    if (after.failure) {
      lines.push_back({Level::warning,
                       "node does not answer",
                       {{"shard", shard},
                        {"node", after.name},
                        {"reason", failure},
                        {"error", after.failure->message}}});
    } else {
      lines.push_back(
          {Level::info, "node answers again", {{"shard", shard}, {"node", after.name}}});
    }
  }
  if (before != nullptr && before->state == after.state) return;
  if (before == nullptr && !after.up) return;  // not probed yet
  const bool bad =
      after.state != core::NodeState::writer && after.state != core::NodeState::standby;
  LogLine line{bad ? Level::warning : Level::info,
               "node state",
               {{"shard", shard}, {"node", after.name}, {"state", name_of(after.state)}}};
  if (!after.note.empty()) line.fields.emplace_back("detail", after.note);
  lines.push_back(std::move(line));
}

}  // namespace

std::vector<LogLine> changes_between(const ShardView* before, const ShardView& after) {
  std::vector<LogLine> lines;
  for (std::size_t node = 0; node < after.nodes.size(); ++node) {
    const bool comparable = before != nullptr && node < before->nodes.size() &&
                            before->nodes[node].name == after.nodes[node].name;
    node_changes(after.spec->id, comparable ? &before->nodes[node] : nullptr, after.nodes[node],
                 lines);
  }
  writer_changes(before, after, lines);
  waiver_changes(before, after, lines);
  gate_changes(before, after, lines);
  return lines;
}

}  // namespace rpoguard::cli
