#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "exporter/core/model/limits.hpp"
#include "exporter/observe/postgres/pg_cells.hpp"
#include "exporter/observe/postgres/pg_failure.hpp"
#include "exporter/observe/postgres/pg_queries.hpp"

namespace rpoguard::observe {

using core::ProbeError;

std::optional<ProbeError> decode_backend(const RowSet& answer, int login_pid) {
  constexpr std::array<std::string_view, 1> kColumns{"backend_pid"};
  std::optional<std::array<std::size_t, kColumns.size()>> index;
  if (!fits(answer, kColumns, index) || answer.rows.size() != 1)
    return bad_answer("the server gave another answer to which process answers").error;
  CellReader row(answer.rows.front(), *index, kColumns);
  const std::int64_t pid = row.count(0);
  if (row.problem()) return bad_answer(*row.problem()).error;
  if (pid == login_pid) return std::nullopt;
  return bad_answer("another process answers (" + std::to_string(pid) +
                    ") than the login was made with (" + std::to_string(login_pid) +
                    "): this is a pooler, name the server itself")
      .error;
}

std::variant<EpochTable, ProbeError> decode_session(const RowSet& answer, EpochTable epoch_table) {
  const auto column = std::find(answer.columns.begin(), answer.columns.end(), "epoch_table_exists");
  const auto at = static_cast<std::size_t>(column - answer.columns.begin());
  if (answer.rows.size() != 1 || at >= answer.rows[0].size() || !answer.rows[0][at])
    return bad_answer("the session statement gave another answer").error;
  const auto exists = parse_bool(*answer.rows[0][at]);
  if (!exists) return bad_answer("column epoch_table_exists does not parse").error;
  if (epoch_table == EpochTable::ignored) return epoch_table;
  return *exists ? EpochTable::present : EpochTable::absent;
}

std::variant<std::optional<core::EpochLock>, ProbeError> decode_epoch_lock(const RowSet& answer) {
  if (answer.rows.empty()) return std::optional<core::EpochLock>();
  enum Column : std::size_t { transaction, holder };
  constexpr std::array<std::string_view, 2> kColumns{"transaction", "holder"};
  std::optional<std::array<std::size_t, kColumns.size()>> index;
  if (!fits(answer, kColumns, index) || answer.rows.size() != 1)
    return bad_answer("the server gave another answer to who has the epoch table locked").error;
  CellReader row(answer.rows.front(), *index, kColumns);
  core::EpochLock lock{.transaction = row.text(transaction), .holder = row.text(holder)};
  if (row.problem()) return bad_answer(*row.problem()).error;
  return std::optional(std::move(lock));
}

std::variant<std::optional<core::WallTime>, ProbeError> decode_backends(const RowSet& answer) {
  if (answer.rows.empty()) return std::optional<core::WallTime>();
  constexpr std::array<std::string_view, 1> kColumns{"backends_started_us"};
  std::optional<std::array<std::size_t, kColumns.size()>> index;
  if (!fits(answer, kColumns, index) || answer.rows.size() != 1)
    return bad_answer("the server gave another answer to when its backends were started").error;
  CellReader row(answer.rows.front(), *index, kColumns);
  const auto started = row.optional_time(0);
  if (row.problem()) return bad_answer(*row.problem()).error;
  return started;
}

std::variant<MarkObjects, ProbeError> decode_marks(const RowSet& answer) {
  enum Column : std::size_t { there, problem };
  constexpr std::array<std::string_view, 2> kColumns{"there", "problem"};
  std::optional<std::array<std::size_t, kColumns.size()>> index;
  if (!fits(answer, kColumns, index) || answer.rows.size() != 1)
    return bad_answer("the server gave another answer to whether it has marks").error;
  CellReader row(answer.rows.front(), *index, kColumns);
  MarkObjects marks{.there = row.boolean(there), .problem = row.text_or_empty(problem)};
  if (row.problem()) return bad_answer(*row.problem()).error;
  return marks;
}

std::variant<std::optional<core::RunMark>, ProbeError> decode_last_mark(const RowSet& answer) {
  if (answer.rows.empty()) return std::optional<core::RunMark>();
  enum Column : std::size_t { timeline, started_us, backends_started_us, lsn, written_us };
  constexpr std::array<std::string_view, 5> kColumns{"timeline", "started_us",
                                                     "backends_started_us", "lsn", "written_us"};
  std::optional<std::array<std::size_t, kColumns.size()>> index;
  if (!fits(answer, kColumns, index) || answer.rows.size() != 1)
    return bad_answer("the server gave another answer to which mark is its last").error;
  CellReader row(answer.rows.front(), *index, kColumns);
  core::RunMark mark;
  mark.run.timeline.value = static_cast<std::uint32_t>(
      row.number(timeline, 1, std::numeric_limits<std::uint32_t>::max()));
  mark.run.started = row.time(started_us);
  mark.run.backends_started = row.time(backends_started_us);
  mark.lsn = row.lsn(lsn);
  mark.written = row.time(written_us);
  if (row.problem()) return bad_answer(*row.problem()).error;
  return std::optional(mark);
}

std::variant<std::optional<core::TimelineHistory>, ProbeError> decode_history(
    const RowSet& answer, core::Timeline timeline) {
  if (answer.rows.size() != 1 || answer.rows[0].size() != 1)
    return bad_answer("rpoguard.timeline_history gave another answer").error;
  const Cell& cell = answer.rows[0][0];
  if (!cell) return std::optional<core::TimelineHistory>();
  auto history = core::parse_timeline_history(*cell);
  if (!history) return bad_answer("the timeline history does not parse").error;
  // Each but the first has an ancestor; an empty file would say it has none.
  const bool first = timeline == core::Timeline{1};
  if (history->steps.empty() != first || (!first && history->steps.back().timeline >= timeline))
    return bad_answer("the timeline history is of another timeline").error;
  return history;
}

std::variant<core::ArchiverFacts::Ready, ProbeError> decode_ready(const RowSet& answer) {
  const bool fitting = answer.rows.size() == 1 && answer.rows[0].size() == 2 && answer.rows[0][0];
  const auto files =
      fitting ? parse_number<std::int64_t>(*answer.rows[0][0]) : std::optional<std::int64_t>();
  if (!files || *files < 0) return bad_answer("the list of .ready files does not parse").error;
  const std::string oldest = answer.rows[0][1].value_or("");
  return core::ArchiverFacts::Ready{
      *files, base::foreign_text(oldest.substr(0, oldest.find('.')), kTextBytesMax)};
}

std::variant<std::optional<core::StampedEpoch>, ProbeError> decode_epoch_query(
    const RowSet& answer) {
  if (answer.rows.empty()) return std::optional<core::StampedEpoch>();
  const Row& row = answer.rows.front();
  if (answer.rows.size() > 1 || row.empty() || row.size() > 2)
    return bad_answer("the epoch query gave more than one row, or not one or two columns").error;
  if (!row[0]) return std::optional<core::StampedEpoch>();
  const auto epoch = parse_number<std::int64_t>(*row[0]);
  if (!epoch || *epoch < 0) return bad_answer("the epoch query gave no number").error;
  if (*epoch > core::limits::kEpochMax)
    return bad_answer("the epoch query gave " + std::to_string(*epoch) + kBeyondEpochs).error;
  core::StampedEpoch stamped;
  stamped.epoch.value = *epoch;
  if (row.size() == 2)
    stamped.writer_region = base::foreign_text(row[1].value_or(""), kTextBytesMax);
  return std::optional(stamped);
}

std::variant<core::EndpointFacts, ProbeError> decode_endpoint(const RowSet& answer) {
  enum Column : std::size_t { system_identifier, in_recovery, timeline, started_us };
  constexpr std::array<std::string_view, 4> kColumns{"system_identifier", "in_recovery", "timeline",
                                                     "started_us"};
  std::optional<std::array<std::size_t, kColumns.size()>> index;
  if (!fits(answer, kColumns, index) || answer.rows.size() != 1)
    return bad_answer("the endpoint gave another answer").error;
  CellReader row(answer.rows.front(), *index, kColumns);
  core::EndpointFacts facts;
  // An unsigned number in a signed column.
  facts.system_identifier = static_cast<std::uint64_t>(row.required(
      system_identifier, [](std::string_view t) { return parse_number<std::int64_t>(t); }));
  facts.in_recovery = row.boolean(in_recovery);
  facts.timeline.value = static_cast<std::uint32_t>(
      row.number(timeline, 1, std::numeric_limits<std::uint32_t>::max()));
  facts.started = row.time(started_us);
  if (row.problem()) return bad_answer(*row.problem()).error;
  return facts;
}

}  // namespace rpoguard::observe
