#include "exporter/core/judge/other_wal.hpp"

#include <algorithm>
#include <utility>

namespace rpoguard::core {
namespace {

bool has_rival(const LineageInput& input) {
  for (std::size_t node = 0; node < input.readings.size(); ++node) {
    if (is_rival(input, node)) return true;
  }
  return false;
}

// While another accepts writes on the writer's timeline, nobody can tell whose WAL a copy has that
// the writer does not feed, or that was fed by the other.
NodeLineage doubt_feeders(NodeLineage known, const LineageInput& input, std::size_t node,
                          const Track& track) {
  const Timeline timeline = input.writer->facts().timeline;
  if (!is_sound(known.state) || input.readings[node].facts().timeline != timeline) return known;
  if (was_fed_by_another(input, track) || (has_rival(input) && !input.is_fed(node)))
    return {.state = Lineage::unknown,
            .why = "another server accepts writes on timeline " + std::to_string(timeline.value) +
                   ", too, and may have sent WAL to this one, so nobody can tell whose WAL it has",
            .since = input.writer->facts().insert_lsn};
  return known;
}

// It had more than the writer had written when asked later: that is not this writer's WAL. The
// latest look at a copy that is nearer than the writer is always younger than the writer's.
NodeLineage contradict(NodeLineage known, const ConfirmedWriter& writer, const Track& track) {
  const NodeFacts& writes = writer.facts();
  if (known.state == Lineage::diverged || track.timeline != writes.timeline || !writes.insert_lsn)
    return known;
  const auto more = std::ranges::find_if(track.since, [&](const Track::Look& look) {
    return writer.asked() >= look.answered && look.position > *writes.insert_lsn;
  });
  if (more == track.since.end()) return known;
  return diverged("it had WAL up to " + render_lsn(more->position) +
                      ", and the writer had written only up to " + render_lsn(*writes.insert_lsn) +
                      " when asked later",
                  more->replayed, writes.insert_lsn);
}

// A stamp is in the writer's WAL before the position that the writer showed with it. The statement
// that reads the copy's row may be a moment older than the position in the same answer, so that of
// the look before counts.
//
// Example. phx-a and phx-b were promoted to timeline 2, both at 0/500; phx-a was stamped, and
// showed epoch 2 at 0/700. iad-b has replayed up to 0/800 and shows epoch 1: it holds phx-b's WAL.
NodeLineage miss_stamp(NodeLineage known, const LineageInput& input, std::size_t node,
                       const Track& track, const std::optional<StampMark>& stamp) {
  const Reading& reading = input.readings[node];
  const auto& [session, replayed] = track.replayed_before;
  if (!reading.answered || !stamp || !shows_another(*stamp, reading.facts()) ||
      session != reading.facts().session || replayed < stamp->before)
    return known;
  if (known.state == Lineage::diverged) return known;
  return diverged("it has replayed WAL up to " + render_lsn(*replayed) +
                      " without the stamp of epoch " + std::to_string(stamp->epoch.value) +
                      ", which the writer had before " + render_lsn(stamp->before),
                  replayed, input.writer->facts().insert_lsn);
}

}  // namespace

bool is_rival(const LineageInput& input, std::size_t node) {
  const NodeFacts& writes = input.writer->facts();
  if (node == input.writer->node || !input.readings[node].last_success) return false;
  const NodeFacts& facts = input.readings[node].facts();
  return !facts.in_recovery && facts.timeline == writes.timeline &&
         facts.system_identifier == writes.system_identifier;
}

std::set<std::string> feeders_of(const LineageInput& input, std::size_t node, const Track& track) {
  std::set<std::string> feeders;
  for (std::size_t other = 0; other < input.readings.size(); ++other) {
    const Reading& feeder = input.readings[other];
    if (!feeder.answered || feeder.facts().in_recovery) continue;
    if (track.timeline == feeder.facts().timeline &&
        row_of(feeder.facts(), input.rows[node]) != nullptr)
      feeders.insert(input.name(other));
  }
  return feeders;
}

bool was_fed_by_another(const LineageInput& input, const Track& track) {
  for (std::size_t other = 0; other < input.readings.size(); ++other) {
    if (other != input.writer->node && track.fed_by.contains(input.name(other))) return true;
  }
  return false;
}

// It accepts writes where the last writer wrote. That one's own server under another name does not
// part from it.
std::optional<NodeLineage> parted(const LineageInput& input, std::size_t node,
                                  const std::optional<WriterRun>& run) {
  if (input.writer || !run || !input.readings[node].answered) return std::nullopt;
  const NodeFacts& facts = input.readings[node].facts();
  if (facts.in_recovery || input.name(node) == run->node || facts.timeline != run->timeline ||
      facts.system_identifier != run->system_identifier ||
      (facts.started == run->started && facts.backends_started == run->backends_started))
    return std::nullopt;
  return diverged("it accepted writes on timeline " + std::to_string(run->timeline.value) +
                      " beside " + run->node,
                  replayed_by(facts));
}

NodeLineage accuse(NodeLineage known, NodeLineage found) {
  const bool same = known.state == found.state && known.why == found.why;
  return same ? std::move(known) : std::move(found);
}

NodeLineage beside_writer(NodeLineage known, const LineageInput& input, std::size_t node,
                          const Track& track, const std::optional<StampMark>& stamp) {
  const NodeFacts& writes = input.writer->facts();
  if (is_rival(input, node)) {
    known = accuse(std::move(known),
                   diverged("it accepted writes on timeline " +
                                std::to_string(writes.timeline.value) + " beside the writer",
                            replayed_by(input.readings[node].facts()), writes.insert_lsn));
  } else {
    known = doubt_feeders(std::move(known), input, node, track);
  }
  known = contradict(std::move(known), *input.writer, track);
  return miss_stamp(std::move(known), input, node, track, stamp);
}

}  // namespace rpoguard::core
