// Which run of the writer this is: a step of an evaluation. A run is one life of its backends. Its
// WAL goes on from one position, and whatever lies beyond that on a copy before the run began is
// another history's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "exporter/core/judge/readings.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// Kept on disk: a run that rpoguard has not seen begin is another one than the last that it saw.
struct WriterRun {
  std::string node;
  std::uint64_t system_identifier = 0;
  Timeline timeline;
  WallTime started;           ///< its postmaster, that server's clock
  WallTime backends_started;  ///< rises with each crash restart, under one postmaster
  /// Up to here a copy may rightly have had the WAL before the run began (docs/decisions/0009).
  /// Absent: rpoguard first saw the run when its control file named a later checkpoint.
  std::optional<Lsn> shared;
  /// When it could begin to write, by that server's clock: recovery may take minutes. Absent where
  /// rpoguard does not know, and where the run wrote nothing until it was promoted.
  std::optional<WallTime> opened{};
  /// No stop and no recovery by which this run began has made a checkpoint beyond it: where the
  /// last one stood at the first look that showed one of this timeline. Absent: none has yet.
  std::optional<Lsn> begun_by{};
  /// It has gone back while its server was not the confirmed writer: from the highest position to
  /// the lowest. Absent: that was not seen, or has been judged.
  struct Fall {
    Lsn from;
    Lsn to;
    friend bool operator==(const Fall&, const Fall&) = default;
  };
  std::optional<Fall> fall{};

  RunId id() const { return {timeline, started, backends_started}; }
  friend bool operator==(const WriterRun&, const WriterRun&) = default;
};

/// What an evaluation found out of the run. Not kept on disk.
struct RunMemory {
  Lsn flushed;      ///< the highest flush position that the run has shown
  Lsn inserted;     ///< the latest insert position
  Instant asked{};  ///< of the last look at the run
  /// Of all looks at it, under any name: what was asked before may be the older word.
  Instant answered{};
  std::uint64_t session = 0;  ///< of that look: a session does not outlive its run
  Instant known_since{};      ///< when the first look at it was answered

  // Judged anew at each evaluation.
  bool known = false;  ///< the writer's latest look is one at this run
  /// A run that was not there at the last evaluation.
  struct Begin {
    std::optional<WriterRun> before;  ///< absent: none has ever been seen
    std::optional<Instant>
        last_look;       ///< at the run before: asked. Absent: rpoguard has not seen it
    Lsn flushed_before;  ///< REQUIRES: last_look
    Instant earliest;    ///< it began between these two
    Instant latest;
    /// The same server on the same timeline shows less WAL than it had flushed: that is lost.
    bool lost_wal = false;
  };
  std::optional<Begin> begun;
};

struct RunVerdict {
  RunMemory memory;
  std::optional<WriterRun> run;  ///< the last one that was seen
};

/// Continues `run` with the writer's latest look. A look that does not tell its run leaves it as it
/// was, and not known. Where a server's position goes back within one run (a restored virtual
/// machine), that is another run.
RunVerdict follow_run(RunMemory before, std::optional<WriterRun> run,
                      const std::optional<ConfirmedWriter>& writer);

/// Takes the looks at the run's server into account while it is not the confirmed writer: what it
/// had then, it must still have when it is confirmed again.
RunVerdict watch_unconfirmed(RunMemory memory, WriterRun run, const Readings& readings);

/// The end of the checkpoint record at `checkpoint`: 120 bytes on PostgreSQL 12 to 18, and the
/// header of a page that begins within (XLogPageHeaderData: 24 bytes, 40 at a segment's start).
Lsn end_of_checkpoint(Lsn checkpoint, std::uint64_t segment_bytes);

}  // namespace rpoguard::core
