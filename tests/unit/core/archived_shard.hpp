// A shard with a WAL archive that a test fills by hand.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core::test {

inline constexpr std::uint64_t kArchivedSegment = 16 * 1024 * 1024;

inline ShardSpec directory_spec() {
  ShardSpec spec = make_spec();
  spec.archive.source = ArchiveSource::directory;
  spec.archive.directory = "/archive";
  return spec;
}

/// A shard whose writer writes segment 3 and whose archive holds whole segments up to 2.
class ArchivedShard : public TestShard {
 public:
  explicit ArchivedShard(const ShardSpec& from = directory_spec()) : TestShard(from) {
    repository.runs = {{Timeline{1}, 0, 1, 2}};
    repository.system_identifier = 77;
  }
  NodeFacts& writer() { return facts[writer_node]; }
  const ArchiveView& archive() const { return view.archive; }

  void look() {
    observations.archive = ArchiveObservation{now, now + milliseconds(1), repository};
    now += milliseconds(1);
    judge();
  }
  void fail_to_look() {
    observations.archive = ArchiveObservation{
        now, now + milliseconds(1), ProbeError{ProbeFailure::timeout, "no answer within 10s"}};
    now += milliseconds(1);
    judge();
  }
  /// The writer fills its segment, and the archiver says that it archived it.
  void switch_segment(bool archived = true) {
    const std::uint64_t next = writer().insert_lsn->value / kArchivedSegment + 1;
    writer().insert_lsn = writer().flushed_lsn = Lsn{next * kArchivedSegment};
    writer().snapshot = std::to_string(++transactions) + "::";
    char name[25];
    std::snprintf(name, sizeof name, "00000001%08X%08X", 0U, static_cast<unsigned>(next - 1));
    writer().archiver->last_archived_wal = name;
    if (archived) repository.runs.back().last = static_cast<std::uint32_t>(next - 1);
  }

  ArchiveFacts repository;
};

}  // namespace rpoguard::core::test
