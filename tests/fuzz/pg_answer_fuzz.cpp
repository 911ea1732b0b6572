// Answers of a server to the decoders and to the texts shown to people: whatever it says must end
// in facts or in a ProbeError.
//
// Input: cells separated by 0x1E, rows by 0x1D; a cell that is just "\x1A" is NULL. The columns are
// those of the statements, so that the mutator reaches the parsers at once.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/observe/postgres/pg_failure.hpp"
#include "exporter/observe/postgres/pg_queries.hpp"

namespace {

using rpoguard::observe::RowSet;

RowSet row_set_of(std::string_view input, std::vector<std::string> columns) {
  RowSet set{std::move(columns), {}};
  while (!input.empty()) {
    std::string_view line = input.substr(0, input.find('\x1D'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    auto& row = set.rows.emplace_back();
    while (row.size() < set.columns.size()) {
      const std::string_view cell = line.substr(0, line.find('\x1E'));
      line.remove_prefix(std::min(cell.size() + 1, line.size()));
      if (cell == "\x1A") {
        row.emplace_back(std::nullopt);
      } else {
        row.emplace_back(std::string(cell));
      }
    }
  }
  return set;
}

void require(bool condition) {
  if (!condition) std::abort();
}

void check_light(std::string_view input) {
  rpoguard::observe::LightDecoder decoder;
  const auto decoded = decoder.decode(row_set_of(input, {"in_recovery",
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
                                                         "checkpoint_lsn",
                                                         "checkpoint_redo",
                                                         "checkpoint_us",
                                                         "synchronous_standby_names",
                                                         "synchronous_commit",
                                                         "writer_epoch",
                                                         "writer_region",
                                                         "promoted_by",
                                                         "promoted_at_us",
                                                         "promoted_timeline",
                                                         "sender_pid",
                                                         "sender_logical",
                                                         "sender_name",
                                                         "sender_state",
                                                         "sender_sync_state",
                                                         "sender_flush_lsn",
                                                         "sender_replay_lsn",
                                                         "started_us",
                                                         "apply_delay_us",
                                                         "restores",
                                                         "has_target",
                                                         "receiver_conninfo",
                                                         "weakest_commit_for",
                                                         "weakest_commit",
                                                         "synchronous_commit_hidden"}));
  if (!std::holds_alternative<rpoguard::observe::LightAnswer>(decoded)) return;
  const auto& facts = std::get<rpoguard::observe::LightAnswer>(decoded).facts;
  require(facts.timeline.value > 0 && facts.wal_segment_bytes > 0);
  require(facts.in_recovery != (facts.insert_lsn && facts.flushed_lsn && facts.snapshot));
  require(!facts.in_recovery || (facts.replay_paused && facts.streaming));
  require(!facts.stamped || facts.stamped->epoch.value >= 0);
  require(!facts.stamped ||
          facts.stamped->timeline.value_or(rpoguard::core::Timeline{1}).value > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_light(input);
  rpoguard::observe::SlowDecoder slow;
  (void)slow.decode(
      row_set_of(input, {"kind", "name", "logical", "active", "value", "safe_bytes"}));
  (void)rpoguard::observe::decode_history(row_set_of(input, {"history"}),
                                          rpoguard::core::Timeline{2});
  (void)rpoguard::observe::decode_marks(row_set_of(input, {"there", "problem"}));
  (void)rpoguard::observe::decode_last_mark(
      row_set_of(input, {"timeline", "started_us", "backends_started_us", "lsn", "written_us"}));
  (void)rpoguard::observe::decode_ready(row_set_of(input, {"files", "oldest"}));
  (void)rpoguard::observe::decode_epoch_query(row_set_of(input, {"epoch", "region"}));
  (void)rpoguard::observe::decode_endpoint(
      row_set_of(input, {"system_identifier", "in_recovery", "timeline", "started_us"}));
  (void)rpoguard::observe::decode_session(row_set_of(input, {"epoch_table_exists"}),
                                          rpoguard::observe::EpochTable::absent);
  const auto failure = rpoguard::observe::classify_connect_failure(
      {.phase = rpoguard::observe::ConnectPhase::login, .message = std::string(input)});
  require(failure.error.message.find('\n') == std::string::npos);
  require(failure.error.message.size() < 300);
  return 0;
}
