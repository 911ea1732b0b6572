#include "exporter/cli/changes.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

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

void freeze_changes(const ShardView* before, const ShardView& after, std::vector<LogLine>& lines) {
  const std::optional<core::Freeze> none;
  if ((before == nullptr ? none : before->freeze) == after.freeze) return;
  if (after.freeze) {
    lines.push_back(
        {Level::warning,
         "writes frozen",
         {{"shard", after.spec->id},
          {"by", after.freeze->by},
          {"reason", after.freeze->reason},
          {"until", after.freeze->until ? core::render_time(*after.freeze->until) : "unfrozen"}}});
  } else {
    lines.push_back({Level::info,
                     "writes no longer frozen",
                     {{"shard", after.spec->id}, {"why", after.freeze_ended}}});
  }
}

// The failure a node shows; empty while it answers.
std::string failure_of(const NodeView& node) {
  return node.failure ? name_of(node.failure->reason) : "";
}

// It has WAL that the writer never accepted, where it had none before. The bytes may grow at every
// look: that is no change.
void divergence_changes(const std::string& shard, const NodeView* before, const NodeView& after,
                        std::vector<LogLine>& lines) {
  const auto diverged = [](const NodeView& node) { return node.diverged_bytes.value_or(0) > 0; };
  // While it does not answer nothing is known: that is no news about its WAL either.
  if (!diverged(after) || (before != nullptr && diverged(*before))) return;
  LogLine line{
      Level::warning,
      "node has diverged: it needs pg_rewind or a re-seed",
      {{"shard", shard}, {"node", after.name}, {"bytes", std::to_string(*after.diverged_bytes)}}};
  if (after.fork_point) line.fields.emplace_back("fork_point", core::render_lsn(*after.fork_point));
  lines.push_back(std::move(line));
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
  divergence_changes(shard, before, after, lines);
  // While it does not answer nothing is known about what it would say.
  if (!after.history_problem.empty() && (before == nullptr || before->history_problem.empty()))
    lines.push_back({Level::warning,
                     "node does not say how its timeline came about",
                     {{"shard", shard}, {"node", after.name}, {"error", after.history_problem}}});
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

// A reload may put the nodes in another order.
const NodeView* find_node(const ShardView& shard, const std::string& name) {
  const auto found = std::ranges::find(shard.nodes, name, &NodeView::name);
  return found == shard.nodes.end() ? nullptr : &*found;
}

// A thing that fails or answers, by the failure it shows.
struct Answering {
  const char* fails;
  const char* answers;
  std::vector<std::pair<std::string, std::string>> fields;
};

void failure_changes(const std::optional<core::ProbeError>* before,
                     const std::optional<core::ProbeError>& after, const Answering& what,
                     std::vector<LogLine>& lines) {
  const auto reason = [](const std::optional<core::ProbeError>& failure) {
    return failure ? name_of(failure->reason) : "";
  };
  const std::string was = before == nullptr ? "" : reason(*before);
  if (was == reason(after)) return;
  if (!after) {
    lines.push_back({Level::info, what.answers, what.fields});
    return;
  }
  LogLine line{Level::warning, what.fails, what.fields};
  line.fields.emplace_back("reason", reason(after));
  line.fields.emplace_back("error", after->message);
  lines.push_back(std::move(line));
}

void witness_changes(const ShardView* before, const ShardView& after, std::vector<LogLine>& lines) {
  const auto compare = [&](const char* number, std::optional<core::WitnessView> ShardView::*which) {
    if (!(after.*which)) return;
    const bool had = before != nullptr && (before->*which);
    failure_changes(had ? &(before->*which)->failure : nullptr, (after.*which)->failure,
                    {"witness does not answer",
                     "witness answers again",
                     {{"shard", after.spec->id}, {"witness", number}}},
                    lines);
  };
  compare("epoch", &ShardView::epoch_witness);
  compare("generation", &ShardView::generation_witness);
}

void synchronous_changes(const ShardView* before, const ShardView& after,
                         std::vector<LogLine>& lines) {
  const bool was = before != nullptr && before->synchronous.downgraded;
  const bool is = after.synchronous.downgraded;
  if (was == is) return;
  if (is) {
    lines.push_back({Level::error,
                     "synchronous durability is promised and not kept by the writer",
                     {{"shard", after.spec->id}, {"problem", after.synchronous.problem}}});
  } else {
    lines.push_back(
        {Level::info, "synchronous durability is kept again", {{"shard", after.spec->id}}});
  }
}

// The note without its numbers: positions and counts move at every look.
std::string wording(const std::string& note) {
  std::string text;
  std::ranges::copy_if(note, std::back_inserter(text), [](char c) {
    return !(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'F') && c != '/';
  });
  return text;
}

void archive_changes(const ShardView* before, const ShardView& after, std::vector<LogLine>& lines) {
  if (after.spec->archive.source != core::ArchiveSource::postgres)
    failure_changes(
        before == nullptr ? nullptr : &before->archive.failure, after.archive.failure,
        {"archive does not answer", "archive answers again", {{"shard", after.spec->id}}}, lines);
  const std::string was = before == nullptr ? "" : before->archive.note;
  if (wording(was) == wording(after.archive.note)) return;
  if (after.archive.note.empty()) {
    lines.push_back({Level::info, "archive in order again", {{"shard", after.spec->id}}});
  } else {
    lines.push_back(
        {Level::warning, "archive", {{"shard", after.spec->id}, {"detail", after.archive.note}}});
  }
}

// Unknown (not asked yet, or no answer) is not news about where the endpoint leads.
void endpoint_changes(const ShardView* before, const ShardView& after,
                      std::vector<LogLine>& lines) {
  if (!after.endpoint) return;
  const bool comparable = before != nullptr && before->endpoint;
  failure_changes(
      comparable ? &before->endpoint->failure : nullptr, after.endpoint->failure,
      {"endpoint does not answer", "endpoint answers again", {{"shard", after.spec->id}}}, lines);
  if (!after.endpoint->on_writer) return;
  const bool had = comparable && before->endpoint->on_writer;
  const bool is = *after.endpoint->on_writer;
  if (had ? *before->endpoint->on_writer == is : is) return;
  if (is) {
    lines.push_back(
        {Level::info, "endpoint leads to the writer again", {{"shard", after.spec->id}}});
  } else {
    lines.push_back({Level::warning,
                     "endpoint does not lead to the writer",
                     {{"shard", after.spec->id}, {"detail", after.endpoint->note}}});
  }
}

}  // namespace

std::vector<LogLine> changes_between(const ShardView* before, const ShardView& after) {
  std::vector<LogLine> lines;
  for (const NodeView& node : after.nodes)
    node_changes(after.spec->id, before == nullptr ? nullptr : find_node(*before, node.name), node,
                 lines);
  writer_changes(before, after, lines);
  witness_changes(before, after, lines);
  endpoint_changes(before, after, lines);
  synchronous_changes(before, after, lines);
  archive_changes(before, after, lines);
  waiver_changes(before, after, lines);
  freeze_changes(before, after, lines);
  gate_changes(before, after, lines);
  return lines;
}

}  // namespace rpoguard::cli
