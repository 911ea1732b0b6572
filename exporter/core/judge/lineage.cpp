#include "exporter/core/judge/lineage.hpp"

#include <algorithm>
#include <utility>

#include "exporter/base/check.hpp"
#include "exporter/core/judge/recovery_point.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::core {
namespace {

// Of a node that has not been judged yet: rpoguard has just been installed, or the node was added,
// or it was the writer itself.
const NodeLineage kAtFirstSight{.state = Lineage::assumed, .why = {}};

NodeLineage diverged(std::string why) {
  return {.state = Lineage::diverged,
          .why = std::move(why) + ": run pg_rewind or rebuild it, then `rpoguard readmit` it"};
}

// The end of the WAL that the node holds. What is replayed was on its disk before.
std::optional<Lsn> position_of(const NodeFacts& facts) {
  return facts.in_recovery ? std::max(facts.receive_lsn, facts.replay_lsn) : facts.flushed_lsn;
}

// What another cluster's server shows has nothing to do with the writer's WAL.
void take_look(Track& track, const Reading& reading, const std::optional<WriterRun>& run) {
  const NodeFacts& facts = reading.facts();
  const auto position = position_of(facts);
  if (run && facts.system_identifier != run->system_identifier) return;
  if (!position || reading.last_success->asked < track.not_before) return;
  if (track.timeline != facts.timeline)
    track = {.timeline = facts.timeline,
             .highest = {},
             .since = {},
             .lives = {},
             .not_before = track.not_before};
  const auto life = facts.in_recovery ? std::nullopt : facts.backends_started;
  if (life && (track.lives.empty() || track.lives.back() != *life)) track.lives.push_back(*life);
  if (track.lives.size() > limits::kTrackLooksMax) track.lives.erase(track.lives.begin());
  track.since.push_back({reading.last_success->asked, reading.last_success->answered, *position});
  if (track.since.size() > limits::kTrackLooksMax) track.since.erase(track.since.begin());
}

// What was seen before the writer's last look at its run was seen before any later run began.
void settle(Track& track, Instant last_look) {
  const auto before = [&](const Track::Look& look) { return look.answered <= last_look; };
  for (const Track::Look& look : track.since) {
    if (before(look)) track.highest = std::max(track.highest, std::optional(look.position));
  }
  // The latest of them stays: it tells how long ago the node was seen.
  const auto later = std::ranges::find_if_not(track.since, before);
  if (later != track.since.begin()) track.since.erase(track.since.begin(), std::prev(later));
  if (!track.lives.empty()) track.lives.erase(track.lives.begin(), std::prev(track.lives.end()));
}

// What a node had when a run began on the timeline that it is on.
struct AtBegin {
  const WriterRun& run;
  const RunMemory::Begin& begin;
  Duration one_look;
  bool run_between;  ///< the writer was seen in another run between the last one and this

  bool beyond(const Track& track) const;
  std::optional<Lineage> proof(const Track& track) const;
  bool was_the_next_run() const;
  bool writer_was_watched() const;
};

// It has WAL that this run cannot have sent.
bool AtBegin::beyond(const Track& track) const {
  if (track.timeline != run.timeline || !run.shared) return false;
  return track.highest > *run.shared ||
         std::ranges::any_of(track.since, [&](const Track::Look& look) {
           return look.answered <= begin.earliest && look.position > *run.shared;
         });
}

// The last look at the run before was at most one look before this one began.
bool AtBegin::was_the_next_run() const {
  return begin.last_look && begin.earliest - *begin.last_look <= one_look;
}

// And that run has lost nothing.
bool AtBegin::writer_was_watched() const {
  return was_the_next_run() && !begin.lost_wal;
}

// Example. Looks are 1 s apart and end after 1 s, so two lie at most 2 s apart. The writer was last
// seen at t=10.0 with 0/500 flushed; its new run began at t=13.2, its WAL goes on from 0/600.
//   A copy that showed 0/600 at t=12.8 may have been sent 0.4 s more of the old run: assumed, as
//   that WAL would have to be lost on the writer's own disk.
//   A copy that showed 0/600 at t=13.3 has nothing else of the old run, which is over: it follows.
//   Had the writer last been seen at t=5, there could have been a run between, with a loss of its
//   own that nobody saw: only assumed.
//   A copy that was last seen at t=8 may have been sent 5 s more: not known. But if the run had
//   begun at t=11.5, the writer's own last look would vouch for it.
std::optional<Lineage> AtBegin::proof(const Track& track) const {
  if (!run.shared || run_between) return std::nullopt;
  std::optional<Lineage> proof;
  if (writer_was_watched()) proof = Lineage::assumed;
  if (track.timeline != run.timeline) return proof;
  for (const Track::Look& look : track.since) {
    if (look.position > *run.shared) continue;
    const bool after_begin = look.asked >= begin.latest;
    if (after_begin && was_the_next_run()) return Lineage::follows;
    if (after_begin) proof = Lineage::assumed;
    if (!begin.lost_wal && look.asked + one_look >= begin.earliest) proof = Lineage::assumed;
  }
  return proof;
}

NodeLineage judge(const NodeLineage& before, const Track& track, const AtBegin& at) {
  if (before.state == Lineage::diverged) return before;
  if (at.beyond(track))
    return diverged("it had WAL beyond " + render_lsn(*at.run.shared) +
                    ", where the writer's WAL went on when it was last started");
  if (before.state == Lineage::unknown) return before;
  if (const auto proof = at.proof(track)) return {.state = *proof, .why = {}};
  return {.state = Lineage::unknown,
          .why =
              "nobody saw what it had when the writer's run began: if it is a copy of this "
              "writer, `rpoguard readmit` it"};
}

// Another server writes on the timeline of the last one: it was not promoted, and neither is known
// to have stopped where the other went on.
NodeLineage opened_without_promotion(const NodeLineage& before, const Track& track,
                                     const AtBegin& at) {
  if (before.state == Lineage::diverged) return before;
  if (at.beyond(track))
    return diverged("it had WAL beyond " + render_lsn(*at.run.shared) + ", where " + at.run.node +
                    " began to write");
  return {.state = Lineage::unknown,
          .why = at.run.node +
                 " writes on the timeline of the writer before it, without a promotion: "
                 "nobody can tell whose WAL this is. Rebuild it, then `rpoguard "
                 "readmit` it"};
}

struct Follower {
  const ShardSpec& spec;
  const Readings& readings;
  const std::vector<std::string>& rows;
  const std::optional<ConfirmedWriter>& writer;
  const ProbeSpec& probe;
  LineageMemory memory;
  LineageRecord record;

  const std::string& name(std::size_t node) const { return spec.nodes[node].name; }
  void begin_run();
  bool was_another_between() const;
  void judge_at_begin(std::size_t node);
  bool is_rival(std::size_t node) const;
  bool has_rival() const;
  void meet(std::size_t node);
  void contradict(std::size_t node);
  NodeLineage now(std::size_t node) const;
};

void Follower::begin_run() {
  if (!memory.run.begun) return;
  for (std::size_t node = 0; node < readings.size(); ++node) {
    if (node != writer->node) judge_at_begin(node);
  }
  // The writer's WAL is its own by definition.
  record.nodes.erase(writer->spec.name);
}

// It was not confirmed then: what the copies had when that run began was not judged.
bool Follower::was_another_between() const {
  return std::ranges::any_of(memory.tracks[writer->node].lives, [&](WallTime life) {
    return life != memory.run.begun->before->backends_started &&
           life != record.run->backends_started;
  });
}

void Follower::judge_at_begin(std::size_t node) {
  const RunMemory::Begin& begin = *memory.run.begun;
  const WriterRun& run = *record.run;
  if (!begin.before) return;
  const AtBegin at{.run = run,
                   .begin = begin,
                   .one_look = probe.interval + probe.timeout,
                   .run_between = was_another_between()};
  const Track& track = memory.tracks[node];
  const auto known = record.nodes.find(name(node));
  const bool promoted = begin.before->timeline != run.timeline;
  // Of a promotion the histories of the timelines tell, unless the writer was started again since.
  if (promoted && (!begin.last_look || writer->reading.in_recovery_at >= begin.latest)) return;
  if (!promoted && begin.before->node != run.node) {
    const NodeLineage before = known == record.nodes.end() ? NodeLineage{} : known->second;
    record.nodes[name(node)] = opened_without_promotion(before, track, at);
  } else if (known != record.nodes.end()) {
    known->second = judge(known->second, track, at);
  } else if (at.beyond(track)) {
    record.nodes[name(node)] = judge(kAtFirstSight, track, at);
  }
}

// Another node that accepts writes, or did when last seen, on a timeline of the same number: what
// it writes has the positions of the writer's own WAL.
bool Follower::is_rival(std::size_t node) const {
  if (node == writer->node || !readings[node].last_success) return false;
  const NodeFacts& facts = readings[node].facts();
  return !facts.in_recovery && facts.timeline == writer->facts().timeline &&
         facts.system_identifier == writer->facts().system_identifier;
}

bool Follower::has_rival() const {
  for (std::size_t node = 0; node < readings.size(); ++node) {
    if (is_rival(node)) return true;
  }
  return false;
}

void Follower::meet(std::size_t node) {
  const std::string& timeline = std::to_string(writer->facts().timeline.value);
  if (is_rival(node)) {
    record.nodes[name(node)] =
        diverged("it accepted writes on timeline " + timeline + " beside the writer");
    return;
  }
  NodeLineage& lineage = record.nodes.try_emplace(name(node), kAtFirstSight).first->second;
  const bool fed_by_writer = row_of(writer->facts(), rows[node]) != nullptr;
  if (!is_sound(lineage.state) || fed_by_writer || !has_rival() ||
      readings[node].facts().timeline != writer->facts().timeline)
    return;
  lineage = {.state = Lineage::unknown,
             .why = "another server accepts writes on timeline " + timeline +
                    ", too, and this is not connected to the writer: nobody can tell whose WAL it "
                    "has. Rebuild it, then `rpoguard readmit` it"};
}

// It had more than the writer had written when asked later: that is not this writer's WAL. The
// latest look at a copy that is nearer than the writer is always younger than the writer's.
void Follower::contradict(std::size_t node) {
  const Track& track = memory.tracks[node];
  const NodeFacts& writes = writer->facts();
  NodeLineage& lineage = record.nodes[name(node)];
  if (lineage.state == Lineage::diverged || track.timeline != writes.timeline || !writes.insert_lsn)
    return;
  const auto more = std::ranges::find_if(track.since, [&](const Track::Look& look) {
    return writer->asked() >= look.answered && look.position > *writes.insert_lsn;
  });
  if (more == track.since.end()) return;
  lineage = diverged("it had WAL up to " + render_lsn(more->position) +
                     ", and the writer had written only up to " + render_lsn(*writes.insert_lsn) +
                     " when asked later");
}

NodeLineage Follower::now(std::size_t node) const {
  const auto known = record.nodes.find(name(node));
  if (known == record.nodes.end()) return kAtFirstSight;
  if (!writer || !is_sound(known->second.state) || !readings[node].last_success)
    return known->second;
  if (readings[node].last_success->asked < memory.tracks[node].not_before)
    return {.state = Lineage::unknown, .why = "it was readmitted, and has not been seen since"};
  if (!memory.run.known)
    return {.state = Lineage::unknown, .why = "the writer does not tell which run of it this is"};
  return known->second;
}

}  // namespace

NodeLineage readmitted() {
  return kAtFirstSight;
}

bool has_lost_wal(const LineageMemory& memory) {
  return memory.run.begun && memory.run.begun->lost_wal;
}

LineageVerdict follow_lineage(LineageMemory memory, LineageRecord record, const ShardSpec& spec,
                              const Readings& readings, const std::vector<std::string>& rows,
                              const std::optional<ConfirmedWriter>& writer,
                              const ProbeSpec& probe) {
  RPOGUARD_CHECK(readings.size() == spec.nodes.size());
  memory.tracks.resize(readings.size());
  RunVerdict run = follow_run(std::move(memory.run), std::move(record.run), writer);
  memory.run = std::move(run.memory);
  record.run = std::move(run.run);
  Follower follower{.spec = spec,
                    .readings = readings,
                    .rows = rows,
                    .writer = writer,
                    .probe = probe,
                    .memory = std::move(memory),
                    .record = std::move(record)};
  for (std::size_t node = 0; node < readings.size(); ++node) {
    if (readings[node].answered)
      take_look(follower.memory.tracks[node], readings[node], follower.record.run);
  }
  follower.begin_run();
  LineageVerdict verdict;
  for (std::size_t node = 0; node < readings.size(); ++node) {
    if (writer && node != writer->node && readings[node].last_success) {
      follower.meet(node);
      follower.contradict(node);
    }
    verdict.nodes.push_back(follower.now(node));
  }
  if (follower.memory.run.known) {
    for (Track& track : follower.memory.tracks) settle(track, writer->asked());
  }
  verdict.memory = std::move(follower.memory);
  verdict.record = std::move(follower.record);
  return verdict;
}

}  // namespace rpoguard::core
