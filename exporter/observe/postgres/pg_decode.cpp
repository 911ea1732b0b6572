#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "exporter/core/model/limits.hpp"
#include "exporter/observe/postgres/announced_name.hpp"
#include "exporter/observe/postgres/pg_cells.hpp"
#include "exporter/observe/postgres/pg_failure.hpp"
#include "exporter/observe/postgres/pg_queries.hpp"

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
  synchronous_standby_names,
  synchronous_commit,
  writer_epoch,
  writer_region,
  promoted_by,
  promoted_at_us,
  promoted_timeline,
  sender_pid,
  sender_logical,
  sender_name,
  sender_state,
  sender_sync_state,
  sender_flush_lsn,
  sender_replay_lsn,
  started_us,
  apply_delay_us,
  restores,
  has_target,
  receiver_conninfo,
  weakest_commit_for,
  weakest_commit,
  synchronous_commit_hidden,
  checkpoint_lsn,
  checkpoint_redo,
  checkpoint_us,
};

constexpr std::array<std::string_view, LightDecoder::kColumns> kLightColumns{
    "in_recovery",  // in the order of LightColumn
    "server_version",     "has_monitor",       "epoch_table_exists",
    "system_identifier",  "snapshot",          "insert_lsn",
    "flushed_lsn",        "written_timeline",  "received_timeline",
    "receive_lsn",        "replay_lsn",        "replay_paused",
    "streaming",          "last_commit_us",    "server_now_us",
    "archiving",          "archived_count",    "failed_count",
    "last_archived_wal",  "wal_segment_bytes", "synchronous_standby_names",
    "synchronous_commit", "writer_epoch",      "writer_region",
    "promoted_by",        "promoted_at_us",    "promoted_timeline",
    "sender_pid",         "sender_logical",    "sender_name",
    "sender_state",       "sender_sync_state", "sender_flush_lsn",
    "sender_replay_lsn",  "started_us",        "apply_delay_us",
    "restores",           "has_target",        "receiver_conninfo",
    "weakest_commit_for", "weakest_commit",    "synchronous_commit_hidden",
    "checkpoint_lsn",     "checkpoint_redo",   "checkpoint_us",
};
static_assert(checkpoint_us + 1 == LightDecoder::kColumns);

enum SlowColumn : std::size_t { kind, name, logical, active, value, safe_bytes, lost };
constexpr std::array<std::string_view, SlowDecoder::kColumns> kSlowColumns{
    "kind", "name", "logical", "active", "value", "safe_bytes", "lost"};

using LightReader = CellReader<LightDecoder::kColumns>;
using SlowReader = CellReader<SlowDecoder::kColumns>;

constexpr std::int64_t kTimelineMax = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kServerVersionMax = 9'999'999;
constexpr std::int64_t kSegmentBytesMax = 1 << 30;
constexpr std::int64_t kSettingMsMax = std::numeric_limits<std::int32_t>::max();
/// A list that is cut would be another one: room for 200 of the longest names.
constexpr std::size_t kStandbyNamesBytesMax = 16 * 1024;

void read_writer(LightReader& row, core::NodeFacts& facts) {
  facts.insert_lsn = row.lsn(insert_lsn);
  facts.flushed_lsn = row.lsn(flushed_lsn);
  facts.snapshot = row.exact(snapshot);
  facts.timeline.value = row.required(written_timeline, [](std::string_view t) {
    const auto parsed = t.size() == 8 ? parse_number<std::uint32_t>(t, 16) : std::nullopt;
    return parsed && *parsed > 0 ? parsed : std::nullopt;
  });
  facts.synchronous_commit_hidden = row.boolean(synchronous_commit_hidden);
  if (!row.is_null(weakest_commit_for))
    facts.weakest_commit = {row.text(weakest_commit_for), row.text(weakest_commit)};
}

void read_standby(LightReader& row, core::NodeFacts& facts) {
  facts.timeline.value = static_cast<std::uint32_t>(row.number(received_timeline, 1, kTimelineMax));
  facts.receive_lsn = row.optional_lsn(receive_lsn);
  facts.replay_lsn = row.optional_lsn(replay_lsn);
  facts.replay_paused = row.boolean(replay_paused);
  facts.streaming = row.boolean(streaming);
  if (!row.is_null(receiver_conninfo))
    facts.announced_name = announced_name(row.exact(receiver_conninfo));
  facts.last_replayed_commit = row.optional_time(last_commit_us);
  if (const auto delay = row.count(apply_delay_us); delay > 0)
    facts.apply_delay = std::chrono::microseconds(delay);
  facts.restores = row.boolean(restores);
  facts.has_target = row.boolean(has_target);
}

// An absent row of the table is all NULL; a row without region or with a negative epoch is not one.
std::optional<core::StampedEpoch> read_stamp(LightReader& row, std::string& problem) {
  if (row.is_null(writer_epoch)) return std::nullopt;
  const std::int64_t epoch = row.count(writer_epoch);
  if (epoch > core::limits::kEpochMax) {
    problem = "rpoguard.cluster_state has epoch " + std::to_string(epoch) + kBeyondEpochs;
    return std::nullopt;
  }
  const auto timeline = row.optional(promoted_timeline, [](std::string_view t) {
    const auto parsed = parse_number<std::uint32_t>(t);
    return parsed && *parsed > 0 ? std::optional(core::Timeline{*parsed}) : std::nullopt;
  });
  return core::StampedEpoch{
      .epoch = {epoch},
      .writer_region = row.text(writer_region),
      .promoted_by = row.text_or_empty(promoted_by),
      .promoted_at = row.optional_time(promoted_at_us),
      .timeline = timeline,
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
  facts.server_now = row.time(server_now_us);
  facts.started = row.time(started_us);
  facts.checkpoint = {row.lsn(checkpoint_lsn), row.lsn(checkpoint_redo), row.time(checkpoint_us)};
  if (facts.in_recovery) {
    read_standby(row, facts);
  } else {
    read_writer(row, facts);
  }
  facts.stamped = read_stamp(row, facts.epoch_problem);
  facts.archiver = read_archiver(row);
  facts.wal_segment_bytes =
      static_cast<std::uint64_t>(row.number(wal_segment_bytes, 1, kSegmentBytesMax));
  facts.synchronous_standby_names = row.text(synchronous_standby_names, kStandbyNamesBytesMax);
  facts.synchronous_commit = row.text(synchronous_commit);
}

core::ReplicationRow read_sender(LightReader& row) {
  return {.application_name = row.text(sender_name),
          .state = row.text(sender_state),
          .sync_state = row.text(sender_sync_state),
          .flush_lsn = row.optional_lsn(sender_flush_lsn),
          .replay_lsn = row.optional_lsn(sender_replay_lsn),
          .pid = row.optional_number(sender_pid),
          .logical = row.boolean(sender_logical)};
}

core::SlotFacts read_slot(SlowReader& row) {
  return {.name = row.text(name),
          .logical = row.boolean(logical),
          .active = row.boolean(active),
          .lag_bytes = row.optional_number(value),
          .safe_wal_bytes = row.optional_number(safe_bytes),
          .lost = row.optional(lost, parse_bool)};
}

void read_slow_row(SlowReader& row, core::SlowFacts& facts) {
  const std::string what = row.text(kind);
  if (what == "connections") {
    facts.connections[row.text(name)] += row.count(value);
  } else if (what == "connections_limit") {
    facts.connections_limit = row.count(value);
  } else if (what == "wal_writer_delay") {
    facts.wal_writer_delay = std::chrono::milliseconds(row.number(value, 0, kSettingMsMax));
  } else if (what == "slot") {
    facts.slots.push_back(read_slot(row));
  }
}

}  // namespace

std::variant<LightAnswer, ProbeError> LightDecoder::decode(const RowSet& answer) {
  if (!fits(answer, kLightColumns, index_))
    return bad_answer("the light statement gave other columns or no row").error;
  if (answer.rows.size() > core::limits::kReplicationRowsMax)
    return bad_answer("the light statement gave too many rows").error;
  LightAnswer decoded;
  LightReader node(answer.rows.front(), *index_, kLightColumns);
  if (!node.boolean(has_monitor) && !node.problem())
    return ProbeError{ProbeFailure::missing_privilege, "the role lacks pg_monitor"};
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
  // This session is one of them: without any row they are unknown. With one, nobody in a state is
  // 0, unless the server tracks nobody's state, or not everybody's.
  if (facts.connections.empty() || facts.connections.contains("disabled")) return facts;
  for (const char* state :
       {"active", "idle", "idle in transaction", "idle in transaction (aborted)"})
    facts.connections.try_emplace(state, 0);
  return facts;
}

}  // namespace rpoguard::observe
