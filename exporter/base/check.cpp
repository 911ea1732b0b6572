#include "exporter/base/check.hpp"

#include <cstdio>
#include <cstdlib>

#include <poll.h>
#include <unistd.h>

namespace rpoguard::base {

namespace {
constexpr const char* kLine = "level=fatal msg=\"bug in rpoguard\" check=\"%s\" at=%s:%d\n";
}

// A death test runs these lines in a child that leaves no counts.
// If stderr is a pipe whose reader is stuck, the last words are lost, and not the end: nothing
// would start rpoguard anew.
void check_failed(const char* condition, const char* file, int line) {  // uncovered: aborts
  pollfd ready{STDERR_FILENO, POLLOUT, 0};                              // uncovered: aborts
  if (::poll(&ready, 1, 0) > 0)                                         // uncovered: aborts
    std::fprintf(stderr, kLine, condition, file, line);                 // uncovered: aborts
  std::abort();                                                         // uncovered: aborts
}

}  // namespace rpoguard::base
