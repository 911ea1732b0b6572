// The seam to time. The core takes Instants as parameters; the shell gets them from here.
#pragma once

#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// Thread-safe. The system's implementation is cli/system_clock; tests use a virtual one.
class Clock {
 public:
  virtual ~Clock() = default;
  /// CLOCK_BOOTTIME: goes on during suspend, never steps.
  virtual Instant now() const = 0;
  /// CLOCK_REALTIME, for display and timestamps only.
  virtual WallTime wall() const = 0;
};

}  // namespace rpoguard::core
