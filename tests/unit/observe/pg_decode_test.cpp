#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "exporter/base/text.hpp"
#include "exporter/core/model/limits.hpp"
#include "exporter/observe/postgres/pg_queries.hpp"

namespace rpoguard::observe {
namespace {

using core::ProbeError;
using core::ProbeFailure;
using Named = std::map<std::string, Cell>;

const Named kWriter{
    {"in_recovery", "f"},
    {"server_version", "150018"},
    {"has_monitor", "t"},
    {"epoch_table_exists", "t"},
    {"system_identifier", "-2"},
    {"snapshot", "743:745:743|"},
    {"insert_lsn", "1/40A9BB0"},
    {"flushed_lsn", "1/40A9B00"},
    {"written_timeline", "0000000A"},
    {"received_timeline", std::nullopt},
    {"receive_lsn", std::nullopt},
    {"replay_lsn", std::nullopt},
    {"replay_paused", std::nullopt},
    {"streaming", std::nullopt},
    {"last_commit_us", std::nullopt},
    {"server_now_us", "1795222992556334"},
    {"archiving", "t"},
    {"archived_count", "5"},
    {"failed_count", "2"},
    {"last_archived_wal", "00000001000000000000000B"},
    {"wal_segment_bytes", "16777216"},
    {"synchronous_standby_names", ""},
    {"synchronous_commit", "on"},
    {"writer_epoch", "7"},
    {"writer_region", "iad"},
    {"promoted_by", "ann"},
    {"promoted_at_us", "1795222992000000"},
    {"promoted_timeline", "9"},
    {"sender_pid", "7085"},
    {"sender_logical", "f"},
    {"sender_name", "phx-a"},
    {"sender_state", "streaming"},
    {"sender_sync_state", "async"},
    {"sender_flush_lsn", "1/40A9A00"},
    {"sender_replay_lsn", std::nullopt},
    {"started_us", "1795222000000001"},
    {"apply_delay_us", "0"},
    {"restores", "f"},
    {"has_target", "f"},
    {"weakest_commit_for", "role batch"},
    {"weakest_commit", "off"},
    {"synchronous_commit_hidden", "f"},
    {"checkpoint_lsn", "1/40A0100"},
    {"checkpoint_redo", "1/40A0028"},
    {"checkpoint_us", "1795222991000000"},
    {"receiver_conninfo", std::nullopt},
};

Named standby() {
  Named cells = kWriter;
  for (const char* name :
       {"snapshot", "insert_lsn", "flushed_lsn", "written_timeline", "sender_pid", "sender_logical",
        "sender_name", "sender_state", "sender_sync_state", "sender_flush_lsn"})
    cells[name] = std::nullopt;
  cells["in_recovery"] = "t";
  cells["received_timeline"] = "10";
  cells["receive_lsn"] = "1/3000000";
  cells["replay_lsn"] = "1/2000000";
  cells["replay_paused"] = "f";
  cells["streaming"] = "t";
  cells["receiver_conninfo"] =
      "host=10.0.0.1 application_name=phx_a fallback_application_name=walreceiver sslmode=prefer";
  cells["last_commit_us"] = "1795222668694462";
  cells["apply_delay_us"] = "3600000000";
  return cells;
}

RowSet rows_of(const std::vector<Named>& rows) {
  RowSet set;
  for (const auto& [column, cell] : rows.front()) set.columns.push_back(column);
  for (const Named& cells : rows) {
    Row& row = set.rows.emplace_back();
    for (const auto& [column, cell] : cells) row.push_back(cell);
  }
  return set;
}

std::variant<LightAnswer, ProbeError> decode(const std::vector<Named>& rows) {
  return LightDecoder().decode(rows_of(rows));
}

std::string problem_of(const std::variant<LightAnswer, ProbeError>& decoded) {
  const ProbeError* error = std::get_if<ProbeError>(&decoded);
  if (error == nullptr) return "no problem";
  EXPECT_EQ(error->reason, ProbeFailure::bad_answer);
  return error->message;
}

TEST(light_decoder, reads_every_fact_of_a_writer) {
  const auto decoded = decode({kWriter});
  ASSERT_TRUE(std::holds_alternative<LightAnswer>(decoded)) << problem_of(decoded);
  const auto& [facts, epoch_table_exists] = std::get<LightAnswer>(decoded);
  EXPECT_TRUE(epoch_table_exists);
  EXPECT_FALSE(facts.in_recovery);
  EXPECT_EQ(facts.server_version, 150018);
  EXPECT_EQ(facts.system_identifier, 0xFFFFFFFFFFFFFFFEULL);
  EXPECT_EQ(facts.snapshot, "743:745:743|");
  EXPECT_EQ(facts.insert_lsn, core::Lsn{0x1040A9BB0});
  EXPECT_EQ(facts.flushed_lsn, core::Lsn{0x1040A9B00});
  EXPECT_EQ(facts.timeline, core::Timeline{10});
  EXPECT_EQ(facts.server_now.time_since_epoch().count(), 1795222992556334);
  ASSERT_TRUE(facts.archiver.has_value());
  EXPECT_EQ(facts.archiver->last_archived_wal, "00000001000000000000000B");
  EXPECT_EQ(facts.archiver->archived_count, 5);
  EXPECT_EQ(facts.archiver->failed_count, 2);
  EXPECT_EQ(facts.wal_segment_bytes, 16777216U);
  ASSERT_TRUE(facts.checkpoint);
  EXPECT_EQ(facts.checkpoint->lsn, core::Lsn{0x1040A0100});
  EXPECT_EQ(facts.checkpoint->redo, core::Lsn{0x1040A0028});
  EXPECT_EQ(facts.checkpoint->time, core::WallTime(std::chrono::microseconds(1795222991000000)));
  EXPECT_EQ(facts.synchronous_standby_names, "");
  EXPECT_EQ(facts.synchronous_commit, "on");
  ASSERT_TRUE(facts.weakest_commit.has_value());
  EXPECT_EQ(facts.weakest_commit->whom + "/" + facts.weakest_commit->level, "role batch/off");
  EXPECT_FALSE(facts.synchronous_commit_hidden);
  ASSERT_TRUE(facts.stamped.has_value());
  EXPECT_EQ(facts.stamped->epoch, core::Epoch{7});
  EXPECT_EQ(facts.stamped->writer_region, "iad");
  EXPECT_EQ(facts.stamped->promoted_by, "ann");
  EXPECT_EQ(facts.stamped->timeline, core::Timeline{9});
  ASSERT_EQ(facts.replication.size(), 1U);
  EXPECT_EQ(facts.replication[0].application_name, "phx-a");
  EXPECT_EQ(facts.replication[0].flush_lsn, core::Lsn{0x1040A9A00});
  EXPECT_FALSE(facts.replication[0].replay_lsn.has_value());
  EXPECT_EQ(facts.replication[0].pid, 7085);
  EXPECT_EQ(facts.started->time_since_epoch().count(), 1795222000000001);
  EXPECT_FALSE(facts.apply_delay.has_value());
  EXPECT_FALSE(facts.receive_lsn || facts.replay_lsn || facts.replay_paused || facts.streaming);
}

TEST(light_decoder, reads_every_fact_of_a_standby) {
  const auto decoded = decode({standby()});
  ASSERT_TRUE(std::holds_alternative<LightAnswer>(decoded)) << problem_of(decoded);
  const auto& facts = std::get<LightAnswer>(decoded).facts;
  EXPECT_TRUE(facts.in_recovery);
  EXPECT_EQ(facts.timeline, core::Timeline{10});
  EXPECT_EQ(facts.receive_lsn, core::Lsn{0x103000000});
  EXPECT_EQ(facts.replay_lsn, core::Lsn{0x102000000});
  EXPECT_EQ(facts.replay_paused, false);
  EXPECT_EQ(facts.streaming, true);
  EXPECT_EQ(facts.announced_name, "phx_a");
  EXPECT_EQ(facts.apply_delay, std::chrono::hours(1));
  EXPECT_EQ(facts.last_replayed_commit->time_since_epoch().count(), 1795222668694462);
  EXPECT_FALSE(facts.insert_lsn || facts.flushed_lsn || facts.snapshot);
  EXPECT_TRUE(facts.replication.empty());
}

TEST(light_decoder, a_null_where_a_value_must_be_is_never_a_number) {
  for (const char* column :
       {"in_recovery",        "server_version",    "has_monitor",
        "epoch_table_exists", "system_identifier", "snapshot",
        "insert_lsn",         "flushed_lsn",       "written_timeline",
        "server_now_us",      "archiving",         "archived_count",
        "failed_count",       "wal_segment_bytes", "checkpoint_lsn",
        "checkpoint_redo",    "checkpoint_us",     "synchronous_standby_names",
        "synchronous_commit", "writer_region",     "sender_state",
        "sender_sync_state",  "weakest_commit",    "synchronous_commit_hidden"}) {
    Named cells = kWriter;
    cells[column] = std::nullopt;
    EXPECT_EQ(problem_of(decode({cells})), std::string("column ") + column + " is null");
  }
  for (const char* column : {"received_timeline", "replay_paused", "streaming"}) {
    Named cells = standby();
    cells[column] = std::nullopt;
    EXPECT_EQ(problem_of(decode({cells})), std::string("column ") + column + " is null");
  }
}

TEST(light_decoder, what_a_standby_may_lack_is_unknown) {
  Named cells = standby();
  for (const char* column : {"receive_lsn", "replay_lsn", "last_commit_us", "receiver_conninfo"})
    cells[column] = std::nullopt;
  const auto decoded = decode({cells});
  ASSERT_TRUE(std::holds_alternative<LightAnswer>(decoded)) << problem_of(decoded);
  const auto& facts = std::get<LightAnswer>(decoded).facts;
  EXPECT_FALSE(facts.receive_lsn || facts.replay_lsn || facts.last_replayed_commit);
  EXPECT_FALSE(facts.announced_name.has_value());
}

struct GarbageCase {
  const char* column;
  const char* text;
};

TEST(light_decoder, a_value_that_does_not_parse_is_a_bad_answer) {
  const GarbageCase cases[] = {
      {"in_recovery", "true"},
      {"server_version", "90600"},
      {"server_version", "15.4"},
      {"system_identifier", ""},
      {"insert_lsn", "0"},
      {"insert_lsn", "0/"},
      {"flushed_lsn", "G/1"},
      {"written_timeline", "00000000"},
      {"written_timeline", "1"},
      {"written_timeline", "0000000G"},
      {"server_now_us", "1e15"},
      {"server_now_us", "-1"},
      {"archived_count", "-1"},
      {"wal_segment_bytes", "0"},
      {"wal_segment_bytes", "16MB"},
      {"checkpoint_lsn", "1-40A0100"},
      {"checkpoint_redo", ""},
      {"checkpoint_us", "-1"},
      {"writer_epoch", "-1"},
      {"writer_epoch", "7 "},
      {"writer_epoch", "9223372036854775808"},
      {"promoted_at_us", "yesterday"},
      {"promoted_timeline", "0"},
      {"promoted_timeline", "4294967296"},
      {"sender_flush_lsn", "0/123456789"},
  };
  for (const auto& c : cases) {
    Named cells = kWriter;
    cells[c.column] = c.text;
    EXPECT_EQ(problem_of(decode({cells})), std::string("column ") + c.column + " does not parse")
        << c.text;
  }
  Named cells = standby();
  cells["received_timeline"] = "0";
  EXPECT_EQ(problem_of(decode({cells})), "column received_timeline does not parse");
}

TEST(light_decoder, a_role_without_pg_monitor_is_told_so) {
  Named cells = kWriter;
  cells["has_monitor"] = "f";
  cells["sender_state"] = std::nullopt;  // what the server hides from such a role
  const auto decoded = decode({cells});
  const ProbeError* error = std::get_if<ProbeError>(&decoded);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->reason, ProbeFailure::missing_privilege);
  EXPECT_EQ(error->message, "the role lacks pg_monitor");
}

// One that is remembered for ever, and leaves no number for the next promotion.
TEST(light_decoder, an_epoch_beyond_all_promotions_is_no_stamp_and_says_so) {
  Named cells = kWriter;
  cells["writer_epoch"] = "2000000000000000000";
  EXPECT_TRUE(std::get<LightAnswer>(decode({cells})).facts.stamped);
  for (const char* epoch : {"2000000000000000001", "9223372036854775807"}) {
    cells["writer_epoch"] = epoch;
    const auto decoded = decode({cells});
    ASSERT_TRUE(std::holds_alternative<LightAnswer>(decoded)) << problem_of(decoded);
    const core::NodeFacts& facts = std::get<LightAnswer>(decoded).facts;
    EXPECT_FALSE(facts.stamped.has_value());
    EXPECT_EQ(facts.epoch_problem,
              std::string("rpoguard.cluster_state has epoch ") + epoch +
                  ", which is above all that a promotion can reach: correct it");
  }
}

TEST(light_decoder, no_row_in_the_epoch_table_is_no_stamp) {
  Named cells = kWriter;
  for (const char* column : {"writer_epoch", "writer_region", "promoted_by", "promoted_at_us"})
    cells[column] = std::nullopt;
  const auto decoded = decode({cells});
  ASSERT_TRUE(std::holds_alternative<LightAnswer>(decoded)) << problem_of(decoded);
  EXPECT_FALSE(std::get<LightAnswer>(decoded).facts.stamped.has_value());
}

TEST(light_decoder, a_node_that_does_not_archive_has_no_archiver) {
  Named cells = kWriter;
  cells["archiving"] = "f";
  cells["archived_count"] = cells["failed_count"] = cells["last_archived_wal"] = std::nullopt;
  const auto decoded = decode({cells});
  ASSERT_TRUE(std::holds_alternative<LightAnswer>(decoded)) << problem_of(decoded);
  EXPECT_FALSE(std::get<LightAnswer>(decoded).facts.archiver.has_value());
}

TEST(light_decoder, a_walsender_that_vanished_meanwhile_is_left_out) {
  Named gone = kWriter;
  gone["sender_name"] = std::nullopt;
  Named other = kWriter;
  other["sender_name"] = "iad-b";
  const auto decoded = decode({kWriter, gone, other});
  ASSERT_TRUE(std::holds_alternative<LightAnswer>(decoded)) << problem_of(decoded);
  const auto& rows = std::get<LightAnswer>(decoded).facts.replication;
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].application_name, "iad-b");
}

TEST(light_decoder, another_shape_of_answer_is_refused) {
  const std::vector<Named> too_many(core::limits::kReplicationRowsMax + 1, kWriter);
  EXPECT_EQ(problem_of(decode(too_many)), "the light statement gave too many rows");
  RowSet no_row = rows_of({kWriter});
  no_row.rows.clear();
  RowSet missing = rows_of({kWriter});
  missing.columns.pop_back();
  RowSet short_row = rows_of({kWriter});
  short_row.rows[0].pop_back();
  for (const RowSet& set : {no_row, missing, short_row, RowSet{}})
    EXPECT_NE(problem_of(LightDecoder().decode(set)), "no problem");
}

TEST(light_decoder, columns_may_come_in_any_order) {
  RowSet set = rows_of({kWriter});
  std::reverse(set.columns.begin(), set.columns.end());
  std::reverse(set.rows[0].begin(), set.rows[0].end());
  EXPECT_TRUE(std::holds_alternative<LightAnswer>(LightDecoder().decode(set)));
}

RowSet slow_rows(std::vector<Row> rows) {
  for (Row& row : rows) {
    if (row.size() == 6) row.emplace_back();
  }
  return {{"kind", "name", "logical", "active", "value", "safe_bytes", "lost"}, std::move(rows)};
}

TEST(slow_decoder, reads_connections_and_slots) {
  const auto decoded =
      SlowDecoder().decode(slow_rows({{"connections", "idle", {}, {}, "3", {}},
                                      {"connections", "other", {}, {}, "1", {}},
                                      {"connections_limit", {}, {}, {}, "100", {}},
                                      {"slot", "cdc", "t", "f", "4096", "-1"},
                                      {"slot", "phx", "f", "t", {}, {}, "t"},
                                      {"wal_writer_delay", {}, {}, {}, "10000", {}},
                                      {"of a later version", {}, {}, {}, {}, {}}}));
  ASSERT_TRUE(std::holds_alternative<core::SlowFacts>(decoded));
  const auto& facts = std::get<core::SlowFacts>(decoded);
  EXPECT_EQ(facts.connections,
            (std::map<std::string, std::int64_t>{{"active", 0},
                                                 {"idle", 3},
                                                 {"idle in transaction", 0},
                                                 {"idle in transaction (aborted)", 0},
                                                 {"other", 1}}));
  EXPECT_EQ(facts.connections_limit, 100);
  ASSERT_EQ(facts.slots.size(), 2U);
  EXPECT_TRUE(facts.slots[0].logical);
  EXPECT_FALSE(facts.slots[0].active);
  EXPECT_EQ(facts.slots[0].lag_bytes, 4096);
  EXPECT_EQ(facts.slots[0].safe_wal_bytes, -1);
  EXPECT_FALSE(facts.slots[0].lost.has_value());
  EXPECT_FALSE(facts.slots[1].lag_bytes.has_value());
  EXPECT_EQ(facts.slots[1].lost, true);
  EXPECT_EQ(facts.wal_writer_delay, std::chrono::seconds(10));
}

TEST(slow_decoder, a_state_that_is_not_tracked_is_not_0) {
  const auto decoded = SlowDecoder().decode(slow_rows(
      {{"connections", "disabled", {}, {}, "4", {}}, {"connections", "idle", {}, {}, "1", {}}}));
  ASSERT_TRUE(std::holds_alternative<core::SlowFacts>(decoded));
  EXPECT_EQ(std::get<core::SlowFacts>(decoded).connections,
            (std::map<std::string, std::int64_t>{{"disabled", 4}, {"idle", 1}}));
}

TEST(slow_decoder, without_any_row_of_connections_none_is_known) {
  const auto decoded =
      SlowDecoder().decode(slow_rows({{"connections_limit", {}, {}, {}, "9", {}}}));
  ASSERT_TRUE(std::holds_alternative<core::SlowFacts>(decoded));
  EXPECT_TRUE(std::get<core::SlowFacts>(decoded).connections.empty());
}

TEST(slow_decoder, garbage_is_a_bad_answer) {
  for (const Row& row :
       {Row{{}, {}, {}, {}, {}, {}}, Row{"connections", {}, {}, {}, "3", {}},
        Row{"connections", "idle", {}, {}, "x", {}}, Row{"connections_limit", {}, {}, {}, {}, {}},
        Row{"slot", "a", "yes", "t", "1", {}}, Row{"slot", "a"},
        Row{"slot", "a", "t", "t", "1", {}, "yes"},
        Row{"wal_writer_delay", {}, {}, {}, "-1", {}}}) {
    const auto decoded = SlowDecoder().decode(slow_rows({row}));
    ASSERT_TRUE(std::holds_alternative<ProbeError>(decoded)) << row[0].value_or("null");
    EXPECT_EQ(std::get<ProbeError>(decoded).reason, ProbeFailure::bad_answer);
  }
}

TEST(pg_queries, each_version_gets_functions_it_has) {
  EXPECT_NE(light_sql(120000, EpochTable::present).find("txid_current_snapshot"),
            std::string::npos);
  EXPECT_NE(light_sql(130000, EpochTable::present).find("pg_current_snapshot"), std::string::npos);
  EXPECT_NE(light_sql(170002, EpochTable::present).find("pg_current_snapshot"), std::string::npos);
  EXPECT_EQ(slow_sql(120000).find("safe_wal_size"), std::string::npos);
  EXPECT_NE(slow_sql(130000).find("safe_wal_size"), std::string::npos);
  EXPECT_EQ(slow_sql(120000).find("wal_status"), std::string::npos);
  EXPECT_NE(slow_sql(130000).find("wal_status"), std::string::npos);
}

TEST(pg_queries, only_the_variant_for_a_present_table_names_it) {
  const std::string join = "join rpoguard.cluster_state";
  EXPECT_NE(light_sql(150000, EpochTable::present).find(join), std::string::npos);
  EXPECT_EQ(light_sql(150000, EpochTable::absent).find(join), std::string::npos);
  EXPECT_NE(light_sql(150000, EpochTable::absent).find("to_regclass"), std::string::npos);
  EXPECT_EQ(light_sql(150000, EpochTable::ignored).find("cluster_state'"), std::string::npos);
}

// An unknown setting would be an error.
TEST(pg_queries, a_session_pins_what_its_version_knows) {
  const auto pins = [](int version, const std::string& setting) {
    return session_sql(version, std::chrono::milliseconds(700), EpochTable::absent)
               .find("'" + setting + "'") != std::string::npos;
  };
  EXPECT_TRUE(pins(120000, "default_transaction_isolation"));
  EXPECT_FALSE(pins(139999, "idle_session_timeout"));
  EXPECT_TRUE(pins(140000, "idle_session_timeout"));
  EXPECT_FALSE(pins(169999, "transaction_timeout"));
  EXPECT_TRUE(pins(170000, "transaction_timeout") && pins(180000, "idle_session_timeout"));
}

// Whoever gives the session has its own defaults, and none is to be left changed behind a pooler.
TEST(pg_queries, what_may_pass_a_pooler_states_its_transaction_and_sets_nothing_else) {
  for (const std::string& sql : {backend_sql(), endpoint_sql()}) {
    EXPECT_TRUE(sql.starts_with("set transaction isolation level read committed, ")) << sql;
    EXPECT_NE(sql.find("deferrable;\nset local statement_timeout = 0;\n"), std::string::npos);
    const std::string beyond_it = base::replace_all(sql, "\nset local ", "");
    EXPECT_EQ(beyond_it.find("\nset "), std::string::npos) << sql;
    EXPECT_EQ(sql.find("set_config"), std::string::npos) << sql;
  }
  const std::string canary = canary_sql("184", std::chrono::milliseconds(100));
  EXPECT_TRUE(canary.starts_with("begin isolation level read committed, read write, ")) << canary;
  EXPECT_NE(canary.find("deferrable;\nset local statement_timeout = 0;\n"), std::string::npos);
  EXPECT_TRUE(canary.ends_with("commit")) << canary;
}

// Else a look on whose way a lock stands would have no time left for what needs none.
TEST(pg_queries, a_look_waits_for_a_lock_only_a_part_of_its_time) {
  const std::string sql = session_sql(150000, std::chrono::milliseconds(700), EpochTable::present);
  EXPECT_NE(sql.find("'statement_timeout', '700'"), std::string::npos) << sql;
  EXPECT_NE(sql.find("'lock_timeout', '175'"), std::string::npos) << sql;
  EXPECT_NE(session_sql(150000, std::chrono::milliseconds(1), EpochTable::present)
                .find("'lock_timeout', '1'"),
            std::string::npos)
      << "0 would mean none";
}

TEST(pg_queries, no_mark_is_left) {
  for (const auto table : {EpochTable::ignored, EpochTable::absent, EpochTable::present}) {
    EXPECT_EQ(light_sql(150000, table).find('@'), std::string::npos);
    EXPECT_EQ(light_sql(150000, table, CommitLevels::left_out).find("pg_db_role_setting"),
              std::string::npos);
    for (const int version : {120000, 140000, 170000})
      EXPECT_EQ(session_sql(version, std::chrono::milliseconds(700), table).find('@'),
                std::string::npos);
  }
  for (const std::string& sql : {slow_sql(150000), epoch_lock_sql(), settings_lock_sql()})
    EXPECT_EQ(sql.find('@'), std::string::npos) << sql;
}

}  // namespace
}  // namespace rpoguard::observe
