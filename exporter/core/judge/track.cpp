#include "exporter/core/judge/track.hpp"

#include <algorithm>
#include <utility>

#include "exporter/core/model/limits.hpp"

namespace rpoguard::core {
namespace {

// The end of the WAL that the node holds. What is replayed was on its disk before.
std::optional<Lsn> position_of(const NodeFacts& facts) {
  return facts.in_recovery ? std::max(facts.receive_lsn, facts.replay_lsn) : facts.flushed_lsn;
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

// Has it been promoted in this life of its backends? Only soon afterwards this can be told.
bool has_begun_its_timeline(const NodeFacts& facts) {
  return !facts.in_recovery && facts.checkpoint && facts.history && !facts.history->steps.empty() &&
         facts.checkpoint->lsn < facts.history->steps.back().end;
}

}  // namespace

std::optional<Lsn> replayed_by(const NodeFacts& facts) {
  return facts.in_recovery ? facts.replay_lsn : facts.flushed_lsn;
}

Track take_look(Track track, const Reading& reading, const std::optional<WriterRun>& run) {
  const NodeFacts& facts = reading.facts();
  const auto position = position_of(facts);
  if (run && facts.system_identifier != run->system_identifier) return track;
  if (!position || reading.last_success->asked < track.not_before) return track;
  // A standby that was started again tells the timeline of its control file until it is connected.
  const bool lags_behind =
      facts.in_recovery && run && track.timeline == run->timeline && facts.timeline < run->timeline;
  if (lags_behind) {
    track.life_in_recovery = facts.backends_started;
    return track;
  }
  if (track.timeline != facts.timeline) {
    Track fresh;
    fresh.timeline = facts.timeline;
    fresh.receives = track.receives;
    fresh.not_before = track.not_before;
    fresh.life_in_recovery = track.life_in_recovery;
    track = std::move(fresh);
  }
  if (facts.in_recovery || has_begun_its_timeline(facts))
    track.life_in_recovery = facts.backends_started;
  if (facts.receive_lsn) track.receives = true;
  track.restores = facts.restores;
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
  return track;
}

Track settle(Track track, Instant last_look) {
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
  return track;
}

}  // namespace rpoguard::core
