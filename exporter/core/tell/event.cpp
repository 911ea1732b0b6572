#include "exporter/core/tell/event.hpp"

#include <algorithm>

namespace rpoguard::core {
namespace {

constexpr EventField kNode{"node", &Event::node};
constexpr EventField kText{"detail", &Event::text};
constexpr EventField kFailure{"reason"};
constexpr EventField kError{"error"};

constexpr std::array<EventRow, kEventKindCount + kLoggedKindCount> kRows{{
    {EventKind::gate_closed,
     "gate_closed",
     Level::warning,
     "gate closed",
     {{{"reason", &Event::reason}, {"exposure"}, {"rpo"}, kText}}},
    {EventKind::gate_opened, "gate_opened", Level::info, "gate open", {{{"exposure"}, {"waived"}}}},
    {EventKind::gate_reason_changed,
     "gate_reason_changed",
     Level::warning,
     "gate closed",
     {{{"reason", &Event::reason}, {"exposure"}, {"rpo"}, kText}}},
    {EventKind::writer_lost,
     "writer_lost",
     Level::warning,
     "writer lost",
     {{{"was", &Event::from}}}},
    {EventKind::writer_changed,
     "writer_changed",
     Level::info,
     "writer confirmed",
     {{kNode, {"region"}, {"epoch"}, {"timeline"}}}},
    {EventKind::writer_lost_wal,
     "writer_lost_wal",
     Level::error,
     "writer has lost WAL",
     {{kNode, {"flushed", &Event::from}, {"goes_on_from", &Event::to}}}},
    {EventKind::epoch_changed, "epoch_changed", Level::info, nullptr},
    {EventKind::number_lowered,
     "number_lowered",
     Level::warning,
     "remembered number lowered",
     {{{"number"}, {"from", &Event::from}, {"to", &Event::to}, {"by"}, {"reason"}}}},
    {EventKind::split_brain, "split_brain", Level::error, nullptr},
    {EventKind::split_brain_ended, "split_brain_ended", Level::info, nullptr},
    {EventKind::rival_forgotten,
     "rival_forgotten",
     Level::warning,
     "rival forgotten",
     {{kNode, {"by"}, {"reason"}}}},
    {EventKind::node_diverged,
     "node_diverged",
     Level::warning,
     "node has diverged",
     {{kNode, {"bytes"}, {"fork_point"}, kText}}},
    {EventKind::node_readmitted,
     "node_readmitted",
     Level::warning,
     "node readmitted",
     {{kNode, {"by"}, {"reason"}}}},
    {EventKind::archive_stalled, "archive_stalled", Level::warning, nullptr},
    {EventKind::archive_recovered, "archive_recovered", Level::info, nullptr},
    {EventKind::frozen,
     "frozen",
     Level::warning,
     "writes frozen",
     {{{"by"}, {"reason"}, {"until"}}}},
    {EventKind::unfrozen,
     "unfrozen",
     Level::info,
     "writes no longer frozen",
     {{{"why", &Event::text}}}},
    {EventKind::waiver_granted,
     "waiver_granted",
     Level::warning,
     "waiver granted: the gate may open without proof of a remote copy",
     {{{"for"}, {"why", &Event::text}}}},
    {EventKind::waiver_ended,
     "waiver_ended",
     Level::info,
     "waiver ended",
     {{{"why", &Event::text}}}},
    {EventKind::config_reloaded,
     "config_reloaded",
     Level::info,
     "configuration reloaded",
     {{{"shards"}}}},
    {EventKind::config_refused,
     "config_refused",
     Level::error,
     "configuration not reloaded, the old one stays",
     {{{"error", &Event::text}}}},

    {EventKind::node_silent,
     "node_silent",
     Level::warning,
     "node does not answer",
     {{kNode, kFailure, kError}}},
    {EventKind::node_answers, "node_answers", Level::info, "node answers again", {{kNode}}},
    {EventKind::node_history_unknown,
     "node_history_unknown",
     Level::warning,
     "node does not say how its timeline came about",
     {{kNode, kError}}},
    {EventKind::node_lineage_unknown,
     "node_lineage_unknown",
     Level::warning,
     "node does not count: nobody can tell whose WAL it holds",
     {{kNode, kText}}},
    {EventKind::node_marks_unusable,
     "node_marks_unusable",
     Level::warning,
     "marks of the writer's runs are of no use",
     {{kNode, kError}}},
    {EventKind::node_in_order,
     "node_in_order",
     Level::info,
     "node state",
     {{kNode, {"state"}, {"detail"}}}},
    {EventKind::node_out_of_order,
     "node_out_of_order",
     Level::warning,
     "node state",
     {{kNode, {"state"}, {"detail"}}}},
    {EventKind::witness_silent,
     "witness_silent",
     Level::warning,
     "witness does not answer",
     {{{"witness"}, kFailure, kError}}},
    {EventKind::witness_answers,
     "witness_answers",
     Level::info,
     "witness answers again",
     {{{"witness"}}}},
    {EventKind::endpoint_silent,
     "endpoint_silent",
     Level::warning,
     "endpoint does not answer",
     {{kFailure, kError}}},
    {EventKind::endpoint_answers, "endpoint_answers", Level::info, "endpoint answers again"},
    {EventKind::endpoint_misrouted,
     "endpoint_misrouted",
     Level::warning,
     "endpoint does not lead to the writer",
     {{kText}}},
    {EventKind::endpoint_on_writer, "endpoint_on_writer", Level::info,
     "endpoint leads to the writer again"},
    {EventKind::synchronous_downgraded,
     "synchronous_downgraded",
     Level::error,
     "synchronous durability is promised and not kept by the writer",
     {{{"problem", &Event::text}}}},
    {EventKind::synchronous_kept, "synchronous_kept", Level::info,
     "synchronous durability is kept again"},
    {EventKind::archive_silent,
     "archive_silent",
     Level::warning,
     "archive does not answer",
     {{kFailure, kError}}},
    {EventKind::archive_answers, "archive_answers", Level::info, "archive answers again"},
    {EventKind::archive_noted, "archive_noted", Level::warning, "archive", {{kText}}},
    {EventKind::archive_in_order, "archive_in_order", Level::info, "archive in order again"},
}};

constexpr bool rows_stand_in_order() {
  std::size_t index = 0;
  for (const EventRow& row : kRows) {
    if (row.kind != static_cast<EventKind>(index++)) return false;
  }
  return true;
}
static_assert(rows_stand_in_order(), "row_of() finds a row by its place");

}  // namespace

const EventRow& row_of(EventKind kind) {
  return kRows.at(static_cast<std::size_t>(kind));
}

const char* name_of(EventKind kind) {
  return row_of(kind).name;
}

bool is_told(EventKind kind) {
  return static_cast<std::size_t>(kind) < kEventKindCount;
}

std::optional<EventKind> parse_event_kind(std::string_view name) {
  const auto* found = std::ranges::find(kRows, name, &EventRow::name);
  if (found == kRows.end() || !is_told(found->kind)) return std::nullopt;
  return found->kind;
}

}  // namespace rpoguard::core
