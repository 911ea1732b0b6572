#include "exporter/core/judge/archive.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <variant>
#include <vector>

#include "exporter/base/check.hpp"

namespace rpoguard::core {
namespace {

constexpr std::uint64_t kLogBytes = std::uint64_t{1} << 32U;

/// Segments by number since the beginning of all WAL; `end` is the first one that is not of it.
struct Segments {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  bool contains(std::uint64_t segment) const { return first <= segment && segment < end; }
};

/// Part of a path, and the timeline that its segments are named after.
struct Stretch {
  Timeline timeline;
  Segments segments;
};

// The segment that holds a switch point belongs to the child; one that ends there to the parent.
std::vector<Stretch> stretches_of(const WalPath& path) {
  std::vector<Stretch> stretches;
  std::uint64_t first = 0;
  if (path.history) {
    for (const TimelineStep& step : path.history->steps) {
      const std::uint64_t end = std::max(first, step.end.value / path.segment_bytes);
      stretches.push_back({step.timeline, {first, end}});
      first = end;
    }
  }
  stretches.push_back({path.timeline, {first, std::numeric_limits<std::uint64_t>::max()}});
  return stretches;
}

/// What of the run lies on the stretch; empty (first >= end) where nothing does.
Segments clip(const ArchivedRun& run, const Stretch& stretch, std::uint64_t segment_bytes) {
  const std::uint64_t per_log = kLogBytes / segment_bytes;
  if (run.last < run.first || run.last >= per_log) return {};  // another segment size
  const std::uint64_t base = run.log * per_log;
  return {std::max(base + run.first, stretch.segments.first),
          std::min(base + run.last + 1, stretch.segments.end)};
}

/// All archived segments of the path, rising, with holes between them.
std::vector<Segments> archived_on(const std::vector<Stretch>& stretches,
                                  const std::vector<ArchivedRun>& runs,
                                  std::uint64_t segment_bytes) {
  std::vector<Segments> archived;
  for (const Stretch& stretch : stretches) {
    auto run = std::ranges::lower_bound(runs, stretch.timeline, {}, &ArchivedRun::timeline);
    for (; run != runs.end() && run->timeline == stretch.timeline; ++run) {
      const Segments part = clip(*run, stretch, segment_bytes);
      if (part.first >= part.end) continue;
      if (!archived.empty() && archived.back().end == part.first) {
        archived.back().end = part.end;
      } else {
        archived.push_back(part);
      }
    }
  }
  return archived;
}

struct Start {
  std::vector<Segments>::const_iterator part;
  std::uint64_t segment = 0;  ///< of the part
};

/// Where the walk begins; nullopt: nowhere. A backup whose first segment is missing cannot be
/// restored: it is no place to begin.
std::optional<Start> start_of_walk(const std::vector<Segments>& archived,
                                   const std::vector<Stretch>& stretches,
                                   const ArchiveFacts& archive, const WalPath& path) {
  for (auto backup = archive.backup_starts.rbegin(); backup != archive.backup_starts.rend();
       ++backup) {
    const auto start = parse_wal_segment(*backup, path.segment_bytes);
    if (!start) continue;
    const std::uint64_t segment = start->start.value / path.segment_bytes;
    const bool on_path = std::ranges::any_of(stretches, [&](const Stretch& stretch) {
      return stretch.timeline == start->timeline && stretch.segments.contains(segment);
    });
    const auto found = std::ranges::find_if(
        archived, [&](const Segments& part) { return part.contains(segment); });
    if (on_path && found != archived.end()) return Start{found, segment};
  }
  // A later timeline goes on from WAL of others. Without its history nobody knows whether that is
  // here.
  const bool complete = path.history || path.timeline == Timeline{1};
  if (!complete || archived.empty()) return std::nullopt;
  return Start{archived.begin(), archived.front().first};
}

/// Archived beside the segments, and not WAL that anything could be proven by.
bool is_other_file(std::string_view name) {
  return name.ends_with(".history") || name.ends_with(".backup") || name.ends_with(".partial");
}

void take_writer(ArchiveMemory& memory, const std::string& node, const NodeFacts& facts) {
  ArchiveMemory::Writer writer{.node = node,
                               .system_identifier = facts.system_identifier,
                               .started = facts.started,
                               .path = {.timeline = facts.timeline,
                                        .history = facts.history,
                                        .segment_bytes = facts.wal_segment_bytes}};
  const auto& known = memory.writer;
  const bool same =
      known && known->node == writer.node && known->system_identifier == writer.system_identifier &&
      known->started == writer.started && known->path.timeline == writer.path.timeline &&
      known->path.segment_bytes == writer.path.segment_bytes;
  if (same) {
    // How a timeline came about does not change.
    if (!writer.path.history) writer.path.history = known->path.history;
  } else {
    // What is in the archive stays there: foreign_until is of the cluster, not of a writer.
    memory.claim.reset();
    memory.claim_at_look.reset();
    memory.waiting_from.reset();
    memory.ready.reset();
    if (memory.look) memory.look->claimed.reset();
  }
  memory.writer = std::move(writer);
}

void take_claim(ArchiveMemory& memory, const NodeFacts& writer, Instant asked, Instant answered) {
  const std::string& name = writer.archiver->last_archived_wal;
  const auto segment = parse_wal_segment(name, writer.wal_segment_bytes);
  if (segment && segment->timeline == writer.timeline) {
    if (!memory.claim || memory.claim->end != segment->end)
      memory.claim =
          ArchiveMemory::Claim{.end = segment->end, .first_seen = answered, .as_of = asked};
  } else if (name.empty()) {
    // No news. Its statistics were reset, or lost in a crash of the backends, and it has archived
    // nothing since: what it had archived by then is archived.
  } else if (!is_other_file(name)) {
    memory.claim.reset();
  } else if (!memory.claim && name.ends_with(".backup")) {
    // Archived in the order of their names: the segment it begins with went before it.
    const auto first = parse_wal_segment(name.substr(0, 24), writer.wal_segment_bytes);
    if (first && first->timeline == writer.timeline)
      memory.claim =
          ArchiveMemory::Claim{.end = first->end, .first_seen = answered, .as_of = asked};
  }
  if (memory.claim) memory.claim->as_of = asked;
}

// It accepts writes on the timeline of this run, which is another's.
bool writes_beside(const NodeFacts& facts, const RunId& run, std::uint64_t system_identifier) {
  return !facts.in_recovery && facts.timeline == run.timeline &&
         facts.system_identifier == system_identifier && run_of(facts) != run;
}

// So does another one, on a timeline that nobody was confirmed on: which of them will be, nobody
// knows.
bool has_twin(const Readings& readings, const NodeFacts& facts, const WriterRun& last) {
  const auto run = run_of(facts);
  if (!run || facts.in_recovery || facts.timeline == last.timeline) return false;
  return std::ranges::any_of(readings, [&](const Reading& other) {
    return other.last_success && writes_beside(other.facts(), *run, facts.system_identifier);
  });
}

// Up to where a server has WAL that it archives.
std::optional<Lsn> archived_until(const NodeFacts& facts) {
  if (!facts.archiver || !facts.flushed_lsn || !is_segment_size(facts.wal_segment_bytes))
    return std::nullopt;
  const std::uint64_t segment = facts.flushed_lsn->value / facts.wal_segment_bytes;
  return Lsn{(segment + 1) * facts.wal_segment_bytes};
}

// The archiver takes the oldest file first. Something older than what it says it archived waits
// only when something is out of order, and then until it is listed as gone.
void take_ready(ArchiveMemory& memory, const NodeFacts& writer, Instant asked) {
  const auto& ready = writer.archiver->ready;
  if (!ready) return;
  memory.ready = ArchiveMemory::Ready{.files = ready->files, .as_of = asked};
  memory.waiting_from.reset();
  if (ready->oldest_wal.empty() || !memory.claim) return;
  const auto oldest = parse_wal_segment(ready->oldest_wal, writer.wal_segment_bytes);
  const Lsn from = oldest ? oldest->start : Lsn{};
  if (from < memory.claim->end) memory.waiting_from = from;
}

}  // namespace

std::optional<Frontier> contiguous_frontier(const ArchiveFacts& archive, const WalPath& path) {
  RPOGUARD_CHECK(std::ranges::is_sorted(archive.runs, {}, &ArchivedRun::timeline));
  if (!is_segment_size(path.segment_bytes)) return std::nullopt;
  const auto stretches = stretches_of(path);
  const auto archived = archived_on(stretches, archive.runs, path.segment_bytes);
  if (archived.empty()) return std::nullopt;
  if (archive.holes_invisible)
    return Frontier{Lsn{archived.back().end * path.segment_bytes}, std::nullopt};
  const auto start = start_of_walk(archived, stretches, archive, path);
  if (!start) return std::nullopt;
  std::uint64_t missing = 0;
  for (auto part = start->part; std::next(part) != archived.end(); ++part)
    missing += std::next(part)->first - part->end;
  return Frontier{Lsn{start->part->end * path.segment_bytes}, static_cast<std::int64_t>(missing)};
}

std::optional<Lsn> begin_of_walk(const ArchiveFacts& archive, const WalPath& path) {
  if (!is_segment_size(path.segment_bytes)) return std::nullopt;
  const auto stretches = stretches_of(path);
  const auto archived = archived_on(stretches, archive.runs, path.segment_bytes);
  const auto start = start_of_walk(archived, stretches, archive, path);
  if (!start) return std::nullopt;
  return Lsn{start->segment * path.segment_bytes};
}

ArchiveMemory follow_archiver(ArchiveMemory memory, const std::string& node,
                              const NodeFacts& writer, Instant asked, Instant answered) {
  take_writer(memory, node, writer);
  if (writer.archiver) {
    take_claim(memory, writer, asked, answered);
    take_ready(memory, writer, asked);
  } else {
    memory.claim.reset();
    memory.waiting_from.reset();
    memory.ready.reset();
  }
  return memory;
}

// Of a promotion, the histories of the timelines tell, unless the server was started again since:
// what it had archived before that, nobody saw.
ArchiveMemory meet_run(ArchiveMemory archive, const RunMemory& memory,
                       const std::optional<WriterRun>& run) {
  const auto& begun = memory.begun;
  if (!begun || !begun->before || !run ||
      begun->before->system_identifier != run->system_identifier)
    return archive;
  const bool promoted = begun->before->timeline != run->timeline;
  if (promoted && !run->opened) return archive;
  // A server that goes on writing where another had written has lost what that one wrote since. And
  // what was archived of a run that rpoguard has not seen, or until where, nobody knows.
  const bool unseen = promoted || !begun->last_look || !run->shared;
  const bool lost_wal = begun->lost_wal || unseen || begun->before->node != run->node;
  archive.run_start = ArchiveMemory::RunStart{.goes_on = run->shared.value_or(Lsn{}),
                                              .earliest = begun->earliest,
                                              .latest = begun->latest,
                                              .lost_wal = lost_wal,
                                              .foreign_before = archive.foreign_until};
  if (lost_wal) archive.foreign_until = std::max(archive.foreign_until, run->shared);
  return archive;
}

ArchiveMemory meet_rivals(ArchiveMemory archive, const ShardSpec& spec, const Readings& readings,
                          const RunMemory& memory, const std::optional<WriterRun>& run) {
  RPOGUARD_CHECK(readings.size() == spec.nodes.size());
  const auto& before = memory.begun ? memory.begun->before : std::nullopt;
  for (std::size_t node = 0; run && node < readings.size(); ++node) {
    // Whoever is silent now may have archived before this run was known.
    const Reading& reading = readings[node];
    const bool counts = memory.begun ? reading.last_success.has_value() : reading.answered;
    if (!counts || spec.nodes[node].name == run->node) continue;
    const NodeFacts& facts = reading.facts();
    const bool was_writer = before && run_of(facts) == before->id();
    const bool is_rival = !was_writer && (writes_beside(facts, run->id(), run->system_identifier) ||
                                          has_twin(readings, facts, *run));
    const auto until = is_rival ? archived_until(facts) : std::nullopt;
    if (until) distrust(archive, *until);
  }
  return archive;
}

void distrust(ArchiveMemory& archive, Lsn until) {
  archive.foreign_until = std::max(archive.foreign_until, std::optional(until));
  if (auto& run = archive.run_start)
    run->foreign_before = std::max(run->foreign_before, std::optional(until));
}

ArchiveMemory take_look(ArchiveMemory memory, const ArchiveObservation& observation) {
  const auto* facts = std::get_if<ArchiveFacts>(&observation.outcome);
  if (facts == nullptr || !memory.writer) return memory;
  const bool taken = memory.look && memory.look->asked == observation.asked;
  if (taken && memory.look->path == memory.writer->path) return memory;
  ArchiveMemory::Look look;
  look.asked = observation.asked;
  look.answered = observation.answered;
  look.path = memory.writer->path;
  look.frontier = contiguous_frontier(*facts, look.path);
  look.begins = begin_of_walk(*facts, look.path);
  look.last_backup = facts->last_backup;
  if (facts->last_backup) memory.last_backup = facts->last_backup;
  look.system_identifier = facts->system_identifier;
  look.holes_invisible = facts->holes_invisible;
  look.unknown_files = facts->unknown_files;
  // A claim that is younger than the look cannot be held against it.
  for (const auto& claim : {memory.claim_at_look, memory.claim}) {
    if (claim && claim->first_seen <= look.asked) look.claimed = claim->end;
  }
  memory.claim_at_look = memory.claim;
  memory.look = std::move(look);
  return memory;
}

std::optional<Lsn> claimed_frontier(const ArchiveMemory& memory) {
  if (!memory.claim) return std::nullopt;
  return std::min(memory.claim->end, memory.waiting_from.value_or(memory.claim->end));
}

}  // namespace rpoguard::core
