#include "exporter/core/judge/wal_source.hpp"

#include <utility>

#include "exporter/base/check.hpp"

namespace rpoguard::core {
namespace {

// Does the writer's timeline go on from the very end of the origin's? Only from the very parent: on
// any timeline between, a third writer may have acknowledged. Then: where it branched off.
std::optional<Lsn> branch_of(const WalSource& source, const NodeFacts& writer) {
  const bool known = source.origin && writer.history && !writer.history->steps.empty() &&
                     source.origin->system_identifier == writer.system_identifier;
  if (!known) return std::nullopt;
  const TimelineStep& parent = writer.history->steps.back();
  const auto fork =
      fork_of(source.place(), {.timeline = writer.timeline, .history = &*writer.history});
  const bool goes_on =
      parent.timeline == source.origin->timeline && fork && fork->point == parent.end;
  return goes_on ? std::optional(parent.end) : std::nullopt;
}

// Another's WAL. What the old writer had acknowledged before the new one began is in the new
// history as far as that goes on from the old one: those pairs stay true. What was acknowledged
// beyond is lost, and no bound for what the new one acknowledges.
//
// Example. iad-a wrote timeline 1 and is gone; its clock says (t=1, 0/300), (t=4, 0/500). iad-b was
// still in recovery when asked at t=3; now it writes timeline 2, which left timeline 1 at 0/400.
//   (t=1, 0/300) stays: iad-b has that WAL and acknowledged nothing itself before t=3.
//   (t=4, 0/500) goes: beyond 0/400, timeline 2 is other WAL, and at t=4 iad-b may have written.
// Had iad-b never been seen in recovery, or does it not tell how timeline 2 came about, all go.
WalSource change_source(WalSource before, WalSource::Origin origin, const ConfirmedWriter& writer) {
  const auto& began_after = writer.reading.in_recovery_at;
  const auto branch = branch_of(before, writer.facts());
  WalSource source;
  source.clock = std::move(before.clock);
  if (branch && began_after) {
    source.clock.cut(*began_after, *branch);
  } else {
    source.clock.clear();
  }
  source.origin = std::move(origin);
  source.history = writer.facts().history;
  source.writer_since = writer.answered();
  source.changed = true;
  return source;
}

// The next pair of the WAL clock. An answer that is not younger than the last pair was taken into
// account already.
//
// Example. The writer is asked at t=7.0 and answers at t=7.1 with insert position 0/600 and a new
// snapshot: the pair (7.0, 0/600) says that whatever was acknowledged before 7.0 ends at 0/600 or
// before. A commit acknowledged at 7.05 may end behind 0/600 or not: the pair says nothing of it.
// The next evaluation, at t=7.3 for a copy's answer, meets the same answer of the writer: no pair.
void follow_clock(WalSource& source, const ConfirmedWriter& writer) {
  const auto latest = source.clock.latest();
  if (latest && writer.asked() <= latest->t) return;
  const NodeFacts& facts = writer.facts();
  source.server_clock.watch(facts.server_now, writer.asked(), writer.answered());
  const auto sample = sample_writer(source.sample, facts, writer.asked(), writer.answered());
  if (!sample) return;
  source.sample = sample;
  source.clock.push(writer.asked(), sample->bound, sample->seen);
}

}  // namespace

TimelinePlace WalSource::place() const {
  RPOGUARD_CHECK(origin.has_value());
  return {.timeline = origin->timeline, .history = history ? &*history : nullptr};
}

// Example. iad-a is confirmed from t=1 on: its WAL clock grows by a pair at each of its answers.
//   At t=5 nobody is confirmed: the source stays, and the copies are still measured by iad-a's WAL.
//   At t=8 iad-a is back, on its timeline: the same clock goes on. The same if it lost nothing when
//   it was started again in between.
//   If it was found to have lost WAL, or iad-b is confirmed, or iad-a on another timeline, it is
//   another source: `changed` is true in this evaluation, and only in this one.
WalSource follow_writer(WalSource source, const std::optional<ConfirmedWriter>& writer,
                        bool lost_wal) {
  source.changed = false;
  if (!writer) return source;
  const NodeFacts& facts = writer->facts();
  const WalSource::Origin origin{.node = writer->spec.name,
                                 .timeline = facts.timeline,
                                 .system_identifier = facts.system_identifier};
  if (source.origin != origin || lost_wal)
    source = change_source(std::move(source), origin, *writer);
  if (facts.history) source.history = facts.history;
  source.writer = WriterView{.node = writer->spec.name,
                             .region = writer->spec.region,
                             .epoch = writer->epoch,
                             .timeline = facts.timeline};
  follow_clock(source, *writer);
  return source;
}

const std::string& writer_region(const ShardSpec& spec, const WalSource& source) {
  return source.writer ? source.writer->region : spec.home_region;
}

}  // namespace rpoguard::core
