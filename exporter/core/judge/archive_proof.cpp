#include "exporter/core/judge/archive_proof.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "exporter/base/check.hpp"

namespace rpoguard::core {
namespace {

/// What was seen in the archive longer ago than this many archive intervals may be otherwise now.
constexpr int kFreshIntervals = 3;

bool looks_itself(const ArchiveSpec& spec) {
  return spec.source != ArchiveSource::postgres;
}

// Where the repository would survive the writer's region, and its holes would be seen.
bool archive_counts(const ShardSpec& spec, const std::string& writer_region) {
  const bool sees_holes = spec.archive.source == ArchiveSource::directory ||
                          (spec.archive.source == ArchiveSource::command &&
                           spec.archive.format == ArchiveFormat::names);
  return sees_holes &&
         std::ranges::any_of(spec.archive.readable_from, [&](const std::string& region) {
           return region != writer_region && region_allowed(spec, region);
         });
}

/// The last good look, if it speaks of the WAL that the writer writes.
const ArchiveMemory::Look* valid_look(const ArchiveMemory& memory) {
  const bool valid = memory.look && memory.writer && memory.look->path == memory.writer->path;
  return valid ? &*memory.look : nullptr;
}

bool foreign(const ArchiveMemory& memory, const ArchiveMemory::Look& look) {
  return look.system_identifier && look.system_identifier != memory.writer->system_identifier;
}

bool of_another_history(const ArchiveMemory& memory, const ArchiveMemory::Look& look) {
  return memory.foreign_until && look.begins.value_or(Lsn{}) < *memory.foreign_until;
}

std::string count_of(std::int64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// What may be missing is perhaps there, in a form that nobody can tell from rubbish.
std::string unread(const ArchiveMemory::Look& look) {
  if (!look.unknown_files) return "";
  return "; it does not read " + count_of(look.unknown_files->files, "file") +
         " with the unknown ending " + look.unknown_files->ending;
}

std::string note_of_look(const ArchiveMemory& memory, const ArchiveMemory::Look& look,
                         const ArchiveView& view) {
  if (foreign(memory, look)) {
    return "the archive holds WAL of another cluster (system identifier " +
           std::to_string(*look.system_identifier) + "): nothing is proven";
  }
  if (of_another_history(memory, look)) {
    return "the archive holds WAL that may be of another history than the writer's, up to " +
           render_lsn(*memory.foreign_until) +
           ": nothing is proven until a backup is taken that begins beyond that";
  }
  if (!look.frontier) {
    const bool known = look.path.history || look.path.timeline == Timeline{1};
    return known ? "the archive holds no WAL that the writer continues" + unread(look)
                 : "the history of the writer's timeline is not known (rpoguard.timeline_history() "
                   "is missing), and no backup was taken on it: nothing is proven";
  }
  if (view.gap_segments.value_or(0) > 0) {
    return count_of(*view.gap_segments, "segment") + " missing from " +
           render_lsn(look.frontier->position) + " on, and newer ones are there" + unread(look);
  }
  if (view.claimed_ahead_bytes.value_or(0) > 0) {
    return "the archiver reports " + count_of(*view.claimed_ahead_bytes, "byte") +
           " of WAL archived that the archive does not hold: dropped, or not there yet" +
           unread(look);
  }
  return look.holes_invisible ? "this source cannot show holes: the archive never counts as a copy"
                              : "";
}

void show_claim(const ArchiveMemory& memory, ArchiveView& view) {
  view.frontier = claimed_frontier(memory);
  if (!view.frontier) return;
  view.as_of = memory.claim->as_of;
  if (memory.waiting_from)
    view.note = "older WAL than the last archived still waits: from " +
                render_lsn(*memory.waiting_from) + " on";
}

// A frontier stays reached, and its age tells. Whether there is a hole, only a fresh look tells.
void show_look(const ArchiveMemory& memory, bool fresh, ArchiveView& view) {
  const ArchiveMemory::Look* look = valid_look(memory);
  if (look == nullptr) return;
  view.last_backup = look->last_backup;
  if (memory.last_backup) view.backup_gone = !look->last_backup;
  const bool trusted = !foreign(memory, *look) && !of_another_history(memory, *look);
  if (trusted && look->frontier) {
    view.frontier = look->frontier->position;
    view.as_of = look->asked;
    if (fresh) view.gap_segments = look->frontier->gap_segments;
    if (fresh && look->claimed)
      view.claimed_ahead_bytes =
          std::max<std::int64_t>(0, bytes_between(*view.frontier, *look->claimed));
  }
  view.note = note_of_look(memory, *look, view);
  if (view.note.empty() && view.backup_gone.value_or(false))
    view.note =
        "it shows no backup any more: the last one was of " + render_time(*memory.last_backup);
}

// Asked after the look, the writer must have written all that was archived by then.
bool contradicts(const ConfirmedWriter& writer, const ArchiveMemory::Look& look) {
  const auto& written = writer.facts().insert_lsn;
  return written && writer.asked() >= look.answered && look.frontier->position > *written;
}

// Was it archived before the run began, or may it have been?
//
// Example. The archive holds all up to 0/300000 at t=5. At t=7 the writer is started again and goes
// on at 0/280000: what it writes from there is not what the archive holds from there on. Had it
// last been looked at at t=1, up to 0/200000, the old run may have archived more: the first look
// since t=7 tells, unless the new run has archived as much by then.
bool archived_before(const ArchiveMemory::RunStart& run, const ArchiveMemory::Look& look) {
  return look.frontier->position > run.goes_on && (look.answered <= run.earliest || run.lost_wal);
}

// What is found stays: the writer goes on, and the archive would look right again.
void judge_history(ArchiveMemory& memory, const std::optional<ConfirmedWriter>& writer) {
  const ArchiveMemory::Look* look = valid_look(memory);
  // Another cluster's WAL is told by its identifier, at each look.
  if (look == nullptr || foreign(memory, *look) || !look->frontier) return;
  auto& run = memory.run_start;
  if (run && archived_before(*run, *look)) {
    distrust(memory, look->frontier->position);
    run->lost_wal = true;  // and it may have archived more since that look
  }
  if (run && look->asked >= run->latest) {
    memory.foreign_until = run->foreign_before;
    run.reset();
  }
  if (writer && contradicts(*writer, *look)) distrust(memory, look->frontier->position);
  if (!run && !of_another_history(memory, *look)) memory.foreign_until.reset();
}

ArchiveMemory take_news(ArchiveMemory memory, const ArchiveSpec& spec,
                        const std::optional<ArchiveObservation>& latest,
                        const std::optional<ConfirmedWriter>& writer) {
  if (writer) {
    memory = follow_archiver(std::move(memory), writer->spec.name, writer->facts(), writer->asked(),
                             writer->answered());
  }
  if (latest && looks_itself(spec)) {
    const auto* error = std::get_if<ProbeError>(&latest->outcome);
    memory = take_look(std::move(memory), *latest);
    memory.failure = error == nullptr ? std::nullopt : std::optional(*error);
  }
  judge_history(memory, writer);
  return memory;
}

// More than one segment waits: the next is not just under way.
constexpr std::int64_t kWaitingMin = 2;

// Why it looks as if archiving had never worked; empty: it has, or has only begun.
std::string never_archived(const std::string& server, const ArchiverFacts& archiver,
                           std::int64_t ready) {
  if (!archiver.last_archived_wal.empty()) return "";
  if (archiver.failed_count > 0)
    return "archiving has failed " + std::to_string(archiver.failed_count) +
           " times and never worked: the log of " + server + " says why";
  if (ready < kWaitingMin) return "";
  return std::to_string(ready) + " segments wait on " + server +
         ", and none was ever archived: archive_command is empty, or hangs";
}

// What the writer itself says of its archiver, and how far it has gone on meanwhile.
void show_writer(const NodeFacts& writer, ArchiveView& view) {
  if (view.frontier && writer.insert_lsn)
    view.lag_bytes = std::max<std::int64_t>(0, bytes_between(*view.frontier, *writer.insert_lsn));
  if (!writer.archiver) return;
  view.failed_count = writer.archiver->failed_count;
  view.last_archived_wal = writer.archiver->last_archived_wal;
}

}  // namespace

ArchiveProof prove_archive(ArchiveMemory memory, const ShardSpec& spec,
                           const std::optional<ArchiveObservation>& latest,
                           const std::optional<ConfirmedWriter>& writer, const WalSource& source,
                           const ProbeSpec& probe, Instant now) {
  ArchiveProof proof{.memory = take_news(std::move(memory), spec.archive, latest, writer),
                     .view = {}};
  const ArchiveMemory& known = proof.memory;
  ArchiveView& view = proof.view;
  const bool looks = looks_itself(spec.archive);
  const bool archiving = writer ? writer->facts().archiver.has_value() : known.claim.has_value();
  const Duration fresh = kFreshIntervals * std::max(spec.archive.interval, probe.interval);
  view.enabled = looks || archiving;
  view.counted = archive_counts(spec, writer_region(spec, source));
  if (looks) {
    const ArchiveMemory::Look* look = valid_look(known);
    view.failure = known.failure;
    show_look(known, look != nullptr && now - look->asked <= fresh + spec.archive.timeout, view);
  } else {
    show_claim(known, view);
  }
  RPOGUARD_CHECK(!view.frontier || view.as_of);
  const auto until = view.frontier ? source.clock.proven_until(*view.frontier) : std::nullopt;
  // An idle writer's bound stands still while its clock goes on: an old look must not go on with
  // it.
  if (until) view.recovery_point = std::min(*until, *view.as_of);
  if (known.ready && now - known.ready->as_of <= fresh) view.ready_segments = known.ready->files;
  if (writer) show_writer(writer->facts(), view);
  // What was proven once was archived, whatever the archiver has forgotten since.
  if (writer && writer->facts().archiver && view.note.empty() && !view.frontier)
    view.note = never_archived(writer->spec.name, *writer->facts().archiver,
                               view.ready_segments.value_or(0));
  return proof;
}

std::optional<Instant> archive_until(const ArchiveSpec& spec, const ArchiveView& archive) {
  if (!spec.max_age || !archive.recovery_point) return std::nullopt;
  return *archive.recovery_point + *spec.max_age;
}

}  // namespace rpoguard::core
