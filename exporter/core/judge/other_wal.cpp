#include "exporter/core/judge/other_wal.hpp"

#include <algorithm>
#include <utility>

namespace rpoguard::core {
namespace {

// One server, also under two names.
bool is_one_life(const NodeFacts& a, const NodeFacts& b) {
  return a.started && a.backends_started && a.system_identifier == b.system_identifier &&
         a.started == b.started && a.backends_started == b.backends_started;
}

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

// A look at which it had more than the writer had written when asked later; null: there is none.
const Track::Look* look_ahead(const ConfirmedWriter& writer, const Track& track) {
  const auto more = std::ranges::find_if(track.since, [&](const Track::Look& look) {
    return writer.asked() >= look.answered && look.position > writer.facts().insert_lsn;
  });
  return more == track.since.end() ? nullptr : &*more;
}

// It had more than the writer had written when asked later: that is not this writer's WAL. The
// latest look at a copy that is nearer than the writer is always younger than the writer's.
NodeLineage contradict(NodeLineage known, const ConfirmedWriter& writer, const Track& track) {
  const NodeFacts& writes = writer.facts();
  if (known.state == Lineage::diverged || track.timeline != writes.timeline || !writes.insert_lsn)
    return known;
  const auto more = look_ahead(writer, track);
  if (!more) return known;
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

// The seal of a mark is in the writer's WAL before the mark's position.
//
// Example. The writer lost 0/600 to 0/900, went on, and was marked at 0/700. phx-a is rebuilt from
// phx-b, which holds what was lost, and follows the writer. It has replayed up to 0/990, and the
// last mark that it shows is of the run before.
//
// Until rpoguard knew of the run, it did not ask for its mark: a look shows the one of the run
// before.
NodeLineage miss_mark(NodeLineage known, const LineageInput& input, std::size_t node,
                      const RunMemory& memory, const WriterRun& run) {
  const NodeFacts& facts = input.readings[node].facts();
  const Instant asked = input.readings[node].last_success->asked;
  if (asked < input.writer->answered() ||
      asked < memory.known_since + input.probe.interval + input.probe.timeout)
    return known;
  const auto& mark = input.writer->facts().mark;
  const bool marked = mark && mark->run == run.id() && facts.timeline == run.timeline;
  if (!marked || !facts.in_recovery || !facts.mark || facts.mark->run == mark->run ||
      facts.replay_lsn < mark->lsn)
    return known;
  return diverged("it has replayed WAL up to " + render_lsn(*facts.replay_lsn) +
                      " without the mark of this run of the writer, of " + render_lsn(mark->lsn),
                  facts.replay_lsn, input.writer->facts().insert_lsn);
}

NodeLineage made_a_checkpoint(NodeLineage known, const LineageInput& input, std::size_t node,
                              const WriterRun& run) {
  const Reading& reading = input.readings[node];
  const NodeFacts& facts = reading.facts();
  const bool asked_later = input.writer->asked() >= reading.last_success->answered;
  if (!asked_later || !has_own_checkpoint(facts, run)) return known;
  return diverged("it has made a checkpoint of its own, at " + render_lsn(facts.checkpoint->lsn) +
                      ", as only a server does that accepts writes",
                  facts.replay_lsn, input.writer->facts().insert_lsn);
}

}  // namespace

// A checkpoint stands where its redo begins if it was made by a stop, or at the end of a crash
// recovery. The writer has made none such since its run began.
bool has_own_checkpoint(const NodeFacts& facts, const WriterRun& run) {
  const auto& made = facts.checkpoint;
  return facts.in_recovery && facts.timeline == run.timeline && run.begun_by && made &&
         made->redo == made->lsn && made->lsn > *run.begun_by;
}

bool is_rival(const LineageInput& input, std::size_t node) {
  const NodeFacts& writes = input.writer->facts();
  if (node == input.writer->node || !input.readings[node].last_success) return false;
  const NodeFacts& facts = input.readings[node].facts();
  return !facts.in_recovery && facts.timeline == writes.timeline &&
         facts.system_identifier == writes.system_identifier && !is_one_life(facts, writes);
}

std::set<std::string> feeders_of(const LineageInput& input, std::size_t node, const Track& track,
                                 const std::optional<WriterRun>& last) {
  std::set<std::string> feeders;
  for (std::size_t other = 0; other < input.readings.size(); ++other) {
    const Reading& feeder = input.readings[other];
    if (!feeder.answered || feeder.facts().in_recovery) continue;
    if (last && run_of(feeder.facts()) == last->id()) continue;
    if (track.timeline == feeder.facts().timeline &&
        row_of(feeder.facts(), input.rows[node]) != nullptr)
      feeders.insert(input.name(other));
  }
  return feeders;
}

bool was_fed_by_another(const LineageInput& input, const Track& track) {
  return std::ranges::any_of(track.fed_by, [&](const std::string& feeder) {
    const auto node = std::ranges::find(input.spec.nodes, feeder, &NodeSpec::name);
    // To take it out of the configuration does not undo what it has sent.
    if (node == input.spec.nodes.end()) return true;
    const auto index = static_cast<std::size_t>(node - input.spec.nodes.begin());
    const Reading& reading = input.readings[index];
    return index != input.writer->node &&
           !(reading.last_success && is_one_life(reading.facts(), input.writer->facts()));
  });
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

NodeLineage unlike_run(NodeLineage known, const LineageInput& input, std::size_t node,
                       const RunMemory& memory, const WriterRun& run) {
  const bool same_cluster = input.readings[node].facts().system_identifier == run.system_identifier;
  if (known.state == Lineage::diverged || !same_cluster) return known;
  known = miss_mark(std::move(known), input, node, memory, run);
  if (known.state == Lineage::diverged) return known;
  return made_a_checkpoint(std::move(known), input, node, run);
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
