// What a process costs, what a page takes, and how to sum up many readings.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace rpoguard::bench {

/// CPU time (user and system, all threads, also ended ones) of any process of this machine, to the
/// nanosecond; the same account as utime + stime of /proc/PID/stat, which counts in 10 ms. Absent:
/// no such process. Thread-safe.
std::optional<std::chrono::nanoseconds> cpu_time(pid_t pid);

struct Memory {
  double resident_mib = 0;  ///< VmRSS
  double peak_mib = 0;      ///< VmHWM
};
/// Throws std::runtime_error when the process is gone.
Memory memory_of(pid_t pid);

struct Scrape {
  double milliseconds = 0;  ///< from before connect() until the server has closed
  std::string body;
};
/// GET /metrics on a connection of its own. Throws std::runtime_error unless the answer is 200.
Scrape scrape(std::uint16_t port);

/// Returns at `when`, at once if that has passed.
void wait_until(std::chrono::steady_clock::time_point when);

using Series = std::vector<double>;
/// The smallest reading that at least the share `q` of all readings does not exceed. REQUIRES: not
/// empty, 0 < q <= 1.
double quantile(Series readings, double q);
double median(const Series& readings);

/// Share of the time since construction in which some task of this machine waited for a CPU, from
/// the kernel's pressure account; absent where there is none.
class CpuPressure {
 public:
  CpuPressure();
  std::optional<double> share() const;

 private:
  std::optional<std::chrono::microseconds> at_start_;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace rpoguard::bench
