#include "exporter/core/judge/recovery_point.hpp"

#include <algorithm>

namespace rpoguard::core {

std::optional<Lsn> durable_part(const DurablePosition& position, Durability durability) {
  return durability == Durability::flush ? std::optional(position.flushed) : position.replayed;
}

std::optional<DurablePosition> own_position(const NodeFacts& copy,
                                            std::uint64_t system_identifier) {
  if (!copy.in_recovery || copy.system_identifier != system_identifier) return std::nullopt;
  if (!copy.receive_lsn && !copy.replay_lsn) return std::nullopt;
  // What is replayed was durable here before, also when it came from the archive and no receiver
  // ever ran. What is received beyond a recovery target is thrown away by a promotion.
  const Lsn received = copy.has_target ? Lsn{} : copy.receive_lsn.value_or(Lsn{});
  const Lsn flushed = std::max(received, copy.replay_lsn.value_or(Lsn{}));
  return DurablePosition{.timeline = copy.timeline,
                         .flushed = flushed,
                         .replayed = copy.replay_lsn,
                         .history = copy.history};
}

const ReplicationRow* row_of(const NodeFacts& writer, const std::string& application_name) {
  if (application_name.empty()) return nullptr;
  const ReplicationRow* found = nullptr;
  for (const ReplicationRow& row : writer.replication) {
    if (row.application_name != application_name) continue;
    if (found != nullptr) return nullptr;  // two claim the name: neither is evidence
    found = &row;
  }
  return found != nullptr && found->logical ? nullptr : found;
}

std::optional<DurablePosition> reported_position(const ReplicationRow& row,
                                                 const TimelinePlace& writer) {
  if (!row.flush_lsn || (row.state != "streaming" && row.state != "catchup")) return std::nullopt;
  const auto history = writer.history != nullptr ? std::optional(*writer.history) : std::nullopt;
  return DurablePosition{.timeline = writer.timeline,
                         .flushed = *row.flush_lsn,
                         .replayed = row.replay_lsn,
                         .history = history};
}

bool shared_up_to(const DurablePosition& copy, const TimelinePlace& writer, Lsn position) {
  const TimelinePlace place{.timeline = copy.timeline,
                            .history = copy.history ? &*copy.history : nullptr};
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

// No session outlives its run, and a crash of the backends leaves the postmaster's start as it was.
bool one_run(const WriterSample& before, const NodeFacts& after) {
  return before.session == after.session ||
         (after.started && after.backends_started && before.started == after.started &&
          before.backends_started == after.backends_started);
}

}  // namespace

// The bound rises only when a transaction has ended: the snapshot tells. It never falls to what is
// flushed: with synchronous_commit = off commits are acknowledged before, and a WAL disk that hangs
// leaves them unflushed for as long as it hangs.
//
// Example.
//   asked at 1.0  snapshot 700, insert 0/640, flushed 0/600: bound 0/640.
//   asked at 1.5  snapshot 700, insert 0/900, flushed 0/600: bound 0/640. The 0x2C0 bytes since are
//                 a checkpoint's, or were written by a reader that pruned a page.
//   asked at 3.0  snapshot 701, insert 0/1200: a transaction has ended, bound 0/1200.
std::optional<WriterSample> sample_writer(const std::optional<WriterSample>& previous,
                                          const NodeFacts& writer, Instant asked,
                                          Instant answered) {
  if (writer.in_recovery || !writer.insert_lsn || !writer.snapshot) return std::nullopt;
  // A snapshot is the server's, not the session's, but each run may count transactions anew.
  if (previous && previous->snapshot == *writer.snapshot && one_run(*previous, writer))
    return previous;
  const Lsn bound = end_of_wal(*writer.insert_lsn, writer.wal_segment_bytes);
  return WriterSample{.session = writer.session,
                      .started = writer.started,
                      .backends_started = writer.backends_started,
                      .snapshot = *writer.snapshot,
                      .bound = bound,
                      .asked = asked,
                      .seen = answered};
}

std::optional<CopyProof> kth_best(std::vector<CopyProof> proofs, int k) {
  if (k < 1 || proofs.size() < static_cast<std::size_t>(k)) return std::nullopt;
  std::ranges::sort(proofs, std::ranges::greater{}, &CopyProof::proven_until);
  return proofs[static_cast<std::size_t>(k) - 1];
}

}  // namespace rpoguard::core
