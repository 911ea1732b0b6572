#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include "exporter/core/limits.hpp"
#include "exporter/observe/pg_failure.hpp"
#include "exporter/observe/pg_queries.hpp"

namespace rpoguard::observe {

namespace {

using core::Lsn;
using core::ProbeError;
using core::ProbeFailure;
using core::WallTime;

// Index into kLightColumns; the names are those of the statement.
enum LightColumn : std::size_t {
  in_recovery,
  server_version,
  has_monitor,
  epoch_table_exists,
  system_identifier,
  snapshot,
  insert_lsn,
  flushed_lsn,
  written_timeline,
  received_timeline,
  receive_lsn,
  replay_lsn,
  replay_paused,
  streaming,
  last_commit_us,
  server_now_us,
  archiving,
  archived_count,
  failed_count,
  last_archived_wal,
  wal_segment_bytes,
  wal_writer_delay_us,
  synchronous_standby_names,
  synchronous_commit,
  writer_epoch,
  writer_region,
  promoted_by,
  promoted_at_us,
  sender_pid,
  sender_name,
  sender_state,
  sender_sync_state,
  sender_flush_lsn,
  sender_replay_lsn,
  started_us,
  apply_delay_us,
};

constexpr std::array<std::string_view, LightDecoder::kColumns> kLightColumns{
    "in_recovery",
    "server_version",
    "has_monitor",
    "epoch_table_exists",
    "system_identifier",
    "snapshot",
    "insert_lsn",
    "flushed_lsn",
    "written_timeline",
    "received_timeline",
    "receive_lsn",
    "replay_lsn",
    "replay_paused",
    "streaming",
    "last_commit_us",
    "server_now_us",
    "archiving",
    "archived_count",
    "failed_count",
    "last_archived_wal",
    "wal_segment_bytes",
    "wal_writer_delay_us",
    "synchronous_standby_names",
    "synchronous_commit",
    "writer_epoch",
    "writer_region",
    "promoted_by",
    "promoted_at_us",
    "sender_pid",
    "sender_name",
    "sender_state",
    "sender_sync_state",
    "sender_flush_lsn",
    "sender_replay_lsn",
    "started_us",
    "apply_delay_us",
};
static_assert(apply_delay_us + 1 == LightDecoder::kColumns);

enum SlowColumn : std::size_t { kind, name, logical, active, value, safe_bytes };
constexpr std::array<std::string_view, SlowDecoder::kColumns> kSlowColumns{
    "kind", "name", "logical", "active", "value", "safe_bytes"};

template <std::size_t N>
std::optional<std::array<std::size_t, N>> bind(const std::vector<std::string>& columns,
                                               const std::array<std::string_view, N>& names) {
  std::array<std::size_t, N> index{};
  for (std::size_t i = 0; i < N; ++i) {
    const auto found = std::find(columns.begin(), columns.end(), names[i]);
    if (found == columns.end()) return std::nullopt;
    index[i] = static_cast<std::size_t>(found - columns.begin());
  }
  return index;
}

/// Binds on the first answer; false if the answer cannot be this statement's.
template <std::size_t N>
bool fits(const RowSet& answer, const std::array<std::string_view, N>& names,
          std::optional<std::array<std::size_t, N>>& index) {
  if (!index) index = bind(answer.columns, names);
  if (!index || answer.rows.empty()) return false;
  const std::size_t needed = *std::max_element(index->begin(), index->end()) + 1;
  return std::all_of(answer.rows.begin(), answer.rows.end(),
                     [&](const Row& row) { return row.size() >= needed; });
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<bool> parse_bool(std::string_view text) {  // L12
  if (text == "t") return true;
  if (text == "f") return false;
  return std::nullopt;
}

/// Reads cells of one row and remembers the first that cannot be read. After a problem the values
/// it gives mean nothing: ask problem() before using them.
template <std::size_t N>
class Reader {
 public:
  Reader(const Row& row, const std::array<std::size_t, N>& index,
         const std::array<std::string_view, N>& names)
      : row_(row), index_(index), names_(names) {}

  bool is_null(std::size_t column) const { return !row_[index_[column]].has_value(); }

  template <typename Parse>
  auto optional(std::size_t column, Parse parse) -> decltype(parse(std::string_view())) {
    const Cell& cell = row_[index_[column]];
    if (!cell) return std::nullopt;
    auto parsed = parse(std::string_view(*cell));
    if (!parsed) complain(column, "does not parse");
    return parsed;
  }

  template <typename Parse>
  auto required(std::size_t column, Parse parse) {
    auto parsed = optional(column, parse);
    if (!parsed) complain(column, "is null");
    return parsed.value_or(typename decltype(parsed)::value_type{});
  }

  std::optional<std::int64_t> optional_number(std::size_t column) {
    return optional(column, [](std::string_view t) { return parse_number<std::int64_t>(t); });
  }
  std::int64_t number(std::size_t column, std::int64_t min, std::int64_t max) {
    return required(column, [&](std::string_view t) {
      const auto parsed = parse_number<std::int64_t>(t);
      return parsed && *parsed >= min && *parsed <= max ? parsed : std::nullopt;
    });
  }
  std::int64_t count(std::size_t column) {
    return number(column, 0, std::numeric_limits<std::int64_t>::max());
  }
  bool boolean(std::size_t column) { return required(column, parse_bool); }
  std::optional<Lsn> optional_lsn(std::size_t column) { return optional(column, core::parse_lsn); }
  Lsn lsn(std::size_t column) { return required(column, core::parse_lsn); }
  std::string text(std::size_t column) {
    return required(column, [](std::string_view t) { return std::optional(std::string(t)); });
  }
  std::string text_or_empty(std::size_t column) { return row_[index_[column]].value_or(""); }
  std::optional<WallTime> optional_time(std::size_t column) {
    const auto us = optional_number(column);
    if (!us) return std::nullopt;
    return WallTime(std::chrono::microseconds(*us));
  }

  const std::optional<std::string>& problem() const { return problem_; }

 private:
  void complain(std::size_t column, const char* what) {
    if (!problem_) problem_ = "column " + std::string(names_[column]) + " " + what;
  }

  const Row& row_;
  const std::array<std::size_t, N>& index_;
  const std::array<std::string_view, N>& names_;
  std::optional<std::string> problem_;
};

using LightReader = Reader<LightDecoder::kColumns>;
using SlowReader = Reader<SlowDecoder::kColumns>;

constexpr std::int64_t kTimelineMax = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kServerVersionMax = 9'999'999;
constexpr std::int64_t kSegmentBytesMax = 1 << 30;
constexpr std::int64_t kWalWriterDelayMaxUs = 10'000'000;

void read_writer(LightReader& row, core::NodeFacts& facts) {
  facts.insert_lsn = row.lsn(insert_lsn);
  facts.flushed_lsn = row.lsn(flushed_lsn);
  facts.snapshot = row.text(snapshot);
  facts.timeline.value = row.required(written_timeline, [](std::string_view t) {
    const auto parsed = t.size() == 8 ? parse_number<std::uint32_t>(t, 16) : std::nullopt;
    return parsed && *parsed > 0 ? parsed : std::nullopt;
  });
}

void read_standby(LightReader& row, core::NodeFacts& facts) {
  facts.timeline.value = static_cast<std::uint32_t>(row.number(received_timeline, 1, kTimelineMax));
  facts.receive_lsn = row.optional_lsn(receive_lsn);
  facts.replay_lsn = row.optional_lsn(replay_lsn);
  facts.replay_paused = row.boolean(replay_paused);
  facts.streaming = row.boolean(streaming);
  facts.last_replayed_commit = row.optional_time(last_commit_us);
  if (const auto delay = row.count(apply_delay_us); delay > 0)
    facts.apply_delay = std::chrono::microseconds(delay);
}

// An absent row of the table is all NULL; a row without region or with a negative epoch is not one.
std::optional<core::StampedEpoch> read_stamp(LightReader& row) {
  if (row.is_null(writer_epoch)) return std::nullopt;
  return core::StampedEpoch{
      .epoch = {row.count(writer_epoch)},
      .writer_region = row.text(writer_region),
      .promoted_by = row.text_or_empty(promoted_by),
      .promoted_at = row.optional_time(promoted_at_us),
  };
}

std::optional<core::ArchiverFacts> read_archiver(LightReader& row) {
  if (!row.boolean(archiving)) return std::nullopt;
  return core::ArchiverFacts{.last_archived_wal = row.text_or_empty(last_archived_wal),
                             .failed_count = row.count(failed_count),
                             .archived_count = row.count(archived_count)};
}

void read_node(LightReader& row, LightAnswer& answer) {
  core::NodeFacts& facts = answer.facts;
  answer.epoch_table_exists = row.boolean(epoch_table_exists);
  facts.in_recovery = row.boolean(in_recovery);
  facts.server_version =
      static_cast<int>(row.number(server_version, kServerVersionMin, kServerVersionMax));
  // An unsigned number in a signed column.
  facts.system_identifier = static_cast<std::uint64_t>(row.required(
      system_identifier, [](std::string_view t) { return parse_number<std::int64_t>(t); }));
  facts.server_now = WallTime(std::chrono::microseconds(row.number(server_now_us, 0, 1LL << 53)));
  facts.started = WallTime(std::chrono::microseconds(row.number(started_us, 0, 1LL << 53)));
  if (facts.in_recovery) {
    read_standby(row, facts);
  } else {
    read_writer(row, facts);
  }
  facts.stamped = read_stamp(row);
  facts.archiver = read_archiver(row);
  facts.wal_segment_bytes =
      static_cast<std::uint64_t>(row.number(wal_segment_bytes, 1, kSegmentBytesMax));
  facts.wal_writer_delay =
      std::chrono::microseconds(row.number(wal_writer_delay_us, 0, kWalWriterDelayMaxUs));
  facts.synchronous_standby_names = row.text(synchronous_standby_names);
  facts.synchronous_commit = row.text(synchronous_commit);
}

core::ReplicationRow read_sender(LightReader& row) {
  return {.application_name = row.text(sender_name),
          .state = row.text(sender_state),
          .sync_state = row.text(sender_sync_state),
          .flush_lsn = row.optional_lsn(sender_flush_lsn),
          .replay_lsn = row.optional_lsn(sender_replay_lsn),
          .pid = row.optional_number(sender_pid)};
}

core::SlotFacts read_slot(SlowReader& row) {
  return {.name = row.text(name),
          .logical = row.boolean(logical),
          .active = row.boolean(active),
          .lag_bytes = row.optional_number(value),
          .safe_wal_bytes = row.optional_number(safe_bytes)};
}

void read_slow_row(SlowReader& row, core::SlowFacts& facts) {
  const std::string what = row.text(kind);
  if (what == "connections") {
    facts.connections[row.text(name)] += row.count(value);
  } else if (what == "connections_limit") {
    facts.connections_limit = row.count(value);
  } else if (what == "archive_ready") {
    facts.archive_ready_segments = row.optional_number(value);
  } else if (what == "synchronous_commit") {
    facts.synchronous_commit_overrides.push_back(row.text(name));
  } else if (what == "slot") {
    facts.slots.push_back(read_slot(row));
  }
}

}  // namespace

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
  return core::ArchiverFacts::Ready{*files, oldest.substr(0, oldest.find('.'))};
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
  core::StampedEpoch stamped;
  stamped.epoch.value = *epoch;
  if (row.size() == 2) stamped.writer_region = row[1].value_or("");
  return std::optional(stamped);
}

std::variant<LightAnswer, ProbeError> LightDecoder::decode(const RowSet& answer) {
  if (!fits(answer, kLightColumns, index_))
    return bad_answer("the light statement gave other columns or no row").error;
  if (answer.rows.size() > core::limits::kReplicationRowsMax)
    return bad_answer("the light statement gave too many rows").error;
  LightAnswer decoded;
  LightReader node(answer.rows.front(), *index_, kLightColumns);
  if (!node.boolean(has_monitor) && !node.problem())
    return ProbeError{ProbeFailure::missing_privilege,
                      "the role lacks pg_monitor: grant pg_monitor to " + role_};
  read_node(node, decoded);
  if (node.problem()) return bad_answer(*node.problem()).error;
  for (const Row& cells : answer.rows) {
    LightReader row(cells, *index_, kLightColumns);
    // No walsender at all, or one that ended while the statement looked at it.
    if (row.is_null(sender_pid) || row.is_null(sender_name)) continue;
    decoded.facts.replication.push_back(read_sender(row));
    if (row.problem()) return bad_answer(*row.problem()).error;
  }
  return decoded;
}

std::variant<core::SlowFacts, ProbeError> SlowDecoder::decode(const RowSet& answer) {
  if (!fits(answer, kSlowColumns, index_))
    return bad_answer("the slow statement gave other columns or no row").error;
  core::SlowFacts facts;
  for (const Row& cells : answer.rows) {
    SlowReader row(cells, *index_, kSlowColumns);
    read_slow_row(row, facts);
    if (row.problem()) return bad_answer(*row.problem()).error;
    if (facts.slots.size() > core::limits::kSlotsMax)
      return bad_answer("the slow statement gave too many slots").error;
  }
  return facts;
}

}  // namespace rpoguard::observe
