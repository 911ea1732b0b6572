#include "exporter/core/judge/lineage.hpp"

#include <algorithm>
#include <utility>

#include "exporter/base/check.hpp"
#include "exporter/core/judge/other_wal.hpp"
#include "exporter/core/judge/run_begin.hpp"
#include "exporter/core/judge/run_mark.hpp"

namespace rpoguard::core {
namespace {

// It stays until the node is rebuilt, or an operator knows better.
NodeLineage held_against(NodeLineage lineage, const std::string& shard, const std::string& node) {
  const std::string rebuild = lineage.state == Lineage::diverged
                                  ? "save what only it has, rebuild it"
                                  : "compare it with the writer, or rebuild it";
  lineage.remedy = rebuild + ", then `rpoguard readmit " + shard + "/" + node + " --reason TEXT`";
  return lineage;
}

// Whoever is not connected to the writer may be fed by a server that nobody knows of.
bool waits_for_stamp(const std::optional<StampMark>& stamp, const LineageInput& input,
                     std::size_t node) {
  return stamp && shows_another(*stamp, input.readings[node].facts()) && !input.is_fed(node);
}

// What is known of it, as it counts now.
NodeLineage as_it_counts(const LineageVerdict& verdict, const LineageInput& input,
                         std::size_t node) {
  const LineageMemory& memory = verdict.memory;
  const auto known = verdict.record.nodes.find(input.name(node));
  if (known == verdict.record.nodes.end()) return at_first_sight();
  const NodeLineage& lineage = known->second;
  if (!is_sound(lineage.state)) return held_against(lineage, input.spec.id, input.name(node));
  if (!input.writer || !input.readings[node].last_success) return lineage;
  if (input.readings[node].last_success->asked < memory.tracks[node].not_before)
    return {.state = Lineage::unknown, .why = "it was readmitted, and has not been seen since"};
  if (!memory.run.known)
    return {.state = Lineage::unknown, .why = "the writer does not say when it was started"};
  if (waits_for_stamp(memory.stamp, input, node))
    return {.state = Lineage::unknown,
            .why = "it is not connected to the writer, and has not replayed the stamp of epoch " +
                   std::to_string(memory.stamp->epoch.value)};
  return lineage;
}

WalLosses with_loss(WalLosses losses, const RunMemory& run, const WriterRun& writer) {
  ++losses.count;
  losses.last = WalLoss{.node = writer.node,
                        .flushed = run.begun->flushed_before,
                        .goes_on_from = std::min(*writer.shared, run.flushed),
                        .seen = run.asked};
  return losses;
}

// What each look at the nodes adds to their tracks.
std::vector<Track> look_at_nodes(std::vector<Track> tracks, const LineageInput& input,
                                 const std::optional<WriterRun>& run) {
  for (std::size_t node = 0; node < tracks.size(); ++node) {
    if (input.readings[node].answered)
      tracks[node] = take_look(std::move(tracks[node]), input.readings[node], run);
  }
  return tracks;
}

/// A node beside the confirmed writer.
struct Judged {
  NodeLineage known;
  Track track;
  std::string readmitted;  ///< why it counts again by itself; empty: it does not
};

Judged judge_beside_writer(NodeLineage known, Track track, const LineageInput& input,
                           const LineageMemory& memory, const std::optional<WriterRun>& run,
                           std::size_t node) {
  Judged judged{.known = std::move(known), .track = std::move(track), .readmitted = ""};
  if (memory.run.known)
    judged.readmitted = readmitted_by_mark(judged.known, input, node, judged.track, *run);
  if (!judged.readmitted.empty()) {
    judged.known = at_first_sight();
    judged.track = seen_with_mark(judged.track, input.readings[node], *run);
  }
  if (!is_rival(input, node)) judged.track.connected = input.is_fed(node);
  judged.known = beside_writer(std::move(judged.known), input, node, judged.track, memory.stamp);
  return judged;
}

// What is held against it is kept in the verdict's record, and its track in the memory.
std::string judge_node(LineageVerdict& verdict, const LineageInput& input, std::size_t node) {
  auto& nodes = verdict.record.nodes;
  const std::string& name = input.name(node);
  if (auto found = parted(input, node, verdict.record.run))
    nodes[name] = accuse(std::move(nodes[name]), std::move(*found));
  if (!input.writer || node == input.writer->node || !input.readings[node].last_success) return "";
  NodeLineage& known = nodes.try_emplace(name, at_first_sight()).first->second;
  Track& track = verdict.memory.tracks[node];
  Judged judged = judge_beside_writer(std::move(known), std::move(track), input, verdict.memory,
                                      verdict.record.run, node);
  known = std::move(judged.known);
  track = std::move(judged.track);
  return std::move(judged.readmitted);
}

}  // namespace

std::optional<RunId> known_run(const LineageMemory& memory, const LineageRecord& record) {
  return memory.run.known ? std::optional(record.run->id()) : std::nullopt;
}

bool has_lost_wal(const LineageMemory& memory) {
  return memory.run.begun && memory.run.begun->lost_wal;
}

LineageVerdict follow_lineage(LineageMemory memory, LineageRecord record, const ShardSpec& spec,
                              const Readings& readings, const std::vector<std::string>& rows,
                              const std::optional<ConfirmedWriter>& writer,
                              const ProbeSpec& probe) {
  RPOGUARD_CHECK(readings.size() == spec.nodes.size());
  const LineageInput input{
      .spec = spec, .readings = readings, .rows = rows, .writer = writer, .probe = probe};
  memory.tracks.resize(readings.size());
  RunVerdict run = follow_run(std::move(memory.run), std::move(record.run), writer);
  memory.run = std::move(run.memory);
  record.run = std::move(run.run);
  if (!writer && record.run)
    memory.run = watch_unconfirmed(std::move(memory.run), *record.run, readings);
  if (has_lost_wal(memory))
    memory.losses = with_loss(std::move(memory.losses), memory.run, *record.run);
  memory.stamp = follow_stamp_mark(memory.stamp, writer);
  memory.tracks = look_at_nodes(std::move(memory.tracks), input, record.run);
  if (memory.run.begun)
    record.nodes =
        judge_at_begin(std::move(record.nodes), input, memory.tracks, memory.run, *record.run);
  for (std::size_t node = 0; node < readings.size(); ++node)
    memory.tracks[node].fed_by.merge(feeders_of(input, node, memory.tracks[node]));

  LineageVerdict verdict{
      .memory = std::move(memory), .record = std::move(record), .nodes = {}, .readmitted = {}};
  for (std::size_t node = 0; node < readings.size(); ++node) {
    std::string readmitted = judge_node(verdict, input, node);
    verdict.nodes.push_back(as_it_counts(verdict, input, node));
    const bool counts = is_sound(verdict.nodes.back().state);
    verdict.readmitted.push_back(counts ? std::move(readmitted) : "");
  }
  if (verdict.memory.run.known) {
    for (Track& track : verdict.memory.tracks) track = settle(std::move(track), writer->asked());
  }
  return verdict;
}

}  // namespace rpoguard::core
