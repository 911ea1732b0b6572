// Whose WAL each node holds: a step of an evaluation. A position proves nothing until it is known
// that the copy follows this run of the writer. docs/decisions/0009 says what is evidence for it:
// run_begin.hpp has what the begin of a run proves, other_wal.hpp what a look contradicts, and
// run_mark.hpp what a mark answers.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exporter/core/judge/node_lineage.hpp"
#include "exporter/core/judge/readings.hpp"
#include "exporter/core/judge/servers.hpp"
#include "exporter/core/judge/stamp_mark.hpp"
#include "exporter/core/judge/track.hpp"
#include "exporter/core/judge/writer_run.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

/// Kept on disk.
struct LineageRecord {
  std::optional<WriterRun> run;
  std::map<std::string, NodeLineage>
      nodes;  ///< by name; absent: it has not been seen beside a writer
  /// Track::receives, of those that do.
  std::set<std::string> receives{};
  /// Track::fed_by, of those that another than the last writer has fed.
  struct Feeders {
    Timeline timeline;
    std::set<std::string> names;
    friend bool operator==(const Feeders&, const Feeders&) = default;
  };
  std::map<std::string, Feeders> fed_by{};
  /// Track::life_in_recovery.
  std::map<std::string, WallTime> lives_in_recovery{};
  friend bool operator==(const LineageRecord&, const LineageRecord&) = default;
};

struct LineageMemory {
  RunMemory run;
  std::optional<StampMark> stamp;  ///< of the writer
  std::vector<Track> tracks;       ///< parallel to ShardSpec::nodes
  WalLosses losses;
};

struct LineageVerdict {
  LineageMemory memory;
  LineageRecord record;
  std::vector<NodeLineage> nodes;  ///< parallel to ShardSpec::nodes: as it counts now
  /// Parallel to them: why a node counts again by itself, from this evaluation on. Empty: it does
  /// not, or did before.
  std::vector<std::string> readmitted;
};

/// Continues the lineage of all nodes. REQUIRES: readings and servers are parallel to the spec's
/// nodes.
LineageVerdict follow_lineage(LineageMemory memory, LineageRecord record, const ShardSpec& spec,
                              const Readings& readings, const Servers& servers,
                              const std::optional<ConfirmedWriter>& writer, const ProbeSpec& probe);

/// The writer that has just been looked at has lost some of its own WAL.
bool has_lost_wal(const LineageMemory& memory);

/// The run that the writer is in, as it has just been looked at. Absent: not known.
std::optional<RunId> known_run(const LineageMemory& memory, const LineageRecord& record);

}  // namespace rpoguard::core
