// What the kernel says about this process, for the standard process_* metrics.
#pragma once

#include <optional>

namespace rpoguard::serve {

/// Absent: /proc did not say.
struct ProcessStats {
  std::optional<double> cpu_seconds;
  std::optional<double> start_time_seconds;  ///< since 1970
  std::optional<double> resident_bytes;
  std::optional<double> virtual_bytes;
  std::optional<double> open_fds;
  std::optional<double> max_fds;  ///< absent also when there is no limit
};

/// Reads /proc; never throws. Thread-safe.
ProcessStats read_process_stats();

}  // namespace rpoguard::serve
