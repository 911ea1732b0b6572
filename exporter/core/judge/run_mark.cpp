#include "exporter/core/judge/run_mark.hpp"

#include <utility>

#include "exporter/core/judge/other_wal.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::core {
namespace {

// What the run wrote before its mark may be missing on a copy that holds it, so that must be
// little.
bool is_early(const RunMark& mark, const WriterRun& run) {
  return run.opened && run.shared &&
         bytes_between(*run.shared, mark.lsn) <= limits::kMarkBytesMax &&
         mark.written >= run.backends_started &&
         mark.written - *run.opened <= limits::kMarkDelayMax;
}

// The mark that the writer has made in this run, if the node has replayed it. Null: it has not, or
// there is none. Equal in every field: a virtual machine that goes on from a snapshot of its memory
// may make a second one in the same run.
const RunMark* mark_of_run(const NodeFacts& facts, const ConfirmedWriter& writer,
                           const WriterRun& run) {
  const auto& mark = facts.mark;
  if (!mark || mark != writer.facts().mark || mark->run != run.id()) return nullptr;
  const bool replayed =
      facts.in_recovery && facts.timeline == mark->run.timeline && facts.replay_lsn >= mark->lsn;
  return replayed ? &*mark : nullptr;
}

}  // namespace

// Example. The run began at 0/600, its mark was written before 0/700.
//   Nobody had seen what a copy had. It shows the mark: from 0/700 on it holds the run's WAL. Only
//   if the run before had sent it WAL from between, it holds that: assumed.
//   A copy had replayed up to 0/900 before the run began, so it had other WAL where the mark stands
//   and went on behind it. It shows the mark: it was rebuilt since.
//   A copy had replayed up to 0/650: it may have come to the mark by going on from there.
// While WAL of others may come to it, from a copy that it cascades from or an archive, it may get
// that behind the mark: only a copy that the writer feeds itself is heeded.
std::string readmitted_by_mark(const NodeLineage& known, const LineageInput& input,
                               std::size_t node, const Track& track, const WriterRun& run) {
  if (is_sound(known.state)) return "";
  if (was_fed_by_another(input, track) || !input.is_fed(node)) return "";
  const RunMark* mark = mark_of_run(input.readings[node].facts(), *input.writer, run);
  if (mark == nullptr || !known.since || mark->lsn < *known.since || !is_early(*mark, run))
    return "";
  const bool diverged = known.state == Lineage::diverged;
  if (diverged && !(mark->lsn < known.replayed)) return "";
  const std::string which =
      "it holds the mark of this run of the writer, of " + render_lsn(mark->lsn);
  return diverged ? which + ", where it had other WAL: it was rebuilt"
                  : which + ", so it has the WAL of this run";
}

Track seen_with_mark(const Track& track, const Reading& reading, const WriterRun& run) {
  Track seen;
  seen.receives = track.receives;
  seen.not_before = reading.last_success->asked;
  return take_look(std::move(seen), reading, run);
}

}  // namespace rpoguard::core
