#include "exporter/run/system_clock.hpp"

#include <ctime>

#include "exporter/base/check.hpp"

namespace rpoguard::run {

// CLOCK_BOOTTIME, not std::chrono::steady_clock: that one is CLOCK_MONOTONIC and stands still while
// the machine is suspended, so a lease would outlive a suspend.
core::Instant SystemClock::now() const {
  timespec time{};
  RPOGUARD_CHECK(clock_gettime(CLOCK_BOOTTIME, &time) == 0);
  return core::Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

core::WallTime SystemClock::wall() const {
  return std::chrono::time_point_cast<core::WallTime::duration>(std::chrono::system_clock::now());
}

}  // namespace rpoguard::run
