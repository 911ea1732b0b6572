/* A gateway in C: says what the lease page says of one shard, in one line.
 *
 *     lease_reader PATH SHARD [EPOCH [GENERATION [TIMELINE [WRITER]]]]     -1: not stated
 *
 * Exit code 0: open, 1: closed, 2: no such page.
 *
 * Compiled as C11 and, included by lease_reader_cxx.cpp, as C++. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/serve/lease/rpoguard_lease.h"

static int64_t number(int argc, char** argv, int at) {
  return argc > at ? strtoll(argv[at], NULL, 10) : -1;
}

int main(int argc, char** argv) {
  struct rpoguard_lease_page page;
  struct rpoguard_lease lease;
  struct rpoguard_lease_caller caller = RPOGUARD_LEASE_CALLER_INIT;
  const struct rpoguard_lease_record* record;
  int error;
  int open;
  if (argc < 3) return 2;
  error = rpoguard_lease_map(&page, argv[1]);
  if (error != 0) {
    printf("no page: %s\n", strerror(error));
    return 2;
  }
  record = rpoguard_lease_find(&page, argv[2]);
  caller.epoch = number(argc, argv, 3);
  caller.generation = number(argc, argv, 4);
  caller.timeline = number(argc, argv, 5);
  if (argc > 6) caller.writer = argv[6];
  open = rpoguard_lease_open_to(record, &caller);
  if (record == NULL) {
    printf("closed unknown_shard\n");
  } else if (rpoguard_lease_read(record, &lease) != 0) {
    printf("closed stuck\n");
  } else {
    printf("%s low=%s epoch=%" PRId64 " timeline=%" PRIu64 " generation=%" PRId64
           " mode=%u waived=%u writer=%s region=%s reason=%s\n",
           open ? "open" : "closed", rpoguard_lease_open(record, 1) ? "open" : "closed",
           lease.epoch, lease.timeline, lease.generation, (unsigned)lease.mode,
           (unsigned)lease.waived, lease.writer, lease.writer_region, lease.reason);
  }
  rpoguard_lease_unmap(&page);
  return open ? 0 : 1;
}
