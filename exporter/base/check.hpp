// CHECK: a bug in rpoguard itself ends the process, in release builds too. A dead sidecar renews no
// lease, so the gate closes; a confused one might not.
#pragma once

namespace rpoguard::base {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace rpoguard::base

#define RPOGUARD_CHECK(condition)     \
  ((condition) ? static_cast<void>(0) \
               : ::rpoguard::base::check_failed(#condition, __FILE__, __LINE__))
