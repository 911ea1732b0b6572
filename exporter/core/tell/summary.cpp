#include "exporter/core/tell/summary.hpp"

#include <algorithm>

#include "exporter/base/human.hpp"

namespace rpoguard::core {

GateWords gate_words(const ShardSpec& spec, const GateDecision& decision) {
  return {.mode = name_of(spec.gate.mode),
          .open = decision.open,
          .reason = decision.reason ? name_of(*decision.reason) : "",
          .waived = decision.waived};
}

std::vector<Remark> remarks_on(const GateWords& words) {
  if (!words.open) return {{.tone = Tone::bad, .text = "closed", .more = ": " + words.reason}};
  const std::string enforce = name_of(GateMode::enforce);
  std::vector<Remark> remarks{{.tone = Tone::good,
                               .text = "open",
                               .more = words.mode == enforce ? "" : " (mode " + words.mode + ")"}};
  if (words.waived) remarks.push_back({.tone = Tone::unsure, .text = "RPO waived"});
  if (!words.reason.empty())
    remarks.push_back({.tone = Tone::bad,
                       .text = "mode " + enforce + " would refuse",
                       .more = ": " + words.reason});
  return remarks;
}

std::string detail_of(const ShardView* shard, const GateDecision& decision) {
  const std::string evaluated = shard == nullptr ? "" : shard->gate.detail;
  if (!decision.reason) return evaluated;
  const bool holds = !evaluated.empty() && !shard->gate.reasons.empty() &&
                     shard->gate.reasons.front() == *decision.reason;
  return holds ? evaluated : meaning_of(*decision.reason);
}

Remark remark_on_writes(bool usable) {
  if (usable) return {.tone = Tone::good, .text = "usable"};
  return {.tone = Tone::bad, .text = "not usable"};
}

Remark remark_on_writer(const std::optional<WriterView>& writer) {
  if (!writer) return {.tone = Tone::bad, .text = "none confirmed"};
  return {.text = writer->node, .more = " in " + writer->region};
}

Remark remark_on_exposure(Duration rpo, std::optional<Duration> exposure) {
  if (!exposure) return {.tone = Tone::unsure, .text = "unknown"};
  Remark remark{.text = base::render_short(*exposure)};
  if (rpo == Duration{0}) return remark;
  remark.tone = *exposure >= rpo ? Tone::bad : *exposure > rpo / 2 ? Tone::unsure : Tone::good;
  return remark;
}

Remark remark_on_age(Duration age, bool stale) {
  Remark remark{.subject = "View",
                .text = "published " + base::render_short(std::max(Duration{0}, age)) + " ago"};
  if (stale) {
    remark.tone = Tone::bad;
    remark.more = ": do not trust it";
  }
  return remark;
}

Tone tone_of(NodeState state, bool up) {
  switch (state) {
    case NodeState::writer:
    case NodeState::standby:
      return up ? Tone::good : Tone::unsure;
    case NodeState::unconfirmed:
    case NodeState::unreachable:
      return Tone::unsure;
    case NodeState::stale_writer:
    case NodeState::split_brain:
    case NodeState::foreign:
      break;
  }
  return Tone::bad;
}

std::string render_link(const NodeView& node) {
  const bool copy = node.state == NodeState::standby || node.state == NodeState::unreachable;
  if (!node.streaming) return copy ? "unknown" : "";
  if (!*node.streaming) return "not streaming";
  if (!node.synchronous) return "streaming";
  return *node.synchronous ? "streaming, sync" : "streaming, async";
}

}  // namespace rpoguard::core
