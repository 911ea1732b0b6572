// The promise as an account: seconds kept, exceeded and unknown, and how exposed the shard was for
// how long. judge/slo_account.hpp keeps it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>

#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// Upper bounds of the exposure histogram. The last bucket (+Inf) has no bound here.
inline constexpr std::array<Duration, 17> kExposureBuckets{std::chrono::milliseconds(250),
                                                           std::chrono::milliseconds(500),
                                                           std::chrono::seconds(1),
                                                           std::chrono::milliseconds(1500),
                                                           std::chrono::seconds(2),
                                                           std::chrono::seconds(3),
                                                           std::chrono::seconds(4),
                                                           std::chrono::seconds(5),
                                                           std::chrono::milliseconds(7500),
                                                           std::chrono::seconds(10),
                                                           std::chrono::seconds(15),
                                                           std::chrono::seconds(20),
                                                           std::chrono::seconds(30),
                                                           std::chrono::minutes(1),
                                                           std::chrono::minutes(5),
                                                           std::chrono::minutes(15),
                                                           std::chrono::hours(1)};

static_assert(std::ranges::is_sorted(kExposureBuckets, std::ranges::less_equal{}),
              "a second counts in the first that holds it");

/// Time spent at each exposure. Weighted by time, not by looks: each second counts once.
struct ExposureHistogram {
  /// Seconds with the exposure in (bound i-1, bound i]; the last: above all bounds, or unknown.
  std::array<Duration, kExposureBuckets.size() + 1> time{};
  Duration known{};         ///< time with a known exposure
  double sum_seconds2 = 0;  ///< integral of the known exposure over time, in seconds squared
  friend bool operator==(const ExposureHistogram&, const ExposureHistogram&) = default;
};

/// Seconds since rpoguard first judged the shard; they only grow, also across reloads.
struct SloView {
  Duration total{};
  Duration exceeded{};
  Duration unknown{};
  ExposureHistogram exposure{};
};

/// Time in which the RPO was provably kept: the total without the exceeded and the unknown.
inline Duration kept(const SloView& account) {
  return account.total - account.exceeded - account.unknown;
}

}  // namespace rpoguard::core
