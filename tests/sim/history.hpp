// The truth about the WAL: which commit was acknowledged when, and which position holds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exporter/core/units.hpp"

namespace rpoguard::sim {

using core::Duration;
using core::Instant;

/// A place in the tree of timelines. Timeline ids are unique within a world and rise with each
/// branch.
struct Position {
  std::uint32_t timeline = 1;
  std::uint64_t lsn = 0;
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
};

class History {
 public:
  History();
  /// A promotion at `at`: the new timeline holds what was acknowledged up to there.
  std::uint32_t branch(Position at);
  void acknowledge(Position end, Instant when, bool promised);
  void stamp(const Stamp& stamp) { stamps_.push_back(stamp); }
  /// The only server that ever wrote beyond `end` on this timeline has lost it in a crash.
  void forget_beyond(Position end);

  /// End of the last commit of this timeline's history acknowledged before `t`; 0 if there is none.
  std::uint64_t needed(std::uint32_t timeline, Instant t) const;
  /// Up to which LSN of `timeline`'s history a server at `held` holds it.
  std::uint64_t covered(std::uint32_t timeline, Position held) const;
  /// The latest stamp that a server which has replayed up to `held` shows.
  const Stamp& stamp_at(Position held) const;
  /// Promised commits of `timeline` that a server at `held` does not hold: from the first to the
  /// last acknowledgement; nullopt if none is missing.
  std::optional<Duration> lost_span(std::uint32_t timeline, Position held) const;

 private:
  struct Branch {
    std::uint32_t parent = 0;
    std::uint64_t split = 0;
    std::vector<Ack> acks;  // in order of `when`
  };
  static void append(std::vector<Ack>& acks, Ack ack);
  std::vector<Branch> branches_;  // [0] is unused
  std::vector<Stamp> stamps_;
};

}  // namespace rpoguard::sim
