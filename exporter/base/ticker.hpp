// What happens again and again at even intervals.
#pragma once

#include <chrono>

namespace rpoguard::base {

/// The first after `now` of the moments `due`, `due` + interval, `due` + 2 intervals, ...: what was
/// missed is not caught up, and the rhythm stays. REQUIRES: interval > 0
template <typename Clock, typename Duration>
constexpr std::chrono::time_point<Clock, Duration> next_tick(
    std::chrono::time_point<Clock, Duration> due, std::chrono::time_point<Clock, Duration> now,
    Duration interval) {
  if (now < due) return due;
  return due + ((now - due) / interval + 1) * interval;
}

}  // namespace rpoguard::base
