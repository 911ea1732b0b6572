#include "exporter/observe/system/processor_time.hpp"

#include <ctime>

#include "exporter/base/check.hpp"

namespace rpoguard::observe {

core::Duration processor_time() {
  timespec time{};
  RPOGUARD_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace rpoguard::observe
