// What the WAL archive proves: a step of an evaluation.
#include <algorithm>

#include "exporter/core/evaluator.hpp"

namespace rpoguard::core {

void Evaluator::prove_archive() {
  const NodeFacts* writer = writer_facts();
  if (writer == nullptr || !writer->archiver) return;
  ArchiveView& archive = view_.archive;
  archive.enabled = true;
  archive.failed_count = writer->archiver->failed_count;
  archive.last_archived_wal = writer->archiver->last_archived_wal;
  const auto segment = parse_wal_segment(archive.last_archived_wal, writer->wal_segment_bytes);
  if (!segment || segment->timeline != writer->timeline) return;
  archive.recovery_point = memory_.wal_clock.proven_until(segment->end);
  if (writer->insert_lsn)
    archive.lag_bytes = std::max<std::int64_t>(0, bytes_between(segment->end, *writer->insert_lsn));
}

}  // namespace rpoguard::core
