#include "exporter/core/judge/bootstrap.hpp"

#include <algorithm>
#include <utility>

#include "exporter/core/model/limits.hpp"

namespace rpoguard::core {

void follow_commit(BootstrapMemory& memory, const NodeFacts& copy, const TimelinePlace* writer) {
  const auto before = std::exchange(memory.commit, copy.last_replayed_commit);
  const auto replayed = std::exchange(memory.replay, copy.replay_lsn);
  const bool goes_on =
      copy.last_replayed_commit && copy.replay_lsn && (!replayed || *copy.replay_lsn >= *replayed);
  if (!goes_on) {
    memory.by_writer.reset();
    return;
  }
  if (writer == nullptr) return;
  // Where this writer's own WAL begins; unknown without the history of its timeline.
  std::optional<Lsn> begin;
  if (writer->timeline == Timeline{1}) begin = Lsn{0};
  if (writer->history != nullptr && !writer->history->steps.empty())
    begin = writer->history->steps.back().end;
  const bool news = before && before != copy.last_replayed_commit;
  if (news && begin && replayed && *replayed >= *begin)
    memory.by_writer = copy.last_replayed_commit;
}

void ClockWatch::watch(WallTime server_now, Instant asked, Instant answered) {
  if (latest_) {
    // The server's clock went on by at least and at most so much, if it only drifted.
    const Duration least = asked - latest_->answered;
    const Duration most = answered - latest_->asked;
    const auto error =
        limits::kClockReadError + Duration(static_cast<std::int64_t>(
                                      static_cast<double>(most.count()) * limits::kClockDriftMax));
    const Duration passed = server_now - latest_->server;
    if (passed < least - error || passed > most + error) set_at_ = server_now;
  }
  latest_ = Reading{.server = server_now, .asked = asked, .answered = answered};
}

std::optional<Instant> ClockWatch::when(WallTime time) const {
  if (!latest_ || time > latest_->server || (set_at_ && time < *set_at_)) return std::nullopt;
  return latest_->asked - (latest_->server - time);
}

}  // namespace rpoguard::core
