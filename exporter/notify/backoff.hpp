// How long to wait before the next try.
#pragma once

#include <cstdint>

#include "exporter/core/model/units.hpp"

namespace rpoguard::notify {

inline constexpr core::Duration kBackoffBase = std::chrono::seconds(1);
inline constexpr core::Duration kBackoffMax = std::chrono::minutes(5);

/// Exponential with full jitter: anything from 0 to min(kBackoffMax, kBackoffBase * 2^(failures -
/// 1)), so that many senders do not come back at one moment. `failures` so far, 1 or more; `chance`
/// in [0, 1). Pure.
core::Duration backoff(std::uint32_t failures, double chance);

}  // namespace rpoguard::notify
