#include <malloc.h>
#include <pthread.h>

#include "exporter/cli/app.hpp"

namespace {

// cpp-httplib parses some headers with std::regex, which recurses. Its threads get room for
// that, whatever `ulimit -s` says.
void give_threads_large_stacks() {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return;
  pthread_attr_setstacksize(&attributes, 8UL * 1024 * 1024);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
}

// Each thread that allocates may get a heap of its own, and two dozen request threads would each
// keep the memory of the largest page they have ever rendered. Two heaps are enough for them.
void share_heaps() {
  mallopt(M_ARENA_MAX, 2);
}

}  // namespace

int main(int argc, char** argv) {
  give_threads_large_stacks();
  share_heaps();
  return rpoguard::cli::run(argc, argv);
}
