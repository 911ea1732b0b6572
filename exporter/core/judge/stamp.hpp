// Stamps: what to type to make one, and what tells one from another that has its number.
#pragma once

#include <optional>
#include <string>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// Where an epoch was confirmed, as far as that is known.
struct EpochPlace {
  std::optional<Timeline> timeline{};
  /// That timeline held the stamp up to here: what leaves it earlier may have another stamp.
  std::optional<Lsn> position{};
  std::optional<WallTime>
      stamped{};  ///< StampedEpoch::promoted_at, which comes with one stamp only
  friend bool operator==(const EpochPlace&, const EpochPlace&) = default;
};

/// What a writer shows now.
EpochPlace epoch_place(const NodeFacts& writer);

/// Why a writer with these facts is on another history than the one that was confirmed on the same
/// epoch, or on a stamp of its own: "timeline 2, which left timeline 1 before that". Empty: nothing
/// says so. `same_node`: it is the node that was confirmed. Any other may have taken over
/// unstamped, so there an unknown history is no contradiction.
///
/// Example: epoch 4 was confirmed on timeline 1, at 0/5000. The node is restored to 0/3000, where
/// its timeline 2 begins, and stamped until its epoch is 4 again: timeline 2 left timeline 1 at
/// 0/3000, so this 4 is another one.
std::string another_history(const EpochPlace& before, const NodeFacts& writer, bool same_node);

/// Why the stamp that a writer with these facts shows was not made on it, since it was promoted:
/// "which was stamped on timeline 1; now it is on timeline 2: it was promoted since". Empty: it may
/// have been. A timeline that a server was promoted to is above all those whose WAL it holds, so
/// the stamp of the server before names another one.
std::string another_timeline(const NodeFacts& writer);

/// Did the server begin its timeline after that one, and on its WAL, as far as it tells?
bool comes_after(const NodeFacts& writer, Timeline timeline);

/// "timeline 1, stamped at 2026-01-01T00:00:00.000Z"; empty: nothing is known.
std::string render_place(const EpochPlace& place);

/// Why the table of epochs cannot be read.
std::string render_lock(const EpochLock& lock);

/// What to type on the server of that region that is to be the writer; `highest`: epoch that
/// rpoguard has ever seen. "select rpoguard.cluster_promote('phx', 'YOUR NAME', above => 7)"
std::string stamp_statement(const std::string& region, std::optional<Epoch> highest);

}  // namespace rpoguard::core
