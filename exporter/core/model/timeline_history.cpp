#include "exporter/core/model/timeline_history.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "exporter/base/number.hpp"
#include "exporter/base/text.hpp"

namespace rpoguard::core {
namespace {

// The next blank-separated word of `line`, taken off its front; empty at the end.
std::string_view take_word(std::string_view& line) {
  line = base::trim_front(line);
  const std::string_view word = line.substr(0, line.find_first_of(base::kBlanks));
  line.remove_prefix(word.size());
  return word;
}

std::optional<TimelineStep> parse_step(std::string_view line) {
  const auto timeline = base::parse_number<std::uint32_t>(take_word(line));
  const auto switched_at = parse_lsn(take_word(line));
  if (timeline.value_or(0) == 0 || !switched_at) return std::nullopt;
  return TimelineStep{.timeline = {*timeline}, .end = *switched_at};
}

/// One stretch of a node's WAL; the last one has no end.
struct Stretch {
  Timeline timeline;
  std::optional<Lsn> end;
};

Stretch stretch_of(const TimelinePlace& place, std::size_t i) {
  if (i >= place.history->steps.size()) return {place.timeline, std::nullopt};
  return {place.history->steps[i].timeline, place.history->steps[i].end};
}

Fork fork_of_known(const TimelinePlace& a, const TimelinePlace& b) {
  for (std::size_t i = 0;; ++i) {
    const Stretch left = stretch_of(a, i);
    const Stretch right = stretch_of(b, i);
    // The same stretch with the same end goes on; without an end it is the last of both.
    if (left.end == right.end && left.timeline == right.timeline) {
      if (!left.end) return {};
      continue;
    }
    if (left.timeline != right.timeline) return {stretch_of(a, i - 1).end};
    if (!left.end || !right.end) return {left.end ? left.end : right.end};
    return {std::min(left.end, right.end)};
  }
}

}  // namespace

std::optional<TimelineHistory> parse_timeline_history(std::string_view text) {
  TimelineHistory history;
  while (!text.empty()) {
    const std::string_view line = base::take_until(text, '\n');
    std::string_view rest = line;
    const std::string_view first = take_word(rest);
    if (first.empty() || first.front() == '#') continue;
    const auto step = parse_step(line);
    if (!step) return std::nullopt;
    if (!history.steps.empty() &&
        (step->timeline <= history.steps.back().timeline || step->end < history.steps.back().end)) {
      return std::nullopt;
    }
    history.steps.push_back(*step);
  }
  return history;
}

std::optional<Fork> fork_of(const TimelinePlace& a, const TimelinePlace& b) {
  static const TimelineHistory kNone;
  if (a.timeline == b.timeline && (a.history == nullptr || b.history == nullptr)) return Fork{};
  // Timeline 1 has no ancestors; the path of any other is unknown without its history. The younger
  // of two unlike timelines knows where it left the other, if it ever did.
  TimelinePlace left = a;
  TimelinePlace right = b;
  for (TimelinePlace* place : {&left, &right}) {
    if (place->history == nullptr && place->timeline == Timeline{1}) place->history = &kNone;
  }
  const auto step_of = [](const TimelinePlace& from, Timeline timeline) -> std::optional<Lsn> {
    const auto found = std::ranges::find(from.history->steps, timeline, &TimelineStep::timeline);
    if (found == from.history->steps.end()) return std::nullopt;
    return found->end;
  };
  if (left.history != nullptr && right.history != nullptr) {
    if (stretch_of(left, 0).timeline != stretch_of(right, 0).timeline) return std::nullopt;
    return fork_of_known(left, right);
  }
  // One history is missing: the other may name that timeline as its ancestor.
  const TimelinePlace& known = left.history != nullptr ? left : right;
  const TimelinePlace& other = left.history != nullptr ? right : left;
  if (known.history == nullptr) return std::nullopt;
  const auto left_at = step_of(known, other.timeline);
  if (!left_at) return std::nullopt;
  return Fork{left_at};
}

}  // namespace rpoguard::core
