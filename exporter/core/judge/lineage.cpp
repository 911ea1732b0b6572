#include "exporter/core/judge/lineage.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "exporter/base/check.hpp"
#include "exporter/core/judge/other_wal.hpp"
#include "exporter/core/judge/row_names.hpp"
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

// It has received more than it has replayed, is not told to wait, and did not replay any of it
// since the look before: records of two histories do not fit together.
bool stands_still(const Track& track, const NodeFacts& facts) {
  const auto& [session, replayed] = track.replayed_before;
  return session == facts.session && replayed == facts.replay_lsn &&
         facts.receive_lsn > facts.replay_lsn && !facts.apply_delay && facts.replay_paused == false;
}

// Why it does not count before it has replayed the writer's stamp; empty: it does, or it has.
// Whoever is not connected to the writer may be fed by a server that nobody knows of, and who is
// may have been fed by such a one.
std::string awaits_stamp(const std::optional<StampMark>& stamp, const LineageInput& input,
                         std::size_t node, const Track& track) {
  const NodeFacts& facts = input.readings[node].facts();
  if (!stamp || !(shows_another(*stamp, facts) || shows_none(*stamp, facts))) return "";
  if (!input.is_fed(node)) return "it is not connected to the writer";
  return stands_still(track, facts) ? "its replay stands still" : "";
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
  if (has_own_checkpoint(input.readings[node].facts(), *verdict.record.run))
    return {
        .state = Lineage::unknown,
        .why = "it shows a checkpoint that the writer's run did not make, unless another began"};
  const std::string awaits = awaits_stamp(memory.stamp, input, node, memory.tracks[node]);
  if (!awaits.empty())
    return {.state = Lineage::unknown,
            .why = awaits + ", and it has not replayed the stamp of epoch " +
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
                                 const LineageRecord& record) {
  for (std::size_t node = 0; node < tracks.size(); ++node) {
    if (record.receives.contains(input.name(node))) tracks[node].receives = true;
    const auto life = record.lives_in_recovery.find(input.name(node));
    if (life != record.lives_in_recovery.end()) tracks[node].life_in_recovery = life->second;
    if (input.readings[node].answered)
      tracks[node] = take_look(std::move(tracks[node]), input.readings[node], record.run);
  }
  return tracks;
}

// Whom the node has been fed by on its timeline, also before rpoguard was started again.
std::set<std::string> all_feeders(const LineageInput& input, std::size_t node, const Track& track,
                                  const LineageRecord& record) {
  std::set<std::string> feeders = feeders_of(input, node, track, record.run);
  feeders.insert(track.fed_by.begin(), track.fed_by.end());
  const auto kept = record.fed_by.find(input.name(node));
  if (kept != record.fed_by.end() && kept->second.timeline == track.timeline)
    feeders.insert(kept->second.names.begin(), kept->second.names.end());
  return feeders;
}

// What of a track must survive a restart of rpoguard.
void keep_track(LineageRecord& record, const std::string& name, const Track& track) {
  if (track.receives) record.receives.insert(name);
  if (track.life_in_recovery) record.lives_in_recovery[name] = *track.life_in_recovery;
  const std::string last = record.run ? record.run->node : "";
  const bool by_others =
      std::ranges::any_of(track.fed_by, [&](const std::string& feeder) { return feeder != last; });
  if (by_others) {
    record.fed_by[name] = {*track.timeline, track.fed_by};
  } else if (track.timeline) {
    record.fed_by.erase(name);
  }
}

// The writer feeds it. Copies of a writer that was started again connect within seconds: so long,
// whoever was connected still is, unless it is seen to receive from another.
bool is_connected(const LineageInput& input, std::size_t node, const Track& track,
                  const RunMemory& run) {
  constexpr Duration kConnectsWithin =
      std::chrono::seconds(10);  // wal_retrieve_retry_interval: 5 s
  if (input.is_fed(node)) return true;
  const NodeObservation& look = *input.readings[node].last_success;
  const bool elsewhere = input.readings[node].facts().streaming != false &&
                         look.asked >= run.known_since && input.writer->asked() >= look.answered;
  return track.connected && !elsewhere &&
         input.writer->asked() - run.known_since <= kConnectsWithin;
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
  if (!is_rival(input, node))
    judged.track.connected = is_connected(input, node, judged.track, memory.run);
  judged.known = beside_writer(std::move(judged.known), input, node, judged.track, memory.stamp);
  if (memory.run.known)
    judged.known = unlike_run(std::move(judged.known), input, node, memory.run, *run);
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

// Copies that have just been found to hold WAL which the writer has not.
std::vector<std::size_t> found_diverged(const std::map<std::string, NodeLineage>& before,
                                        const std::map<std::string, NodeLineage>& now,
                                        const LineageInput& input,
                                        const std::vector<Track>& tracks) {
  std::vector<std::size_t> nodes;
  if (!input.writer) return nodes;
  for (std::size_t node = 0; node < input.readings.size(); ++node) {
    const auto was = before.find(input.name(node));
    const auto is = now.find(input.name(node));
    const bool found = is != now.end() && is->second.state == Lineage::diverged &&
                       (was == before.end() || was->second.state != Lineage::diverged);
    if (found && tracks[node].timeline == input.writer->facts().timeline) nodes.push_back(node);
  }
  return nodes;
}

std::optional<Lsn> last_position(const Track& track) {
  return track.since.empty() ? track.highest : std::optional(track.since.back().position);
}

// WAL that the writer has not is on that copy, which may have passed it on, or have archived it for
// those that restore and have not come so far yet.
void doubt_fed_by_others(LineageVerdict& verdict, const LineageInput& input, std::size_t ahead) {
  const std::vector<Track>& tracks = verdict.memory.tracks;
  const NodeFacts& writes = input.writer->facts();
  for (std::size_t node = 0; node < input.readings.size(); ++node) {
    const auto known = verdict.record.nodes.find(input.name(node));
    const bool restores =
        tracks[node].restores && last_position(tracks[node]) < last_position(tracks[ahead]);
    const bool judged = node != input.writer->node && known != verdict.record.nodes.end() &&
                        input.readings[node].last_success;
    if (!judged || !is_sound(known->second.state) || (tracks[node].connected && !restores) ||
        input.readings[node].facts().timeline != writes.timeline)
      continue;
    known->second = {.state = Lineage::unknown,
                     .why = input.name(ahead) +
                            " holds WAL that the writer has not, and may have " +
                            "sent it to this one, which " +
                            (restores ? "restores from an archive" : "the writer does not feed"),
                     .since = writes.insert_lsn};
  }
}

// A server holds one history, under all its names. One that has been readmitted under one of them
// is not accused under it again.
void share_between_names(std::map<std::string, NodeLineage>& nodes,
                         const std::map<std::string, NodeLineage>& before,
                         const LineageInput& input) {
  const auto was_sound = [&](const std::string& name) {
    const auto was = before.find(name);
    return was == before.end() || is_sound(was->second.state);
  };
  for (const NodeSpec& from : input.spec.nodes) {
    const auto held = nodes.find(from.name);
    if (held == nodes.end() || held->second.state != Lineage::diverged) continue;
    for (const NodeSpec& to : input.spec.nodes) {
      const auto known = nodes.find(to.name);
      if (known == nodes.end() || !is_sound(known->second.state) ||
          !input.servers.surely_one(from, to))
        continue;
      if (was_sound(from.name) || !before.contains(to.name)) known->second = held->second;
    }
  }
}

}  // namespace

std::optional<RunId> known_run(const LineageMemory& memory, const LineageRecord& record) {
  return memory.run.known ? std::optional(record.run->id()) : std::nullopt;
}

bool has_lost_wal(const LineageMemory& memory) {
  return memory.run.begun && memory.run.begun->lost_wal;
}

LineageVerdict follow_lineage(LineageMemory memory, LineageRecord record, const ShardSpec& spec,
                              const Readings& readings, const Servers& servers,
                              const std::optional<ConfirmedWriter>& writer,
                              const ProbeSpec& probe) {
  RPOGUARD_CHECK(readings.size() == spec.nodes.size());
  const LineageInput input{.spec = spec,
                           .readings = readings,
                           .servers = servers,
                           .rows = row_names(spec, servers),
                           .writer = writer,
                           .probe = probe};
  const auto last = record.nodes;
  memory.tracks.resize(readings.size());
  RunVerdict run = follow_run(std::move(memory.run), std::move(record.run), writer);
  if (!writer && run.run)
    run = watch_unconfirmed(std::move(run.memory), *std::move(run.run), readings);
  memory.run = std::move(run.memory);
  record.run = std::move(run.run);
  if (has_lost_wal(memory))
    memory.losses = with_loss(std::move(memory.losses), memory.run, *record.run);
  memory.stamp = follow_stamp_mark(memory.stamp, writer);
  memory.tracks = look_at_nodes(std::move(memory.tracks), input, record);
  if (memory.run.begun)
    record.nodes =
        judge_at_begin(std::move(record.nodes), input, memory.tracks, memory.run, *record.run);
  for (std::size_t node = 0; node < readings.size(); ++node) {
    Track& track = memory.tracks[node];
    track.fed_by = all_feeders(input, node, track, record);
    keep_track(record, input.name(node), track);
  }

  LineageVerdict verdict{
      .memory = std::move(memory), .record = std::move(record), .nodes = {}, .readmitted = {}};
  const auto before = verdict.record.nodes;
  for (std::size_t node = 0; node < readings.size(); ++node)
    verdict.readmitted.push_back(judge_node(verdict, input, node));
  for (const std::size_t other :
       found_diverged(before, verdict.record.nodes, input, verdict.memory.tracks))
    doubt_fed_by_others(verdict, input, other);
  share_between_names(verdict.record.nodes, last, input);
  for (std::size_t node = 0; node < readings.size(); ++node) {
    verdict.nodes.push_back(as_it_counts(verdict, input, node));
    if (!is_sound(verdict.nodes.back().state)) verdict.readmitted[node].clear();
  }
  if (verdict.memory.run.known) {
    for (Track& track : verdict.memory.tracks) track = settle(std::move(track), writer->asked());
  }
  return verdict;
}

}  // namespace rpoguard::core
