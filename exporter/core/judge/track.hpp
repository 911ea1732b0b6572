// What was seen of one node's WAL, look by look. When a run of the writer begins, this tells what
// the node had before.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exporter/core/judge/readings.hpp"
#include "exporter/core/judge/writer_run.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

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
  /// The last life of the backends in which it was in recovery, on any timeline: it was seen so, or
  /// promoted in that life. While it accepted writes, its control file named a checkpoint from
  /// before its timeline began, then: every start of a server that is no standby ends in a
  /// checkpoint, or finds that of a clean stop.
  std::optional<WallTime> life_in_recovery;
  /// Nodes that accepted writes on this timeline and had a connection of it.
  std::set<std::string> fed_by;
  /// The writer fed it when last asked, or before it was started again a moment ago.
  bool connected = false;
  /// WAL may come to it from an archive, too.
  bool restores = false;
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

/// What a node has replayed, or written itself: it cannot hold another history up to there unless
/// it is rebuilt, as replay never goes back.
std::optional<Lsn> replayed_by(const NodeFacts& facts);

/// Continues the track with a look at the node. What another cluster's server shows has nothing to
/// do with the WAL of `run`, and is left out. REQUIRES: there was a last success.
Track take_look(Track track, const Reading& reading, const std::optional<WriterRun>& run);

/// What was seen before the writer's last look at its run was seen before any later run began.
Track settle(Track track, Instant last_look);

}  // namespace rpoguard::core
