/* Preloaded: the wall clock of one process, ahead by as many seconds as the file named by
 * STEPPED_CLOCK says (a 64-bit number, mapped, so that a step takes effect at once). All other
 * clocks stay as they are; libfaketime moves timers (timerfd) along with the wall clock, which no
 * step of a real one does. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t* ahead;

__attribute__((constructor)) static void map_file(void) {
  const char* path = getenv("STEPPED_CLOCK");
  const int file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  void* base = MAP_FAILED;
  if (file >= 0) base = mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, file, 0);
  if (base == MAP_FAILED) abort();
  close(file);
  ahead = (const int64_t*)base;
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  const int result = (int)syscall(SYS_clock_gettime, clock, now);
  const int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (result == 0 && is_wall && ahead != NULL) now->tv_sec += (time_t)*ahead;
  return result;
}
