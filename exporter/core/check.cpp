#include "exporter/core/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace rpoguard::core {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "level=fatal msg=\"bug in rpoguard\" check=\"%s\" at=%s:%d\n", condition,
               file, line);
  std::abort();
}

}  // namespace rpoguard::core
