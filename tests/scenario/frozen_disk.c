/* Stands in front of the system calls of a PostgreSQL server: while the file named by
 * RPOGUARD_FROZEN exists, everything that would write or sync a file under pg_wal waits, as on a disk
 * that has stopped answering. Reads go on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int is_wal(int file) {
  char link[64];
  char path[PATH_MAX];
  ssize_t length;
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  length = readlink(link, path, sizeof(path) - 1);
  if (length <= 0) return 0;
  path[length] = '\0';
  return strstr(path, "/pg_wal/") != NULL;
}

static void wait_while_frozen(int file) {
  static const struct timespec pause = {0, 20 * 1000 * 1000};
  const char *flag = getenv("RPOGUARD_FROZEN");
  if (flag == NULL || access(flag, F_OK) != 0 || !is_wal(file)) return;
  while (access(flag, F_OK) == 0) nanosleep(&pause, NULL);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
  static ssize_t (*next)(int, const void *, size_t, off64_t);
  if (next == NULL) next = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  wait_while_frozen(file);
  return next(file, data, size, at);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
  static ssize_t (*next)(int, const void *, size_t, off_t);
  if (next == NULL) next = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
  wait_while_frozen(file);
  return next(file, data, size, at);
}

int fdatasync(int file) {
  static int (*next)(int);
  if (next == NULL) next = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  wait_while_frozen(file);
  return next(file);
}

int fsync(int file) {
  static int (*next)(int);
  if (next == NULL) next = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_while_frozen(file);
  return next(file);
}
