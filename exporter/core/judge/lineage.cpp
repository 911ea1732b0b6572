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

NodeLineage diverged(std::string why, std::optional<Lsn> replayed,
                     std::optional<Lsn> since = std::nullopt) {
  return {.state = Lineage::diverged, .why = std::move(why), .since = since, .replayed = replayed};
}

// The end of the WAL that the node holds. What is replayed was on its disk before.
std::optional<Lsn> position_of(const NodeFacts& facts) {
  return facts.in_recovery ? std::max(facts.receive_lsn, facts.replay_lsn) : facts.flushed_lsn;
}

// What it cannot replay, unless it is rebuilt: replay never goes back.
std::optional<Lsn> replayed_by(const NodeFacts& facts) {
  return facts.in_recovery ? facts.replay_lsn : facts.flushed_lsn;
}

// After a start, a standby replays what it has received before, and shows nothing of that until it
// receives again. Only if its replay stands still has it come to the end.
//
// Example. A copy had received 0/900 and replayed 0/400 when it was restarted. It shows 0/400, then
// 0/500: it has not received anything in this life, and goes on from what is in its pg_wal.
bool may_have_more(const Track& track, const NodeFacts& facts, Lsn position) {
  if (!facts.in_recovery || facts.receive_lsn || !track.receives) return false;
  const bool stands_still = !track.since.empty() && track.since.back().position == position &&
                            track.since.back().session == facts.session;
  return !stands_still || facts.apply_delay || facts.replay_paused != false;
}

// What another cluster's server shows has nothing to do with the writer's WAL.
void take_look(Track& track, const Reading& reading, const std::optional<WriterRun>& run) {
  const NodeFacts& facts = reading.facts();
  const auto position = position_of(facts);
  if (run && facts.system_identifier != run->system_identifier) return;
  if (!position || reading.last_success->asked < track.not_before) return;
  if (track.timeline != facts.timeline) {
    Track fresh;
    fresh.timeline = facts.timeline;
    fresh.receives = track.receives;
    fresh.not_before = track.not_before;
    track = std::move(fresh);
  }
  if (facts.receive_lsn) track.receives = true;
  track.replayed_before = std::exchange(track.last_replayed, {facts.session, facts.replay_lsn});
  const auto life = facts.in_recovery ? std::nullopt : facts.backends_started;
  if (life && (track.lives.empty() || track.lives.back() != *life)) track.lives.push_back(*life);
  if (track.lives.size() > limits::kTrackLooksMax) track.lives.erase(track.lives.begin());
  track.since.push_back({.asked = reading.last_success->asked,
                         .answered = reading.last_success->answered,
                         .position = *position,
                         .session = facts.session,
                         .replayed = replayed_by(facts),
                         .may_have_more = may_have_more(track, facts, *position)});
  if (track.since.size() > limits::kTrackLooksMax) track.since.erase(track.since.begin());
}

// What was seen before the writer's last look at its run was seen before any later run began.
void settle(Track& track, Instant last_look) {
  const auto before = [&](const Track::Look& look) { return look.answered <= last_look; };
  for (const Track::Look& look : track.since) {
    if (!before(look)) continue;
    track.highest = std::max(track.highest, std::optional(look.position));
    track.replayed = std::max(track.replayed, look.replayed);
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
  /// WAL that the writer has lost is still about: another copy may pass it on, or an archive.
  bool lost_wal_is_about = false;

  bool beyond(const Track& track) const;
  std::optional<Lsn> replayed(const Track& track) const;
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

// As far as it had got before the run began.
std::optional<Lsn> AtBegin::replayed(const Track& track) const {
  std::optional<Lsn> highest = track.replayed;
  for (const Track::Look& look : track.since) {
    if (look.answered <= begin.earliest) highest = std::max(highest, look.replayed);
  }
  return highest;
}

// The last look at the run before was at most one look before this one began.
bool AtBegin::was_the_next_run() const {
  return begin.last_look && begin.latest - *begin.last_look <= one_look;
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
  if (lost_wal_is_about && !track.connected) return std::nullopt;
  std::optional<Lineage> proof;
  if (writer_was_watched()) proof = Lineage::assumed;
  if (track.timeline != run.timeline) return proof;
  for (const Track::Look& look : track.since) {
    if (look.position > *run.shared || look.may_have_more) continue;
    const bool after_begin = look.asked >= begin.latest;
    if (after_begin && was_the_next_run()) return Lineage::follows;
    if (after_begin) proof = Lineage::assumed;
    if (!begin.lost_wal && look.asked + one_look >= begin.latest) proof = Lineage::assumed;
  }
  return proof;
}

NodeLineage judge(const NodeLineage& before, const Track& track, const AtBegin& at) {
  if (before.state == Lineage::diverged) return before;
  if (at.beyond(track))
    return diverged("it had WAL beyond " + render_lsn(*at.run.shared) +
                        ", where the writer's WAL went on when it was last started",
                    at.replayed(track));
  if (before.state == Lineage::unknown) return before;
  if (const auto proof = at.proof(track)) return {.state = *proof, .why = {}};
  return {.state = Lineage::unknown,
          .why = "nobody saw what WAL it had when the writer was last started"};
}

// The copies of a writer that lost WAL do not have what another copy, which was ahead of it, has.
NodeLineage taken_over(const NodeLineage& before, const WriterRun& run) {
  if (!is_sound(before.state)) return before;
  return {
      .state = Lineage::unknown,
      .why = run.node +
             " took over, and was not known to hold the WAL of the writer before it, so nobody can "
             "tell whose WAL this is"};
}

// Another server writes on the timeline of the last one: it was not promoted, and neither is known
// to have stopped where the other went on.
NodeLineage opened_without_promotion(const NodeLineage& before, const Track& track,
                                     const AtBegin& at) {
  if (before.state == Lineage::diverged) return before;
  if (at.beyond(track))
    return diverged("it had WAL beyond " + render_lsn(*at.run.shared) + ", where " + at.run.node +
                        " began to write",
                    at.replayed(track));
  return {.state = Lineage::unknown,
          .why = at.run.node +
                 " writes on the timeline of the writer before it, without a promotion, so nobody "
                 "can tell whose WAL this is"};
}

// Whatever the run has written, it wrote after its begin. An older doubt may be answered by it,
// too.
NodeLineage doubted_since(NodeLineage lineage, const WriterRun& run) {
  if (!is_sound(lineage.state) && run.shared) lineage.since = run.shared;
  return lineage;
}

// What the run wrote before its mark may be missing on a copy that holds it, so that must be
// little.
bool is_early(const RunMark& mark, const WriterRun& run) {
  return run.opened && run.shared &&
         bytes_between(*run.shared, mark.lsn) <= limits::kMarkBytesMax &&
         mark.written >= run.backends_started &&
         mark.written - *run.opened <= limits::kMarkDelayMax;
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
  AtBegin at_begin() const;
  bool is_of_promotion(const RunMemory::Begin& begin) const;
  void judge_at_begin(std::size_t node, const AtBegin& at, bool of_other_wal);
  bool is_rival(std::size_t node) const;
  bool has_rival() const;
  void note_feeders();
  void accuse(std::size_t node, const NodeLineage& found);
  void part(std::size_t node);
  bool was_fed_by_another(std::size_t node) const;
  void meet(std::size_t node);
  void contradict(std::size_t node);
  NodeLineage held_against(std::size_t node, NodeLineage lineage) const;
  void miss_stamp(std::size_t node);
  bool waits_for_stamp(std::size_t node) const;
  const RunMark* mark_of_run(std::size_t node) const;
  std::string heed_mark(std::size_t node);
  NodeLineage now(std::size_t node) const;
};

void Follower::begin_run() {
  if (!memory.run.begun) return;
  const auto own = record.nodes.find(writer->spec.name);
  const bool of_other_wal = own != record.nodes.end() && !is_sound(own->second.state);
  if (memory.run.begun->before) {
    const AtBegin at = at_begin();
    for (std::size_t node = 0; node < readings.size(); ++node) {
      if (node != writer->node) judge_at_begin(node, at, of_other_wal);
    }
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

AtBegin Follower::at_begin() const {
  AtBegin at{.run = *record.run,
             .begin = *memory.run.begun,
             .one_look = probe.interval + probe.timeout,
             .run_between = was_another_between(),
             .lost_wal_is_about = memory.run.begun->lost_wal};
  for (std::size_t node = 0; node < readings.size(); ++node) {
    if (node != writer->node && at.beyond(memory.tracks[node])) at.lost_wal_is_about = true;
  }
  return at;
}

// The writer was promoted in this very run: it was seen in recovery in it, or stamped after it.
bool Follower::is_of_promotion(const RunMemory::Begin& begin) const {
  if (begin.last_look) return writer->reading.in_recovery_at >= begin.latest;
  const auto& stamped = writer->facts().stamped;
  return stamped && stamped->promoted_at >= record.run->backends_started;
}

void Follower::judge_at_begin(std::size_t node, const AtBegin& at, bool of_other_wal) {
  const Track& track = memory.tracks[node];
  const auto known = record.nodes.find(name(node));
  const bool promoted = at.begin.before->timeline != at.run.timeline;
  if (promoted && of_other_wal && known != record.nodes.end())
    known->second = taken_over(known->second, at.run);
  // Of a promotion the histories of the timelines tell, unless the writer was started again since.
  if (promoted && is_of_promotion(at.begin)) return;
  if (!promoted && at.begin.before->node != at.run.node) {
    const NodeLineage before = known == record.nodes.end() ? NodeLineage{} : known->second;
    record.nodes[name(node)] = doubted_since(opened_without_promotion(before, track, at), at.run);
  } else if (known != record.nodes.end()) {
    known->second = doubted_since(judge(known->second, track, at), at.run);
  } else if (at.beyond(track)) {
    record.nodes[name(node)] = doubted_since(judge(kAtFirstSight, track, at), at.run);
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

// Who sends WAL to whom, also while nobody is confirmed: of two that write on one timeline, one may
// have fed a copy that is connected to the other by the time it is confirmed.
void Follower::note_feeders() {
  for (std::size_t feeder = 0; feeder < readings.size(); ++feeder) {
    if (!readings[feeder].answered || readings[feeder].facts().in_recovery) continue;
    const NodeFacts& feeds = readings[feeder].facts();
    for (std::size_t node = 0; node < readings.size(); ++node) {
      Track& track = memory.tracks[node];
      if (track.timeline == feeds.timeline && row_of(feeds, rows[node]) != nullptr)
        track.fed_by.insert(name(feeder));
    }
  }
}

// What is found again at each look was found at the first.
void Follower::accuse(std::size_t node, const NodeLineage& found) {
  NodeLineage& known = record.nodes[name(node)];
  if (known.state != found.state || known.why != found.why) known = found;
}

// It accepts writes where the last writer wrote, and nobody is confirmed. That one's own server
// under another name does not part from it.
void Follower::part(std::size_t node) {
  if (writer || !record.run || !readings[node].answered) return;
  const NodeFacts& facts = readings[node].facts();
  const WriterRun& run = *record.run;
  if (facts.in_recovery || name(node) == run.node || facts.timeline != run.timeline ||
      facts.system_identifier != run.system_identifier ||
      (facts.started == run.started && facts.backends_started == run.backends_started))
    return;
  accuse(node, diverged("it accepted writes on timeline " + std::to_string(run.timeline.value) +
                            " beside " + run.node,
                        replayed_by(facts)));
}

bool Follower::was_fed_by_another(std::size_t node) const {
  for (std::size_t other = 0; other < readings.size(); ++other) {
    if (other != writer->node && memory.tracks[node].fed_by.contains(name(other))) return true;
  }
  return false;
}

void Follower::meet(std::size_t node) {
  const std::string& timeline = std::to_string(writer->facts().timeline.value);
  if (is_rival(node)) {
    return accuse(node,
                  diverged("it accepted writes on timeline " + timeline + " beside the writer",
                           replayed_by(readings[node].facts()), writer->facts().insert_lsn));
  }
  NodeLineage& lineage = record.nodes.try_emplace(name(node), kAtFirstSight).first->second;
  const bool connected = row_of(writer->facts(), rows[node]) != nullptr;
  memory.tracks[node].connected = connected;
  if (!is_sound(lineage.state) || readings[node].facts().timeline != writer->facts().timeline)
    return;
  if (was_fed_by_another(node) || (has_rival() && !connected))
    lineage = {.state = Lineage::unknown,
               .why = "another server accepts writes on timeline " + timeline +
                      ", too, and may have sent WAL to this one, so nobody can tell whose WAL it "
                      "has",
               .since = writer->facts().insert_lsn};
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
                         ", and the writer had written only up to " +
                         render_lsn(*writes.insert_lsn) + " when asked later",
                     more->replayed, writes.insert_lsn);
}

// The mark that the writer has made in this run, if the node has replayed it. Null: it has not, or
// there is none. Equal in every field: a virtual machine that goes on from a snapshot of its memory
// may make a second one in the same run.
const RunMark* Follower::mark_of_run(std::size_t node) const {
  const NodeFacts& facts = readings[node].facts();
  const auto& mark = facts.mark;
  if (!memory.run.known || !mark || mark != writer->facts().mark || mark->run != record.run->id())
    return nullptr;
  const bool replayed =
      facts.in_recovery && facts.timeline == mark->run.timeline && facts.replay_lsn >= mark->lsn;
  return replayed ? &*mark : nullptr;
}

// Example. The run began at 0/600, its mark was written before 0/700.
//   Nobody had seen what a copy had. It shows the mark: from 0/700 on it holds the run's WAL. Only
//   if the run before had sent it WAL from between, it holds that: assumed.
//   A copy had replayed up to 0/900 before the run began, so it had other WAL where the mark stands
//   and went on behind it. It shows the mark: it was rebuilt since.
//   A copy had replayed up to 0/650: it may have come to the mark by going on from there.
// While WAL of others may come to it, from a copy that it cascades from or an archive, it may get
// that behind the mark: only a copy that the writer feeds itself is heeded. Why it counts again;
// empty: it does not.
std::string Follower::heed_mark(std::size_t node) {
  const auto known = record.nodes.find(name(node));
  if (known == record.nodes.end() || is_sound(known->second.state)) return "";
  if (was_fed_by_another(node) || row_of(writer->facts(), rows[node]) == nullptr) return "";
  NodeLineage& lineage = known->second;
  const RunMark* mark = mark_of_run(node);
  if (mark == nullptr || !lineage.since || mark->lsn < *lineage.since ||
      !is_early(*mark, *record.run))
    return "";
  const bool diverged = lineage.state == Lineage::diverged;
  if (diverged && !(mark->lsn < lineage.replayed)) return "";
  lineage = kAtFirstSight;
  // What was seen before it showed the mark was seen of WAL that it may not have any more.
  Track seen;
  seen.receives = memory.tracks[node].receives;
  seen.not_before = readings[node].last_success->asked;
  take_look(seen, readings[node], record.run);
  memory.tracks[node] = std::move(seen);
  const std::string which =
      "it holds the mark of this run of the writer, of " + render_lsn(mark->lsn);
  return diverged ? which + ", where it had other WAL: it was rebuilt"
                  : which + ", so it has the WAL of this run";
}

// It stays until the node is rebuilt, or an operator knows better.
NodeLineage Follower::held_against(std::size_t node, NodeLineage lineage) const {
  const std::string rebuild = lineage.state == Lineage::diverged
                                  ? kDivergedRemedy
                                  : "compare it with the writer, or rebuild it";
  lineage.remedy =
      rebuild + ", then `rpoguard readmit " + spec.id + "/" + name(node) + " --reason TEXT`";
  return lineage;
}

// A stamp is in the writer's WAL before the position that the writer showed with it. The statement
// that reads the copy's row may be a moment older than the position in the same answer, so that of
// the look before counts.
//
// Example. phx-a and phx-b were promoted to timeline 2, both at 0/500; phx-a was stamped, and
// showed epoch 2 at 0/700. iad-b has replayed up to 0/800 and shows epoch 1: it holds phx-b's WAL.
void Follower::miss_stamp(std::size_t node) {
  const Reading& reading = readings[node];
  const auto& [session, replayed] = memory.tracks[node].replayed_before;
  if (!reading.answered || !memory.stamp || !shows_another(*memory.stamp, reading.facts()) ||
      session != reading.facts().session || replayed < memory.stamp->before)
    return;
  NodeLineage& lineage = record.nodes[name(node)];
  if (lineage.state == Lineage::diverged) return;
  lineage =
      diverged("it has replayed WAL up to " + render_lsn(*replayed) +
                   " without the stamp of epoch " + std::to_string(memory.stamp->epoch.value) +
                   ", which the writer had before " + render_lsn(memory.stamp->before),
               replayed, writer->facts().insert_lsn);
}

// Whoever is not connected to the writer may be fed by a server that nobody knows of.
bool Follower::waits_for_stamp(std::size_t node) const {
  return memory.stamp && shows_another(*memory.stamp, readings[node].facts()) &&
         row_of(writer->facts(), rows[node]) == nullptr;
}

NodeLineage Follower::now(std::size_t node) const {
  const auto known = record.nodes.find(name(node));
  if (known == record.nodes.end()) return kAtFirstSight;
  if (!is_sound(known->second.state)) return held_against(node, known->second);
  if (!writer || !readings[node].last_success) return known->second;
  if (readings[node].last_success->asked < memory.tracks[node].not_before)
    return {.state = Lineage::unknown, .why = "it was readmitted, and has not been seen since"};
  if (!memory.run.known)
    return {.state = Lineage::unknown, .why = "the writer does not say when it was started"};
  if (waits_for_stamp(node))
    return {.state = Lineage::unknown,
            .why = "it is not connected to the writer, and has not replayed the stamp of epoch " +
                   std::to_string(memory.stamp->epoch.value)};
  return known->second;
}

WalLosses with_loss(WalLosses losses, const RunMemory& run, const WriterRun& writer) {
  ++losses.count;
  losses.last = WalLoss{.node = writer.node,
                        .flushed = run.begun->flushed_before,
                        .goes_on_from = std::min(*writer.shared, run.flushed),
                        .seen = run.asked};
  return losses;
}

}  // namespace

NodeLineage readmitted() {
  return kAtFirstSight;
}

std::string render_lineage(const NodeLineage& lineage) {
  return lineage.why + (lineage.remedy.empty() ? "" : ": " + lineage.remedy);
}

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
  memory.tracks.resize(readings.size());
  RunVerdict run = follow_run(std::move(memory.run), std::move(record.run), writer);
  memory.run = std::move(run.memory);
  record.run = std::move(run.run);
  if (!writer && record.run) watch_unconfirmed(memory.run, *record.run, readings);
  if (has_lost_wal(memory))
    memory.losses = with_loss(std::move(memory.losses), memory.run, *record.run);
  memory.stamp = follow_stamp_mark(memory.stamp, writer);
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
  follower.note_feeders();
  LineageVerdict verdict;
  for (std::size_t node = 0; node < readings.size(); ++node) {
    follower.part(node);
    std::string readmitted;
    if (writer && node != writer->node && readings[node].last_success) {
      readmitted = follower.heed_mark(node);
      follower.meet(node);
      follower.contradict(node);
      follower.miss_stamp(node);
    }
    verdict.nodes.push_back(follower.now(node));
    const bool counts = is_sound(verdict.nodes.back().state);
    verdict.readmitted.push_back(counts ? std::move(readmitted) : "");
  }
  if (follower.memory.run.known) {
    for (Track& track : follower.memory.tracks) settle(track, writer->asked());
  }
  verdict.memory = std::move(follower.memory);
  verdict.record = std::move(follower.record);
  return verdict;
}

}  // namespace rpoguard::core
