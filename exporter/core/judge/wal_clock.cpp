#include "exporter/core/judge/wal_clock.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "exporter/base/check.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::core {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Pairs older than `age` are kept at this distance from each other. About 2900 pairs in all.
struct Resolution {
  Duration age;
  Duration distance;
};
constexpr std::array<Resolution, 4> kResolutions{{
    {hours(1), minutes(1)},
    {minutes(10), seconds(10)},
    {minutes(1), seconds(1)},
    {Duration{0}, milliseconds(100)},
}};

static_assert(std::ranges::is_sorted(kResolutions, std::ranges::greater{}, &Resolution::age) &&
                  kResolutions.back().age == Duration{0},
              "distance_at() takes the first that is young enough, and finds one");

Duration distance_at(Duration age) {
  return std::ranges::find_if(kResolutions, [&](const Resolution& r) { return age >= r.age; })
      ->distance;
}

constexpr Duration kThinEvery = seconds(10);
// As many may come until the next time.
constexpr std::size_t kPairsBetween = kThinEvery / limits::kProbeIntervalMin;

}  // namespace

void WalClock::push(Instant t, Lsn c, Instant seen) {
  RPOGUARD_CHECK(pairs_.empty() || t >= pairs_.back().t);
  // A later t with a bound at or below an earlier one proves whatever that one would, and more.
  while (!pairs_.empty() && pairs_.back().c >= c) {
    seen = std::min(seen, pairs_.back().first_seen);
    pairs_.pop_back();
  }
  // Same t: the lower bound says more, and it is the one already there.
  if (!pairs_.empty() && pairs_.back().t == t) return;
  pairs_.push_back({t, c, seen});
  if (t - thinned_ >= kThinEvery) thin(t);
}

std::optional<Instant> WalClock::proven_until(Lsn d) const {
  const auto beyond = std::ranges::upper_bound(pairs_, d, {}, &Pair::c);
  if (beyond == pairs_.begin()) return std::nullopt;
  return std::prev(beyond)->t;
}

std::optional<WalClock::Pair> WalClock::first_beyond(Lsn d) const {
  const auto beyond = std::ranges::upper_bound(pairs_, d, {}, &Pair::c);
  if (beyond == pairs_.end()) return std::nullopt;
  return *beyond;
}

std::optional<WalClock::Pair> WalClock::latest() const {
  if (pairs_.empty()) return std::nullopt;
  return pairs_.back();
}

void WalClock::cut(Instant t, Lsn c) {
  std::optional<Pair> later;
  while (!pairs_.empty() && (pairs_.back().t > t || pairs_.back().c > c)) {
    later = pairs_.back();
    pairs_.pop_back();
  }
  // What holds for all before a later instant holds for all before t.
  const bool older = later && later->c <= c && (pairs_.empty() || pairs_.back().t < t);
  if (older) pairs_.push_back({t, later->c, later->first_seen});
}

// Walks from old to new and keeps a pair only if it is far enough from the one kept before it. The
// newest pair always stays.
void WalClock::thin(Instant now) {
  std::vector<Pair> kept;
  kept.reserve(pairs_.size() + kPairsBetween);
  for (const Pair& pair : pairs_) {
    const Duration age = now - pair.t;
    const bool newest = pair.t == pairs_.back().t;
    const bool too_old = age > limits::kWalClockReach;
    const bool too_close = !kept.empty() && pair.t - kept.back().t < distance_at(age);
    if (newest || (!too_old && !too_close)) kept.push_back(pair);
  }
  pairs_ = std::move(kept);
  thinned_ = now;
}

}  // namespace rpoguard::core
