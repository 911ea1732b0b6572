#include <pthread.h>

#include "exporter/cli/app.hpp"

namespace {

// H5, H6: cpp-httplib parses some headers with std::regex, which recurses. Its threads get room for
// that, whatever `ulimit -s` says.
void give_threads_large_stacks() {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return;
  pthread_attr_setstacksize(&attributes, 8UL * 1024 * 1024);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
}

}  // namespace

int main(int argc, char** argv) {
  give_threads_large_stacks();
  return rpoguard::cli::run(argc, argv);
}
