#include "exporter/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace rpoguard::base {

namespace {
constexpr const char* kLine = "level=fatal msg=\"bug in rpoguard\" check=\"%s\" at=%s:%d\n";
}

// A death test runs these lines in a child that leaves no counts.
void check_failed(const char* condition, const char* file, int line) {  // uncovered: aborts
  std::fprintf(stderr, kLine, condition, file, line);                   // uncovered: aborts
  std::abort();                                                         // uncovered: aborts
}

}  // namespace rpoguard::base
