// Whose WAL each node holds: a step of an evaluation. A position proves nothing until it is known
// that the copy follows this run of the writer. docs/decisions/0009 says what is evidence for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exporter/core/judge/readings.hpp"
#include "exporter/core/judge/stamp_mark.hpp"
#include "exporter/core/judge/writer_run.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

/// What is known of one node's WAL. It stays until something else is seen, or an operator says so.
struct NodeLineage {
  Lineage state = Lineage::unknown;
  std::string why;       ///< one sentence for a person where the state needs explaining, else empty
  std::string remedy{};  ///< what to do about it; only of what counts now, never kept on disk
  /// Where the writer's WAL had come to when this doubt arose: a mark that was written before says
  /// nothing to it. Absent: not known, or no doubt.
  std::optional<Lsn> since{};
  /// Diverged: up to here it had replayed WAL by then, or written it itself.
  std::optional<Lsn> replayed{};
  friend bool operator==(const NodeLineage&, const NodeLineage&) = default;
};

/// Kept on disk.
struct LineageRecord {
  std::optional<WriterRun> run;
  std::map<std::string, NodeLineage>
      nodes;  ///< by name; absent: it has not been seen beside a writer
  friend bool operator==(const LineageRecord&, const LineageRecord&) = default;
};

/// The positions of one node that say what it had before a run began. Not kept on disk.
struct Track {
  struct Look {
    Instant asked;
    Instant answered;
    Lsn position;
    std::uint64_t session = 0;
    std::optional<Lsn> replayed{};  ///< or written by itself
    /// It may hold more: it has been started, and has not come to the end of what it has yet.
    bool may_have_more = false;
  };
  std::optional<Timeline> timeline;  ///< of the positions: another one begins anew
  /// The highest that was seen before the last look at the run that has been followed.
  std::optional<Lsn> highest;
  std::optional<Lsn> replayed;  ///< the highest of the same looks
  std::vector<Look> since;      ///< the looks since then, old to new; at most kTrackLooksMax
  /// When the backends were started that accepted writes at a look since then, old to new.
  std::vector<WallTime> lives;
  /// Nodes that accepted writes on this timeline and had a connection of it.
  std::set<std::string> fed_by;
  /// The writer had one when last asked.
  bool connected = false;
  /// It was seen to receive WAL from a server, not only to restore it from an archive.
  bool receives = false;
  /// An operator has readmitted the node: what it was asked before says nothing.
  Instant not_before{};
  /// What it had replayed at the look before the last one.
  struct Replayed {
    std::uint64_t session = 0;  ///< of that look: another start of the copy may be behind it
    std::optional<Lsn> position;
  };
  Replayed last_replayed;
  Replayed replayed_before;
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

/// Continues the lineage of all nodes. `rows`: the names of the writer's rows for them
/// (row_names.hpp). REQUIRES: readings and rows are parallel to the spec's nodes.
LineageVerdict follow_lineage(LineageMemory memory, LineageRecord record, const ShardSpec& spec,
                              const Readings& readings, const std::vector<std::string>& rows,
                              const std::optional<ConfirmedWriter>& writer, const ProbeSpec& probe);

/// The writer that has just been looked at has lost some of its own WAL.
bool has_lost_wal(const LineageMemory& memory);

/// The run that the writer is in, as it has just been looked at. Absent: not known.
std::optional<RunId> known_run(const LineageMemory& memory, const LineageRecord& record);

/// Of a node of which nothing is held against it.
NodeLineage readmitted();

/// "it had WAL beyond 0/300: run pg_rewind or rebuild it, ..."; empty where nothing needs
/// explaining.
std::string render_lineage(const NodeLineage& lineage);

/// May a position of such a node prove anything?
constexpr bool is_sound(Lineage lineage) {
  return lineage == Lineage::follows || lineage == Lineage::assumed;
}

}  // namespace rpoguard::core
