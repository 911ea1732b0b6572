// What commit times prove before the WAL clock does: rpoguard has just started, and a copy is
// behind everything that the clock knows.
//
// Both times are on the writer's own clock. A commit's time is taken before its record is written,
// and an acknowledgement comes after: whatever was acknowledged before the time X of a commit
// stands in front of it in the WAL. So a copy that has replayed it has all that, and X lay (now -
// X) ago.
#pragma once

#include <optional>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/timeline_history.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// What is remembered of a copy's last replayed commit. Its time was taken by whoever was the
/// writer then: it counts only when it is known to be this one's.
struct BootstrapMemory {
  std::optional<WallTime> commit;     ///< as last seen
  std::optional<Lsn> replay;          ///< where replay was then
  std::optional<WallTime> by_writer;  ///< a commit that this timeline's writer made
};

/// Takes a copy's answer into account. A commit that was replayed beyond a position on the writer's
/// own timeline was made by this writer. A copy whose replay stands further back than it did has
/// been seeded anew: what it had replayed before counts no more. `writer` null: not known now.
/// REQUIRES: the copy's WAL is the writer's, where that is known.
void follow_commit(BootstrapMemory& memory, const NodeFacts& copy, const TimelinePlace* writer);

/// Compares a server's wall clock with ours over time, to see it being set.
class ClockWatch {
 public:
  /// `server_now` was read between these two moments.
  void watch(WallTime server_now, Instant asked, Instant answered);
  /// When the server's clock showed this; never later than it really was. nullopt: it has not been
  /// read, the time lies ahead of it, or the clock was set since.
  std::optional<Instant> when(WallTime time) const;

 private:
  struct Reading {
    WallTime server;
    Instant asked;
    Instant answered;
  };
  std::optional<Reading> latest_;
  std::optional<WallTime> set_at_;  // it was seen to have been set when it showed this
};

}  // namespace rpoguard::core
