// What a look at the WAL archive, and the archiver's own word, say about the writer's WAL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "exporter/core/judge/readings.hpp"
#include "exporter/core/judge/writer_run.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/timeline_history.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// The WAL that a writer continues: its own timeline and, where they are known, its ancestors.
struct WalPath {
  Timeline timeline;
  std::optional<TimelineHistory> history;  ///< absent: only the own timeline's segments count
  std::uint64_t segment_bytes = 0;
  friend bool operator==(const WalPath&, const WalPath&) = default;
};

/// How far an archive goes without a hole.
struct Frontier {
  Lsn position;  ///< the first byte that is not archived
  /// Missing segments between `position` and the newest archived one; absent: cannot be seen.
  std::optional<std::int64_t> gap_segments;
  friend bool operator==(const Frontier&, const Frontier&) = default;
};

/// Follows the path from the first segment of the latest backup that lies on it (else from the
/// oldest segment on it) to the first hole. The segment in which a timeline ends counts under its
/// child's name: the parent's is only ever archived as .partial. nullopt: the archive holds nothing
/// of the path, or the history of a timeline above 1 is not known and no backup was taken on it.
/// Linear in the number of runs.
std::optional<Frontier> contiguous_frontier(const ArchiveFacts& archive, const WalPath& path);

/// Where that walk begins; nullopt where there is none.
std::optional<Lsn> begin_of_walk(const ArchiveFacts& archive, const WalPath& path);

/// What evaluate() remembers of the archive between two calls.
struct ArchiveMemory {
  /// One start of one writer. What an archiver says is about its own server's life only.
  struct Writer {
    std::string node;
    std::uint64_t system_identifier = 0;
    std::optional<WallTime> started;
    WalPath path;
  };
  std::optional<Writer> writer;

  /// The archiver's word that the writer's timeline is archived up to `end`.
  struct Claim {
    Lsn end;
    Instant first_seen;
    Instant as_of;  ///< it still said so when asked at this moment
  };
  std::optional<Claim> claim;
  std::optional<Claim> claim_at_look;  ///< the claim when the last look came in
  /// Older WAL than the claimed was seen waiting: nothing from here on is archived for sure.
  std::optional<Lsn> waiting_from;
  struct Ready {
    std::int64_t files = 0;
    Instant as_of;
  };
  std::optional<Ready> ready;

  /// The last look that succeeded, as judged for `path`.
  struct Look {
    Instant asked;
    Instant answered;
    WalPath path;
    std::optional<Frontier> frontier;
    std::optional<Lsn> begins;   ///< begin_of_walk()
    std::optional<Lsn> claimed;  ///< by the archiver, before this look began
    std::optional<WallTime> last_backup;
    std::optional<std::uint64_t> system_identifier;
    bool holes_invisible = false;
    std::optional<ArchiveFacts::UnknownFiles> unknown_files;
  };
  std::optional<Look> look;
  /// The latest backup that any look has shown. Kept on disk (DurableMemory).
  std::optional<WallTime> last_backup;
  std::optional<ProbeError> failure;  ///< of the last look
  /// Up to here it may hold WAL of another history: of the writer's timeline, and not the writer's.
  /// It ends with a walk that begins at or beyond this: with a backup that was taken since. Kept on
  /// disk (DurableMemory).
  std::optional<Lsn> foreign_until;
  /// A run of the writer that began on the timeline of the run before, until a look at the archive
  /// has been judged by it.
  struct RunStart {
    Lsn goes_on;  ///< its WAL, from here
    Instant earliest;
    Instant latest;
    bool lost_wal = false;  ///< what lies beyond may have been archived before it was lost
    std::optional<Lsn> foreign_before;  ///< `foreign_until` before that
  };
  std::optional<RunStart> run_start;
};

/// Takes the writer's answer into account: who it is, and what its archiver says.
ArchiveMemory follow_archiver(ArchiveMemory memory, const std::string& node,
                              const NodeFacts& writer, Instant asked, Instant answered);

/// Takes notice of a run of the writer that has just begun: what was archived beyond the position
/// from which its WAL goes on is another history's. `memory` and `run`: as writer_run.hpp has
/// followed them.
ArchiveMemory meet_run(ArchiveMemory archive, const RunMemory& memory,
                       const std::optional<WriterRun>& run);

/// Takes notice of other servers that accept writes on the timeline of the writer's run, and
/// archive: what they do archive has the names of the writer's own WAL. And of two on one timeline
/// before either of them is confirmed.
ArchiveMemory meet_rivals(ArchiveMemory archive, const ShardSpec& spec, const Readings& readings,
                          const RunMemory& memory, const std::optional<WriterRun>& run);

/// Up to there it holds WAL that is not the writer's.
void distrust(ArchiveMemory& archive, Lsn until);

/// Takes a look at the repository into account. A failed one changes nothing.
ArchiveMemory take_look(ArchiveMemory memory, const ArchiveObservation& observation);

/// Up to where the archiver's word goes; nullopt without one.
std::optional<Lsn> claimed_frontier(const ArchiveMemory& memory);

}  // namespace rpoguard::core
