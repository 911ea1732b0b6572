/* The lease page: a file in shared memory in which rpoguard keeps, for each shard, until when
 * writes may be let in. A gateway maps it once; asking then takes one clock reading and no system
 * call.
 *
 * C99 or C++, Linux, no dependency. Licence: Apache-2.0. The layout is in docs/lease-page.md.
 *
 *     struct rpoguard_lease_page page;
 *     const struct rpoguard_lease_record *lease;
 *     struct rpoguard_lease_caller caller = RPOGUARD_LEASE_CALLER_INIT;
 *     caller.writer = "iad-a";                 the node that its connections lead to,
 *     caller.timeline = 3;                     and the timeline that it has read there
 *     if (rpoguard_lease_map(&page, "/run/rpoguard/lease") != 0) refuse();
 *     lease = rpoguard_lease_find(&page, "184");            NULL: no such shard, always closed
 *     ...
 *     if (!rpoguard_lease_open_to(lease, &caller)) {        closed, or another page took over
 *       if (rpoguard_lease_refresh(&page, "/run/rpoguard/lease")) {
 *         lease = rpoguard_lease_find(&page, "184");
 *       }
 *       if (!rpoguard_lease_open_to(lease, &caller)) refuse();
 *     }
 *     write();
 *
 * What a reader must know:
 * - Deadlines are on CLOCK_BOOTTIME. The containers of one pod share it; other machines do not.
 * - Nobody has to notice that rpoguard is dead or hangs: the deadline passes.
 * - Who holds a connection to a writer states that writer's epoch, timeline and node
 *   (rpoguard_lease_open_to()): then no other writer's lease lets it in.
 * - Closed is the moment to refresh: after a restart or a change of the shards there is another
 *   file at the path, and the old page stays closed for ever. It costs one stat(); a gateway that
 *   refuses thousands of writes a second asks a few times a second.
 * - Reading may go on in many threads; refresh and unmap must be alone, since they take the page
 *   and its records away.
 */
#ifndef RPOGUARD_LEASE_H
#define RPOGUARD_LEASE_H

/* This is C. NOLINTBEGIN(cppcoreguidelines-*, modernize-*, readability-*, performance-*) */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef CLOCK_BOOTTIME
#error "define _GNU_SOURCE, or _POSIX_C_SOURCE as 200809L, before the first #include"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define RPOGUARD_LEASE_MAGIC \
  UINT64_C(0x455341454c4f5052) /* "RPOLEASE" on a little-endian machine */
#define RPOGUARD_LEASE_VERSION 1U
#define RPOGUARD_LEASE_NAME_BYTES 64U
#define RPOGUARD_LEASE_WORDS 40U

enum rpoguard_lease_mode {
  RPOGUARD_LEASE_ENFORCE = 0,
  RPOGUARD_LEASE_SHADOW = 1, /* open; `reason` tells why enforce would refuse */
  RPOGUARD_LEASE_OFF = 2
};

/* At offset 0, 64 bytes. */
struct rpoguard_lease_header {
  uint64_t magic;
  uint32_t version;
  uint32_t header_bytes; /* offset of the first record */
  uint32_t record_bytes;
  uint32_t records;
  uint64_t updated_ns; /* CLOCK_BOOTTIME of the last update */
  uint64_t superseded; /* not 0: every lease of this page is closed for ever */
  uint64_t reserved[3];
};

/* In shared memory, 320 bytes, one for each shard: the words of a struct rpoguard_lease, to be read
 * with the functions below only. */
struct rpoguard_lease_record {
  uint64_t words[RPOGUARD_LEASE_WORDS];
};

/* What a record says. Texts end with a zero byte. */
struct rpoguard_lease {
  uint64_t sequence;                   /* word 0: odd while rpoguard writes */
  uint64_t open_until_ns;              /* word 1: CLOCK_BOOTTIME; 0: closed */
  uint64_t open_until_low_priority_ns; /* word 2: the same for work that can wait */
  int64_t epoch;                       /* word 3: of the confirmed writer; -1: there is none */
  int64_t generation;                  /* word 4: of the shard map; -1: not known */
  uint64_t generation_until_ns;        /* word 5: the deadline for who states that generation */
  uint32_t mode;                       /* word 6: enum rpoguard_lease_mode */
  uint32_t waived;                     /* 1: open without proof of a remote copy */
  /* Word 7: of the confirmed writer. 0: there is none, or the rpoguard that writes the page is from
   * before this field, and then it refuses whoever states a timeline. */
  uint64_t timeline;
  char reason[RPOGUARD_LEASE_NAME_BYTES]; /* empty while open */
  char shard[RPOGUARD_LEASE_NAME_BYTES];  /* never changes */
  char writer[RPOGUARD_LEASE_NAME_BYTES];
  char writer_region[RPOGUARD_LEASE_NAME_BYTES];
};

/* A mapped page. Zeroed, it is one without any shard. */
struct rpoguard_lease_page {
  const struct rpoguard_lease_header* header;
  size_t bytes;
  dev_t device;
  ino_t inode;
};

static inline uint64_t rpoguard_lease_now_ns(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) return UINT64_MAX; /* without a clock all is late */
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static inline int rpoguard_lease_fits(const struct rpoguard_lease_header* header, uint64_t bytes) {
  return header->magic == RPOGUARD_LEASE_MAGIC && header->version == RPOGUARD_LEASE_VERSION &&
         header->header_bytes == sizeof(struct rpoguard_lease_header) &&
         header->record_bytes == sizeof(struct rpoguard_lease_record) &&
         bytes >= header->header_bytes + (uint64_t)header->records * header->record_bytes;
}

/* 0, or an errno: ENOENT and the like, or EPROTO if the file is no page of this version. On failure
 * the page is one without any shard. */
static inline int rpoguard_lease_map(struct rpoguard_lease_page* page, const char* path) {
  struct stat info;
  void* base;
  int error = 0;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  memset(page, 0, sizeof(*page));
  if (file < 0) return errno;
  if (fstat(file, &info) != 0) {
    error = errno;
  } else if (!S_ISREG(info.st_mode) ||
             (uint64_t)info.st_size < sizeof(struct rpoguard_lease_header)) {
    error = EPROTO;
  }
  if (error != 0) {
    close(file);
    return error;
  }
  base = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, file, 0);
  error = errno;
  close(file);
  if (base == MAP_FAILED) return error;
  if (!rpoguard_lease_fits((const struct rpoguard_lease_header*)base, (uint64_t)info.st_size)) {
    munmap(base, (size_t)info.st_size);
    return EPROTO;
  }
  page->header = (const struct rpoguard_lease_header*)base;
  page->bytes = (size_t)info.st_size;
  page->device = info.st_dev;
  page->inode = info.st_ino;
  return 0;
}

static inline void rpoguard_lease_unmap(struct rpoguard_lease_page* page) {
  if (page->header != NULL) munmap((void*)(uintptr_t)page->header, page->bytes);
  memset(page, 0, sizeof(*page));
}

/* Not 0: another file was at the path and took the page's place; look the records up again. 0: the
 * page is as before, also if there is no other that can be mapped. */
static inline int rpoguard_lease_refresh(struct rpoguard_lease_page* page, const char* path) {
  struct stat info;
  struct rpoguard_lease_page next;
  if (stat(path, &info) != 0) return 0;
  /* While the old file is mapped, no other has its inode. */
  if (page->header != NULL && info.st_dev == page->device && info.st_ino == page->inode) return 0;
  if (rpoguard_lease_map(&next, path) != 0) return 0;
  rpoguard_lease_unmap(page);
  *page = next;
  return 1;
}

/* Not 0: this page will not open again. */
static inline int rpoguard_lease_superseded(const struct rpoguard_lease_page* page) {
  return page->header == NULL || __atomic_load_n(&page->header->superseded, __ATOMIC_ACQUIRE) != 0;
}

/* The shard's record, or NULL. Good until the page is refreshed or unmapped: look it up once. */
static inline const struct rpoguard_lease_record* rpoguard_lease_find(
    const struct rpoguard_lease_page* page, const char* shard) {
  const struct rpoguard_lease_record* records;
  uint32_t i;
  if (page->header == NULL) return NULL;
  records = (const struct rpoguard_lease_record*)(const void*)(page->header + 1);
  for (i = 0; i < page->header->records; ++i) {
    const char* name = (const char*)&records[i] + offsetof(struct rpoguard_lease, shard);
    if (strncmp(name, shard, RPOGUARD_LEASE_NAME_BYTES) == 0) return &records[i];
  }
  return NULL;
}

static inline uint64_t rpoguard_lease_word(const struct rpoguard_lease_record* lease, int word) {
  return __atomic_load_n(&lease->words[word], __ATOMIC_ACQUIRE);
}

/* For how long writes may still be let in, in nanoseconds; 0: they may not. One deadline is read at
 * once, so nothing can be torn. The clock is read last: a reader that was held up is late. */
static inline uint64_t rpoguard_lease_left_ns(const struct rpoguard_lease_record* lease,
                                              int low_priority) {
  uint64_t until;
  uint64_t now;
  if (lease == NULL) return 0;
  until = rpoguard_lease_word(lease, low_priority ? 2 : 1);
  now = rpoguard_lease_now_ns();
  return now < until ? until - now : 0;
}

/* May a write be let in now? */
static inline int rpoguard_lease_open(const struct rpoguard_lease_record* lease, int low_priority) {
  return rpoguard_lease_left_ns(lease, low_priority) != 0;
}

/* How often a reader starts anew when rpoguard writes at the same time. One update takes well below
 * a microsecond; if rpoguard was killed or stopped in its middle, trying longer does not help. */
#define RPOGUARD_LEASE_ATTEMPTS 1000

/* What a caller knows of the writer that it talks to, and of its shard map. What it states fences
 * it: the shard is open to it only while the record says the same. Begin with
 * RPOGUARD_LEASE_CALLER_INIT, which states nothing. */
struct rpoguard_lease_caller {
  int64_t epoch;      /* -1: not stated */
  int64_t timeline;   /* -1: not stated */
  const char* writer; /* the node's name; NULL: not stated */
  int64_t generation; /* -1: not stated */
  int low_priority;
};
#define RPOGUARD_LEASE_CALLER_INIT \
  { -1, -1, NULL, -1, 0 }

/* Word 24: where a record names the writer. */
#define RPOGUARD_LEASE_WRITER_WORD \
  ((int)(offsetof(struct rpoguard_lease, writer) / sizeof(uint64_t)))

static inline int rpoguard_lease_names_writer(const struct rpoguard_lease_record* lease,
                                              const char* writer) {
  uint64_t words[RPOGUARD_LEASE_NAME_BYTES / sizeof(uint64_t)];
  char name[RPOGUARD_LEASE_NAME_BYTES];
  int i;
  for (i = 0; i < (int)(sizeof(words) / sizeof(words[0])); ++i) {
    words[i] = rpoguard_lease_word(lease, RPOGUARD_LEASE_WRITER_WORD + i);
  }
  memcpy(name, words, sizeof(name));
  return name[0] != 0 && strncmp(name, writer, sizeof(name)) == 0;
}

/* May this caller let a write in now? Closed while rpoguard is stuck in the middle of an update. */
static inline int rpoguard_lease_open_to(const struct rpoguard_lease_record* lease,
                                         const struct rpoguard_lease_caller* caller) {
  int attempt;
  if (lease == NULL) return 0;
  for (attempt = 0; attempt < RPOGUARD_LEASE_ATTEMPTS; ++attempt) {
    const uint64_t sequence = rpoguard_lease_word(lease, 0);
    uint64_t until = rpoguard_lease_word(lease, caller->low_priority ? 2 : 1);
    const int64_t epoch = (int64_t)rpoguard_lease_word(lease, 3);
    const int64_t generation = (int64_t)rpoguard_lease_word(lease, 4);
    const uint64_t generation_until = rpoguard_lease_word(lease, 5);
    const uint64_t word6 = rpoguard_lease_word(lease, 6);
    const uint64_t timeline = rpoguard_lease_word(lease, 7);
    const int its_writer =
        caller->writer == NULL || rpoguard_lease_names_writer(lease, caller->writer);
    uint32_t mode;
    memcpy(&mode, &word6, sizeof(mode));
    if ((sequence & 1U) != 0 || rpoguard_lease_word(lease, 0) != sequence) continue;
    if (mode == RPOGUARD_LEASE_ENFORCE) {
      if (caller->epoch != -1 && caller->epoch != epoch) return 0;
      if (caller->timeline != -1 && (timeline == 0 || (uint64_t)caller->timeline != timeline))
        return 0;
      if (!its_writer) return 0;
      if (caller->generation != -1 && caller->generation != generation) return 0;
      if (caller->generation != -1 && generation_until < until) until = generation_until;
    }
    return rpoguard_lease_now_ns() < until;
  }
  return 0;
}

/* The same for a caller that states its epoch, the generation of its shard map, or both; -1: not
 * stated. */
static inline int rpoguard_lease_open_for(const struct rpoguard_lease_record* lease, int64_t epoch,
                                          int64_t generation, int low_priority) {
  struct rpoguard_lease_caller caller = RPOGUARD_LEASE_CALLER_INIT;
  caller.epoch = epoch;
  caller.generation = generation;
  caller.low_priority = low_priority;
  return rpoguard_lease_open_to(lease, &caller);
}

/* A copy whose fields belong together. 0, or EAGAIN if rpoguard is stuck in the middle of an
 * update: then `copy` is not to be used, and deadlines count only as rpoguard_lease_open() reads
 * them. */
static inline int rpoguard_lease_read(const struct rpoguard_lease_record* lease,
                                      struct rpoguard_lease* copy) {
  uint64_t words[RPOGUARD_LEASE_WORDS];
  int attempt;
  for (attempt = 0; attempt < RPOGUARD_LEASE_ATTEMPTS; ++attempt) {
    int i;
    for (i = 0; i < (int)RPOGUARD_LEASE_WORDS; ++i) words[i] = rpoguard_lease_word(lease, i);
    if ((words[0] & 1U) != 0 || rpoguard_lease_word(lease, 0) != words[0]) continue;
    memcpy(copy, words, sizeof(*copy));
    return 0;
  }
  return EAGAIN;
}

#ifdef __cplusplus
}
#endif

/* NOLINTEND(cppcoreguidelines-*, modernize-*, readability-*, performance-*) */

#endif
