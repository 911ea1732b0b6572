#include "tests/sim/history.hpp"

#include <algorithm>
#include <limits>

namespace rpoguard::sim {

History::History() : branches_(2), stamps_{{Position{1, 0}, 1, "iad"}} {}

void History::append(std::vector<Ack>& acks, Ack ack) {
  ack.needed_up_to = std::max(ack.end, acks.empty() ? 0 : acks.back().needed_up_to);
  acks.push_back(ack);
}

std::uint32_t History::branch(Position at, std::optional<std::uint32_t> shown) {
  const auto id = static_cast<std::uint32_t>(branches_.size());
  Branch fresh{at.timeline, at.lsn, shown.value_or(id), {}, {}};
  for (const Ack& ack : branches_.at(at.timeline).acks) {
    if (ack.end <= at.lsn) append(fresh.acks, ack);
  }
  branches_.push_back(std::move(fresh));
  return id;
}

void History::acknowledge(Position end, Instant when, bool promised) {
  append(branches_.at(end.timeline).acks, Ack{when, end.lsn, 0, promised});
}

void History::forget_beyond(Position end) {
  std::vector<Ack> kept;
  for (const Ack& ack : branches_.at(end.timeline).acks) {
    if (ack.end <= end.lsn) append(kept, ack);
  }
  Branch& branch = branches_.at(end.timeline);
  branch.acks = std::move(kept);
  std::erase_if(branch.records, [&](const Record& record) { return record.end > end.lsn; });
  std::erase_if(marks_, [&](const Mark& mark) {
    return mark.end.timeline == end.timeline && mark.end.lsn > end.lsn;
  });
}

void History::record(Position end, core::WallTime time) {
  branches_.at(end.timeline).records.push_back({end.lsn, time});
}

std::optional<core::WallTime> History::last_record(Position held, std::uint64_t from) const {
  while (held.timeline != 0) {
    const Branch& branch = branches_.at(held.timeline);
    const auto beyond = std::ranges::upper_bound(branch.records, held.lsn, {}, &Record::end);
    if (beyond != branch.records.begin()) {
      const Record& last = *std::prev(beyond);
      return last.end > from ? std::optional(last.time) : std::nullopt;
    }
    held = {branch.parent, std::min(held.lsn, branch.split)};
  }
  return std::nullopt;
}

core::TimelineHistory History::steps(std::uint32_t timeline) const {
  core::TimelineHistory history;
  for (; branches_.at(timeline).parent != 0; timeline = branches_.at(timeline).parent) {
    const Branch& branch = branches_.at(timeline);
    if (shown(branch.parent) == branch.shown) continue;  // no promotion: no file tells of it
    history.steps.insert(history.steps.begin(),
                         {core::Timeline{shown(branch.parent)}, core::Lsn{branch.split}});
  }
  return history;
}

std::uint64_t History::needed(std::uint32_t timeline, Instant t) const {
  const auto& acks = branches_.at(timeline).acks;
  const auto first_after = std::ranges::lower_bound(acks, t, {}, &Ack::when);
  return first_after == acks.begin() ? 0 : std::prev(first_after)->needed_up_to;
}

std::uint64_t History::covered(std::uint32_t timeline, Position held) const {
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  while (timeline != held.timeline) {
    // A child's id is greater than its parent's, so the greater one is never the common ancestor.
    if (timeline > held.timeline) {
      limit = std::min(limit, branches_.at(timeline).split);
      timeline = branches_.at(timeline).parent;
    } else {
      held.lsn = std::min(held.lsn, branches_.at(held.timeline).split);
      held.timeline = branches_.at(held.timeline).parent;
    }
  }
  return std::min(limit, held.lsn);
}

const Stamp& History::stamp_at(Position held) const {
  const auto shown = std::find_if(stamps_.rbegin(), stamps_.rend(), [&](const Stamp& stamp) {
    return covered(stamp.end.timeline, held) >= stamp.end.lsn;
  });
  return shown == stamps_.rend() ? stamps_.front() : *shown;
}

const Mark* History::mark_at(Position held) const {
  const auto shown = std::find_if(marks_.rbegin(), marks_.rend(), [&](const Mark& mark) {
    return covered(mark.end.timeline, held) >= mark.end.lsn;
  });
  return shown == marks_.rend() ? nullptr : &*shown;
}

const Mark* History::mark_between(std::uint32_t timeline, std::uint64_t from,
                                  std::uint64_t to) const {
  const auto found = std::find_if(marks_.rbegin(), marks_.rend(), [&](const Mark& mark) {
    return mark.end.timeline == timeline && mark.end.lsn > from && mark.end.lsn <= to;
  });
  return found == marks_.rend() ? nullptr : &*found;
}

const Stamp* History::stamp_of(std::uint32_t timeline, std::int64_t epoch) const {
  const Position all{timeline, std::numeric_limits<std::uint64_t>::max()};
  const auto found = std::ranges::find_if(stamps_, [&](const Stamp& stamp) {
    return stamp.epoch == epoch && covered(stamp.end.timeline, all) >= stamp.end.lsn;
  });
  return found == stamps_.end() ? nullptr : &*found;
}

std::optional<Duration> History::lost_span(std::uint32_t timeline, Position held) const {
  const std::uint64_t safe = covered(timeline, held);
  std::optional<Instant> first;
  Instant last{};
  for (const Ack& ack : branches_.at(timeline).acks) {
    if (ack.end <= safe || !ack.promised) continue;
    if (!first) first = ack.when;
    last = ack.when;
  }
  return first ? std::optional(last - *first) : std::nullopt;
}

}  // namespace rpoguard::sim
