// How a timeline came about: the content of a .history file.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// One line of a .history file: up to `end`, the WAL is that of `timeline`.
struct TimelineStep {
  Timeline timeline;
  Lsn end;
  friend bool operator==(const TimelineStep&, const TimelineStep&) = default;
};

/// The ancestors of a timeline, oldest first; empty for one that was never branched off (timeline
/// 1). PostgreSQL: readTimeLineHistory().
struct TimelineHistory {
  std::vector<TimelineStep> steps;
  friend bool operator==(const TimelineHistory&, const TimelineHistory&) = default;
};

/// Parses a .history file: lines of "tli<TAB>lsn<TAB>reason", comments (#) and empty lines. nullopt
/// on anything else, or where timelines do not rise or positions fall.
std::optional<TimelineHistory> parse_timeline_history(std::string_view text);

/// Where the WAL of two nodes parts: the end of what they have in common.
struct Fork {
  /// Last common position; absent: they have all of the shorter one in common.
  std::optional<Lsn> point;
};
/// Compares (timeline, its history) of two nodes. nullopt: they share nothing, or the answer needs
/// a history that is not known. Two nodes on one timeline without known histories are taken to
/// share it.
struct TimelinePlace {
  Timeline timeline;
  const TimelineHistory* history = nullptr;  ///< null: not known
};
std::optional<Fork> fork_of(const TimelinePlace& a, const TimelinePlace& b);

}  // namespace rpoguard::core
