#include "exporter/core/judge/writer_run.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "exporter/core/model/limits.hpp"

namespace rpoguard::core {
namespace {

// Was the run's first checkpoint made before its postmaster was started, by the run before, which
// then stopped cleanly? The control file has whole seconds. A checkpoint that is still to come was
// not made by this run either: the clock was set back since.
bool stopped_cleanly(const NodeFacts& facts) {
  const WallTime made = facts.checkpoint->time;
  return made <= std::chrono::floor<std::chrono::seconds>(*facts.started) ||
         made > facts.server_now + limits::kCheckpointAheadMax;
}

// A clean stop ends in a checkpoint that is sent to the copies. The checkpoint at the end of crash
// recovery is the run's own: before it, nobody can have had any of it. Both stand where their redo
// begins; one that was made while the server ran stands later.
std::optional<Lsn> shared_at_begin(const NodeFacts& facts) {
  const Checkpoint& first = *facts.checkpoint;
  if (first.redo != first.lsn) return std::nullopt;
  return stopped_cleanly(facts) ? end_of_checkpoint(first.lsn, facts.wal_segment_bytes) : first.lsn;
}

// After a crash, when recovery had come to its end and made its checkpoint.
std::optional<WallTime> opened_at(const NodeFacts& facts) {
  const Checkpoint& first = *facts.checkpoint;
  const bool promoted = !facts.history || (!facts.history->steps.empty() &&
                                           facts.history->steps.back().end > first.lsn);
  if (promoted || first.redo != first.lsn) return std::nullopt;
  return stopped_cleanly(facts) ? *facts.backends_started
                                : std::max(*facts.backends_started, first.time);
}

// A checkpoint from before a promotion tells nothing: the writer before it may have stopped later.
std::optional<Lsn> begun_by(const NodeFacts& facts) {
  const Lsn last = facts.checkpoint->lsn;
  const bool known =
      facts.history && (facts.history->steps.empty() || facts.history->steps.back().end <= last);
  return known ? std::optional(last) : std::nullopt;
}

std::optional<WriterRun> run_of(const ConfirmedWriter& writer) {
  const NodeFacts& facts = writer.facts();
  if (!facts.started || !facts.backends_started || !facts.checkpoint || !facts.flushed_lsn ||
      !facts.insert_lsn)
    return std::nullopt;
  return WriterRun{.node = writer.spec.name,
                   .system_identifier = facts.system_identifier,
                   .timeline = facts.timeline,
                   .started = *facts.started,
                   .backends_started = *facts.backends_started,
                   .shared = shared_at_begin(facts),
                   .opened = opened_at(facts)};
}

// One node's, so that what it showed in the first it must still have in the second.
bool same_node(const WriterRun& a, const WriterRun& b) {
  return a.node == b.node && a.system_identifier == b.system_identifier && a.timeline == b.timeline;
}

// Also under another name of the same server.
bool same_run(const WriterRun& a, const WriterRun& b) {
  return a.system_identifier == b.system_identifier && a.timeline == b.timeline &&
         a.started == b.started && a.backends_started == b.backends_started;
}

// When the run began, on our clock. Both times are of the writer's clock. If by these the run began
// before the last look at the same server's run before, or has yet to begin, that clock was set
// since, and they tell nothing.
RunMemory::Begin dated(RunMemory::Begin begin, const WriterRun& run,
                       const ConfirmedWriter& writer) {
  const Duration age = writer.facts().server_now - *writer.facts().backends_started;
  const Instant floor = std::min(begin.last_look.value_or(Instant::min()), writer.answered());
  const bool of_one_node = begin.before && same_node(*begin.before, run);
  const bool was_set = (of_one_node && writer.answered() - age < floor) ||
                       writer.asked() - age > writer.answered() + limits::kClockReadError;
  begin.earliest = was_set ? floor : std::clamp(writer.asked() - age, floor, writer.answered());
  begin.latest = was_set ? writer.answered()
                         : std::clamp(writer.answered() - age, begin.earliest, writer.answered());
  return begin;
}

RunMemory::Begin begin_of(const RunMemory& before, const std::optional<WriterRun>& last,
                          const WriterRun& run, const ConfirmedWriter& writer) {
  RunMemory::Begin begin{.before = last,
                         .last_look = {},
                         .flushed_before = before.flushed,
                         .earliest = {},
                         .latest = {}};
  if (before.session != 0) begin.last_look = before.asked;
  begin = dated(std::move(begin), run, writer);
  begin.lost_wal = begin.last_look && last && same_node(*last, run) && run.shared &&
                   before.flushed > *run.shared;
  return begin;
}

// Positions only rise within one life of the backends. Of a fall that was seen before rpoguard was
// started again, only that is left.
bool has_gone_back(const ConfirmedWriter& writer, const RunMemory& before, const WriterRun& run) {
  if (run.fall) return true;
  const NodeFacts& facts = writer.facts();
  return before.session != 0 && writer.asked() >= before.answered &&
         (*facts.insert_lsn < before.inserted || *facts.flushed_lsn < before.flushed);
}

// Some time since the last look. Up to where its WAL is what it was, nobody knows.
RunMemory::Begin went_back(const RunMemory& before, const WriterRun& run,
                           const ConfirmedWriter& writer) {
  const bool seen = before.session != 0;
  return {.before = run,
          .last_look = seen ? std::optional(before.asked) : std::nullopt,
          .flushed_before = run.fall ? run.fall->from : before.flushed,
          .earliest = before.asked,
          .latest = writer.answered(),
          .lost_wal = true};
}

}  // namespace

Lsn end_of_checkpoint(Lsn checkpoint, std::uint64_t segment_bytes) {
  constexpr std::uint64_t kRecord = 120;
  constexpr std::uint64_t kPage = 8192;
  const std::uint64_t page_end = (checkpoint.value / kPage + 1) * kPage;
  if (checkpoint.value + kRecord <= page_end) return {checkpoint.value + kRecord};
  const bool new_segment = segment_bytes > 0 && page_end % segment_bytes == 0;
  return {checkpoint.value + kRecord + (new_segment ? 40 : 24)};
}

RunVerdict watch_unconfirmed(RunMemory memory, WriterRun run, const Readings& readings) {
  if (memory.session == 0) return {std::move(memory), std::move(run)};
  for (const Reading& reading : readings) {
    if (!reading.answered || reading.facts().in_recovery) continue;
    const NodeFacts& facts = reading.facts();
    if (facts.system_identifier != run.system_identifier || facts.timeline != run.timeline ||
        facts.started != run.started || facts.backends_started != run.backends_started ||
        reading.last_success->asked < memory.answered)
      continue;
    memory.answered = reading.last_success->answered;
    const auto take = [&](const std::optional<Lsn>& shown, Lsn& highest) {
      if (!shown) return;
      if (*shown < highest)
        run.fall = {std::max(run.fall ? run.fall->from : highest, highest),
                    std::min(run.fall ? run.fall->to : *shown, *shown)};
      highest = std::max(highest, *shown);
    };
    take(facts.insert_lsn, memory.inserted);
    take(facts.flushed_lsn, memory.flushed);
  }
  return {std::move(memory), std::move(run)};
}

RunVerdict follow_run(RunMemory before, std::optional<WriterRun> run,
                      const std::optional<ConfirmedWriter>& writer) {
  before.known = false;
  before.begun.reset();
  if (!writer) return {std::move(before), std::move(run)};
  const NodeFacts& facts = writer->facts();
  auto current = run_of(*writer);
  if (!current) return {std::move(before), std::move(run)};
  if (!run || !same_run(*run, *current)) {
    before.begun = begin_of(before, run, *current, *writer);
    before.known_since = writer->answered();
    before.flushed = *facts.flushed_lsn;
    run = std::move(current);
  } else if (has_gone_back(*writer, before, *run)) {
    before.begun = went_back(before, *run, *writer);
    before.flushed = *facts.flushed_lsn;
    run->shared = run->fall ? std::min(*facts.insert_lsn, run->fall->to) : *facts.insert_lsn;
  }
  run->fall.reset();
  if (before.session == 0) before.known_since = writer->answered();
  run->node = writer->spec.name;
  if (!run->begun_by) run->begun_by = begun_by(facts);
  before.known = true;
  before.flushed = std::max(before.flushed, *facts.flushed_lsn);
  before.inserted = *facts.insert_lsn;
  before.asked = writer->asked();
  before.answered = std::max(before.answered, writer->answered());
  before.session = facts.session;
  return {std::move(before), std::move(run)};
}

}  // namespace rpoguard::core
