#include "exporter/core/judge/stamp.hpp"

#include <algorithm>

#include "exporter/base/text.hpp"

namespace rpoguard::core {
namespace {

std::string text(Timeline timeline) {
  return "timeline " + std::to_string(timeline.value);
}

// Timeline 1 has no ancestors; how any other came about is for its server to tell.
std::optional<TimelineHistory> history_of(const NodeFacts& facts) {
  if (facts.timeline == Timeline{1}) return TimelineHistory{};
  return facts.history;
}

// Why its timeline does not go on from the place. REQUIRES: it is another timeline.
std::string does_not_go_on(const EpochPlace& before, const NodeFacts& writer, bool same_node) {
  const auto history = history_of(writer);
  if (!history && writer.timeline > *before.timeline)
    return same_node ? "and does not tell how it came about (apply `rpoguard sql`)" : "";
  const auto steps = history.value_or(TimelineHistory{}).steps;
  const auto left = std::ranges::find(steps, *before.timeline, &TimelineStep::timeline);
  if (left == steps.end()) return "which does not go on from " + text(*before.timeline);
  if (!before.position)
    return same_node ? "and where it left " + text(*before.timeline) + " cannot be judged" : "";
  if (left->end >= *before.position) return "";
  return "which left " + text(*before.timeline) + " before that, at " + render_lsn(left->end);
}

}  // namespace

EpochPlace epoch_place(const NodeFacts& writer) {
  return {.timeline = writer.timeline,
          .position = writer.flushed_lsn ? writer.flushed_lsn : writer.insert_lsn,
          .stamped = writer.stamped ? writer.stamped->promoted_at : std::nullopt};
}

std::string another_history(const EpochPlace& before, const NodeFacts& writer, bool same_node) {
  const EpochPlace now = epoch_place(writer);
  std::string why;
  if (before.timeline && writer.timeline != *before.timeline)
    why = does_not_go_on(before, writer, same_node);
  if (before.stamped && now.stamped && *before.stamped != *now.stamped)
    return render_place(now) + (why.empty() ? "" : ", " + why);
  return why.empty() ? "" : text(writer.timeline) + ", " + why;
}

std::string another_timeline(const NodeFacts& writer) {
  const auto stamped = writer.stamped ? writer.stamped->timeline : std::nullopt;
  if (!stamped || *stamped == writer.timeline) return "";
  const std::string then = "which was stamped on " + text(*stamped) + "; ";
  if (*stamped > writer.timeline)
    return then + "it is on " + text(writer.timeline) + ": another server was stamped";
  return then + "now it is on " + text(writer.timeline) + ": it was promoted since";
}

bool comes_after(const NodeFacts& writer, Timeline timeline) {
  if (writer.timeline <= timeline) return false;
  const auto history = history_of(writer);
  return !history || std::ranges::find(history->steps, timeline, &TimelineStep::timeline) !=
                         history->steps.end();
}

std::string render_place(const EpochPlace& place) {
  std::string where = place.timeline ? text(*place.timeline) : "";
  if (place.stamped)
    where += (where.empty() ? "stamped at " : ", stamped at ") + render_time(*place.stamped);
  return where;
}

std::string render_lock(const EpochLock& lock) {
  return "rpoguard.cluster_state cannot be read: " + lock.holder;
}

std::string stamp_statement(const std::string& region, std::optional<Epoch> highest) {
  const std::string above = highest ? ", above => " + std::to_string(highest->value) : "";
  return "select rpoguard.cluster_promote('" + base::replace_all(region, "'", "''") +
         "', 'YOUR NAME'" + above + ")";
}

}  // namespace rpoguard::core
