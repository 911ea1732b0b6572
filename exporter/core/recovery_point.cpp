#include "exporter/core/recovery_point.hpp"

#include <algorithm>

#include "exporter/core/limits.hpp"

namespace rpoguard::core {

std::optional<Lsn> durable_part(const DurablePosition& position, Durability durability) {
  return durability == Durability::flush ? std::optional(position.flushed) : position.replayed;
}

std::optional<DurablePosition> own_position(const NodeFacts& copy,
                                            std::uint64_t system_identifier) {
  if (!copy.in_recovery || copy.system_identifier != system_identifier) return std::nullopt;
  if (!copy.receive_lsn && !copy.replay_lsn) return std::nullopt;
  // What is replayed was durable here before, also when it came from the archive and no receiver
  // ever ran.
  const Lsn flushed = std::max(copy.receive_lsn.value_or(Lsn{}), copy.replay_lsn.value_or(Lsn{}));
  return DurablePosition{copy.timeline, flushed, copy.replay_lsn, copy.history};
}

const ReplicationRow* row_of(const NodeFacts& writer, const std::string& application_name) {
  const ReplicationRow* found = nullptr;
  for (const ReplicationRow& row : writer.replication) {
    if (row.application_name != application_name) continue;
    if (found != nullptr) return nullptr;  // two claim the name: neither is evidence
    found = &row;
  }
  return found;
}

std::optional<DurablePosition> reported_position(const ReplicationRow& row,
                                                 const TimelinePlace& writer) {
  if (!row.flush_lsn || (row.state != "streaming" && row.state != "catchup")) return std::nullopt;
  const auto history = writer.history != nullptr ? std::optional(*writer.history) : std::nullopt;
  return DurablePosition{writer.timeline, *row.flush_lsn, row.replay_lsn, history};
}

bool shared_up_to(const DurablePosition& copy, const TimelinePlace& writer, Lsn position) {
  const TimelinePlace place{copy.timeline, copy.history ? &*copy.history : nullptr};
  const auto fork = fork_of(place, writer);
  return fork && (!fork->point || position <= *fork->point);
}

namespace {

// The end of the WAL written so far. After a switch of segments the insert position stands behind
// the header of a page that nothing is written to yet (40 bytes, XLogLongPageHeaderData): no record
// can end there.
Lsn end_of_wal(Lsn insert, std::uint64_t segment_bytes) {
  constexpr std::uint64_t kLongPageHeader = 40;
  const bool only_header = segment_bytes > 0 && insert.value % segment_bytes == kLongPageHeader;
  return only_header ? Lsn{insert.value - kLongPageHeader} : insert;
}

}  // namespace

std::optional<WriterSample> sample_writer(const std::optional<WriterSample>& previous,
                                          const NodeFacts& writer, Instant asked,
                                          Instant answered) {
  if (writer.in_recovery || !writer.insert_lsn || !writer.snapshot) return std::nullopt;
  // A snapshot is the server's, not the session's; only a new start may count transactions anew.
  const bool same_start = previous && (previous->session == writer.session ||
                                       (writer.started && previous->started == writer.started));
  const bool nothing_ended = same_start && previous->snapshot == *writer.snapshot;
  if (!nothing_ended) {
    const Lsn bound = end_of_wal(*writer.insert_lsn, writer.wal_segment_bytes);
    return WriterSample{writer.session, writer.started, *writer.snapshot, bound, asked, answered};
  }
  WriterSample sample = *previous;
  // The insert position may lie beyond what will ever be flushed while the writer is idle (a
  // reader's page pruning writes WAL, too). Whatever was acknowledged before this snapshot was
  // first seen is flushed by now: synchronous commits before their answer, asynchronous ones within
  // a few wal_writer_delay.
  const Duration flushed_within = limits::kAsyncCommitFlushDelays * writer.wal_writer_delay;
  const bool flush_counts = writer.flushed_lsn && writer.wal_writer_delay > Duration{0} &&
                            asked - sample.seen >= flushed_within;
  if (flush_counts) sample.bound = std::min(sample.bound, *writer.flushed_lsn);
  return sample;
}

std::optional<CopyProof> kth_best(std::vector<CopyProof> proofs, int k) {
  if (k < 1 || proofs.size() < static_cast<std::size_t>(k)) return std::nullopt;
  std::ranges::sort(proofs, std::ranges::greater{}, &CopyProof::proven_until);
  return proofs[static_cast<std::size_t>(k) - 1];
}

}  // namespace rpoguard::core
