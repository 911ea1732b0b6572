// The truth about the WAL: which commit was acknowledged when, and which position holds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/timeline_history.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::sim {

using core::Duration;
using core::Instant;

/// A place in the tree of timelines. Timeline ids are unique within a world and rise with each
/// branch. What a server calls its timeline is another number (shown()): a writer that lost WAL
/// goes on under the old one, and two servers may be promoted to the same.
struct Position {
  std::uint32_t timeline = 1;
  std::uint64_t lsn = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

struct Ack {
  Instant when;
  std::uint64_t end = 0;           ///< end LSN of the commit record
  std::uint64_t needed_up_to = 0;  ///< highest end among this and all acknowledged before
  bool promised = true;            ///< let in by an open gate without a waiver
};

/// cluster_state as a fact in the WAL.
struct Stamp {
  Position end;
  std::int64_t epoch = 0;
  std::string region;
  Instant when{};
};

/// What rpoguard.mark_run() has written.
struct Mark {
  Position end;
  core::RunMark row;
};

class History {
 public:
  History();
  /// A promotion at `at`: the new timeline holds what was acknowledged up to there. `shown`: what
  /// its server calls it; absent: a number of its own.
  std::uint32_t branch(Position at, std::optional<std::uint32_t> shown = std::nullopt);
  std::uint32_t shown(std::uint32_t timeline) const { return branches_.at(timeline).shown; }
  void acknowledge(Position end, Instant when, bool promised);
  void stamp(const Stamp& stamp) { stamps_.push_back(stamp); }
  void mark(const Mark& mark) { marks_.push_back(mark); }
  /// The record of a commit or an abort, with the time that its writer's clock showed before.
  void record(Position end, core::WallTime time);
  /// The only server that ever wrote beyond `end` on this timeline has lost it in a crash.
  void forget_beyond(Position end);

  /// End of the last commit of this timeline's history acknowledged before `t`; 0 if there is none.
  std::uint64_t needed(std::uint32_t timeline, Instant t) const;
  /// Up to which LSN of `timeline`'s history a server at `held` holds it.
  std::uint64_t covered(std::uint32_t timeline, Position held) const;
  /// The latest stamp that a server which has replayed up to `held` shows.
  const Stamp& stamp_at(Position held) const;
  /// The last mark that a server which has replayed up to `held` shows; null: none.
  const Mark* mark_at(Position held) const;
  /// The last mark that was written on this very timeline between the two; null: none.
  const Mark* mark_between(std::uint32_t timeline, std::uint64_t from, std::uint64_t to) const;
  /// The stamp of that number in a timeline's history; null: none was made there.
  const Stamp* stamp_of(std::uint32_t timeline, std::int64_t epoch) const;
  /// Promised commits of `timeline` that a server at `held` does not hold: from the first to the
  /// last acknowledgement; nullopt if none is missing.
  std::optional<Duration> lost_span(std::uint32_t timeline, Position held) const;
  /// The last commit or abort that a server which has replayed up to `held` has seen, if it ends
  /// beyond `from`.
  std::optional<core::WallTime> last_record(Position held, std::uint64_t from) const;
  /// As its .history file tells.
  core::TimelineHistory steps(std::uint32_t timeline) const;
  /// The one that it branched off; 0 for the first.
  std::uint32_t parent(std::uint32_t timeline) const { return branches_.at(timeline).parent; }
  /// Where it branched off its parent; 0 for the first.
  std::uint64_t split(std::uint32_t timeline) const { return branches_.at(timeline).split; }

 private:
  struct Record {
    std::uint64_t end = 0;
    core::WallTime time;
  };
  struct Branch {
    std::uint32_t parent = 0;
    std::uint64_t split = 0;
    std::uint32_t shown = 1;
    std::vector<Ack> acks;        // in order of `when`
    std::vector<Record> records;  // in order of `end`
  };
  static void append(std::vector<Ack>& acks, Ack ack);
  std::vector<Branch> branches_;  // [0] is unused
  std::vector<Stamp> stamps_;
  std::vector<Mark> marks_;
};

}  // namespace rpoguard::sim
