#include "exporter/core/judge/run_begin.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace rpoguard::core {
namespace {

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
  // Whoever has a restore_command takes what is lost from the archive when its connection ends.
  if (lost_wal_is_about && (!track.connected || track.restores)) return std::nullopt;
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

// It was not confirmed then: what the copies had when that run began was not judged.
bool was_another_between(const Track& writer, const RunMemory::Begin& begin, const WriterRun& run) {
  return std::ranges::any_of(writer.lives, [&](WallTime life) {
    return life != begin.before->backends_started && life != run.backends_started;
  });
}

// The run is known to have begun when its timeline had been written on before: with a checkpoint
// that is not the first record of the timeline (where recovery ended at a target, it is). The first
// record otherwise takes 48 bytes or more; a page header before it up to 40.
bool goes_on_with_its_timeline(const AtBegin& at, const ConfirmedWriter& writer) {
  constexpr std::int64_t kFirstRecordWithin = 40;
  const auto& history = writer.facts().history;
  return at.run.shared && history && !history->steps.empty() &&
         bytes_between(history->steps.back().end, *at.run.shared) > kFirstRecordWithin;
}

// The writer was promoted in this very run. It began to write in it, or it was seen in recovery in
// it, or within a look before, which leaves no more unseen than any two looks do. Or rpoguard was
// not there, and the stamp is younger than the run: what it wrote on this timeline in a run before
// would have been lost before anybody had stamped it.
//
// Example. iad-b was seen in recovery at t=10, was started again at t=13, is promoted, and accepts
// writes at t=15. If its control file still names a checkpoint from before the promotion, it has
// been promoted since t=13: no WAL of its timeline is older. If not, it may have been promoted at
// t=11 and have lost what it wrote until t=13.
bool is_of_promotion(const AtBegin& at, const ConfirmedWriter& writer, const Track& track) {
  const WallTime life = at.run.backends_started;
  if (track.life_in_recovery == life) return true;
  if (at.run_between) return false;
  if (at.begin.last_look) {
    const auto& in_recovery = writer.reading.in_recovery_at;
    return in_recovery && *in_recovery + at.one_look >= at.begin.latest;
  }
  const auto& stamped = writer.facts().stamped;
  return stamped && stamped->promoted_at >= life && !goes_on_with_its_timeline(at, writer);
}

// It has more than the run began with. If that begin was not seen, it may have that from before.
bool shows_more(const Track& track, const WriterRun& run) {
  return run.shared && track.timeline == run.timeline &&
         std::ranges::any_of(track.since,
                             [&](const Track::Look& look) { return look.position > *run.shared; });
}

AtBegin at_begin(const LineageInput& input, const std::vector<Track>& tracks,
                 const RunMemory::Begin& begin, const WriterRun& run) {
  const std::size_t writer = input.writer->node;
  AtBegin at{.run = run,
             .begin = begin,
             .one_look = input.probe.interval + input.probe.timeout,
             .run_between = was_another_between(tracks[writer], begin, run),
             .lost_wal_is_about = begin.lost_wal};
  for (std::size_t node = 0; node < tracks.size(); ++node) {
    if (node == writer) continue;
    const bool unseen = !begin.last_look && shows_more(tracks[node], run);
    if (unseen || at.beyond(tracks[node])) at.lost_wal_is_about = true;
  }
  return at;
}

// Absent: not judged yet, before or after. `of_other_wal`: the writer was not known to hold the WAL
// of the writer before. `of_promotion`: it was promoted in this very run.
std::optional<NodeLineage> judge_node(std::optional<NodeLineage> known, const Track& track,
                                      const AtBegin& at, bool of_other_wal, bool of_promotion) {
  const bool promoted = at.begin.before->timeline != at.run.timeline;
  if (promoted && of_other_wal && known) known = taken_over(*known, at.run);
  // Of a promotion the histories of the timelines tell, unless the writer was started again since.
  if (promoted && of_promotion) return known;
  if (!promoted && at.begin.before->node != at.run.node)
    return doubted_since(opened_without_promotion(known.value_or(NodeLineage{}), track, at),
                         at.run);
  if (known) return doubted_since(judge(*known, track, at), at.run);
  if (at.beyond(track)) return doubted_since(judge(at_first_sight(), track, at), at.run);
  return known;
}

}  // namespace

std::map<std::string, NodeLineage> judge_at_begin(std::map<std::string, NodeLineage> known,
                                                  const LineageInput& input,
                                                  const std::vector<Track>& tracks,
                                                  const RunMemory& memory, const WriterRun& run) {
  const ConfirmedWriter& writer = *input.writer;
  const auto own = known.find(writer.spec.name);
  const bool of_other_wal = own != known.end() && !is_sound(own->second.state);
  // The writer's WAL is its own by definition.
  if (own != known.end()) known.erase(own);
  if (!memory.begun->before) return known;
  const AtBegin at = at_begin(input, tracks, *memory.begun, run);
  const bool of_promotion = is_of_promotion(at, writer, tracks[writer.node]);
  for (std::size_t node = 0; node < tracks.size(); ++node) {
    if (node == writer.node) continue;
    const auto before = known.find(input.name(node));
    auto now = judge_node(before == known.end() ? std::nullopt : std::optional(before->second),
                          tracks[node], at, of_other_wal, of_promotion);
    if (now) known[input.name(node)] = std::move(*now);
  }
  // Of a node that is not configured now, nothing was seen.
  for (auto& [name, lineage] : known) {
    if (std::ranges::find(input.spec.nodes, name, &NodeSpec::name) != input.spec.nodes.end())
      continue;
    if (auto now = judge_node(lineage, Track{}, at, of_other_wal, of_promotion))
      lineage = std::move(*now);
  }
  return known;
}

}  // namespace rpoguard::core
