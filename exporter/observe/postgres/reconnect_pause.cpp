#include "exporter/observe/postgres/reconnect_pause.hpp"

#include <algorithm>

#include "exporter/core/model/limits.hpp"

namespace rpoguard::observe {

using core::limits::kReconnectBackoffMax;
using core::limits::kReconnectBackoffMin;

// The attempt after the longest pause starts at a tick, so at most kReconnectBackoffMax after the
// failure.
ReconnectPause::ReconnectPause(core::Duration interval)
    : longest_(std::max(kReconnectBackoffMin, kReconnectBackoffMax - interval)),
      length_(kReconnectBackoffMin),
      random_(std::random_device{}()) {}

void ReconnectPause::begin(core::Instant now) {
  const double share = std::uniform_real_distribution(0.5, 1.0)(random_);
  until_ = now + std::chrono::duration_cast<core::Duration>(length_ * share);
  length_ = std::min(2 * length_, longest_);
}

void ReconnectPause::reset() {
  length_ = kReconnectBackoffMin;
}

}  // namespace rpoguard::observe
