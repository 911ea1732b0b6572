// The WAL clock of a writer: pairs (t, c) with "every commit acknowledged before t ends at or
// before c".
#pragma once

#include <optional>
#include <vector>

#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// A value type; not thread-safe. Bounded: at most about 3000 pairs whatever is pushed.
/// Dropping a pair is always safe: it can only make the recovery point older.
class WalClock {
 public:
  struct Pair {
    Instant t;           ///< everything acknowledged before t ...
    Lsn c;               ///< ... ends here at the latest
    Instant first_seen;  ///< when a bound this high was first read: something beyond the previous
                         ///< pair existed by then
  };

  /// Adds a pair. t must not run backwards. A bound at or below earlier ones replaces them: it says
  /// more.
  void push(Instant t, Lsn c, Instant seen);

  /// The latest t whose bound d covers; nullopt if d covers none.
  std::optional<Instant> proven_until(Lsn d) const;
  /// The first pair that d does not cover; nullopt if d covers all.
  std::optional<Pair> first_beyond(Lsn d) const;

  std::optional<Pair> latest() const;
  bool empty() const { return pairs_.empty(); }
  std::size_t size() const { return pairs_.size(); }
  void clear() { pairs_.clear(); }
  /// Keeps what it says about instants up to t and positions up to c.
  void cut(Instant t, Lsn c);

 private:
  void thin(Instant now);
  // Strictly rising in t and in c. A vector: it is moved with the memory at each evaluation.
  std::vector<Pair> pairs_;
  Instant thinned_{};
};

}  // namespace rpoguard::core
