#include <gtest/gtest.h>

#include "exporter/observe/postgres/pg_queries.hpp"

namespace rpoguard::observe {
namespace {

using core::ProbeError;

RowSet one_row(Row row) {
  RowSet set;
  set.columns.resize(row.size());
  set.rows.push_back(std::move(row));
  return set;
}

TEST(backend_decoder, knows_a_pooler_by_the_process_that_answers) {
  const auto answer = [](Cell pid) { return RowSet{{"backend_pid"}, {{std::move(pid)}}}; };
  EXPECT_FALSE(decode_backend(answer("4711"), 4711).has_value());
  const auto pooler = decode_backend(answer("4711"), 815);
  ASSERT_TRUE(pooler.has_value());
  EXPECT_EQ(pooler->reason, core::ProbeFailure::bad_answer);
  EXPECT_EQ(pooler->message,
            "another process answers (4711) than the login was made with (815): this is a pooler, "
            "name the server itself");
  EXPECT_TRUE(decode_backend(answer("4711"), 0).has_value()) << "the login named none";
  for (const RowSet& bad : {RowSet{}, answer(std::nullopt), answer("x"), answer("-1")})
    EXPECT_TRUE(decode_backend(bad, 0).has_value());
}

TEST(epoch_lock_decoder, names_the_one_before_us_or_nobody) {
  using Lock = std::optional<core::EpochLock>;
  const auto answer = [](Cell transaction, Cell holder) {
    return RowSet{{"transaction", "holder"}, {{std::move(transaction), std::move(holder)}}};
  };
  const auto lock = std::get<Lock>(decode_epoch_lock(answer("5/77", "pid 7 has it locked")));
  ASSERT_TRUE(lock.has_value());
  EXPECT_EQ(lock->transaction, "5/77");
  EXPECT_EQ(lock->holder, "pid 7 has it locked");
  EXPECT_FALSE(std::get<Lock>(decode_epoch_lock(RowSet{})).has_value());
  for (const RowSet& bad :
       {one_row({"5/77"}), answer("5/77", std::nullopt), answer(std::nullopt, "x")})
    EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_epoch_lock(bad)));
}

TEST(epoch_query_decoder, gives_a_region_that_can_only_be_seen) {
  const auto stamped = decode_epoch_query(one_row({"7", "i\x1b[2Jad\xfc"}));
  EXPECT_EQ(std::get<std::optional<core::StampedEpoch>>(stamped)->writer_region, "i?[2Jad?");
}

TEST(history_decoder, gives_the_history_or_none_and_takes_garbage_for_neither) {
  constexpr core::Timeline kTwo{2};
  const auto history =
      decode_history(one_row({"1\t0/3000000\tno recovery target specified\n"}), kTwo);
  const core::TimelineHistory expected{{{core::Timeline{1}, core::Lsn{0x3000000}}}};
  EXPECT_EQ(std::get<std::optional<core::TimelineHistory>>(history), expected);
  const auto none = decode_history(one_row({std::nullopt}), kTwo);
  EXPECT_FALSE(std::get<std::optional<core::TimelineHistory>>(none).has_value());
  for (const RowSet& bad : {RowSet{}, one_row({"x"}), one_row({"", ""}), one_row({""}),
                            one_row({"2\t0/3000000\tof a later timeline\n"})})
    EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_history(bad, kTwo)));
}

RowSet marks_answer(Cell there, Cell problem) {
  return {{"there", "problem"}, {{std::move(there), std::move(problem)}}};
}

TEST(marks_decoder, tells_whether_there_are_marks_and_what_is_wrong_with_them) {
  const auto fine = decode_marks(marks_answer("t", std::nullopt));
  EXPECT_TRUE(std::get<MarkObjects>(fine).there);
  EXPECT_EQ(std::get<MarkObjects>(fine).problem, "");
  EXPECT_EQ(std::get<MarkObjects>(decode_marks(marks_answer("t", "mallory's"))).problem,
            "mallory's");
  EXPECT_FALSE(std::get<MarkObjects>(decode_marks(marks_answer("f", std::nullopt))).there);
  RowSet two = marks_answer("t", std::nullopt);
  two.rows.push_back(two.rows.front());
  for (const RowSet& bad : {RowSet{}, two, one_row({"t", ""}), marks_answer("yes", std::nullopt),
                            marks_answer(std::nullopt, std::nullopt)})
    EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_marks(bad)));
}

TEST(mark_decoder, gives_the_mark_or_none_and_takes_garbage_for_neither) {
  using Mark = std::optional<core::RunMark>;
  const auto answer = [](Row row) {
    return RowSet{{"timeline", "started_us", "backends_started_us", "lsn", "written_us"},
                  {std::move(row)}};
  };
  const auto mark = std::get<Mark>(decode_last_mark(answer({"3", "1", "2", "1/40A9BB0", "5"})));
  const auto at = [](int us) { return core::WallTime(std::chrono::microseconds(us)); };
  EXPECT_EQ(mark, (core::RunMark{.run = {core::Timeline{3}, at(1), at(2)},
                                 .lsn = core::Lsn{0x1040A9BB0},
                                 .written = at(5)}));
  EXPECT_FALSE(std::get<Mark>(decode_last_mark(RowSet{})).has_value());
  const Row good{"3", "1", "2", "1/40A9BB0", "5"};
  for (std::size_t column = 0; column < good.size(); ++column) {
    for (const Cell& cell : {Cell(), Cell("x"), Cell("-1")}) {
      Row row = good;
      row[column] = cell;
      EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_last_mark(answer(row))))
          << column << cell.value_or("null");
    }
  }
  RowSet two = answer(good);
  two.rows.push_back(good);
  for (const RowSet& bad : {two, one_row({"3", "1", "2", "1/40A9BB0", "5"})})
    EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_last_mark(bad)));
}

TEST(ready_decoder, counts_the_files_and_names_the_oldest_segment) {
  const auto some = decode_ready(one_row({"3", "000000010000000000000007.ready"}));
  const auto& ready = std::get<core::ArchiverFacts::Ready>(some);
  EXPECT_EQ(ready.files, 3);
  EXPECT_EQ(ready.oldest_wal, "000000010000000000000007");
  const auto none = decode_ready(one_row({"0", std::nullopt}));
  EXPECT_EQ(std::get<core::ArchiverFacts::Ready>(none).oldest_wal, "");
  for (const RowSet& bad : {RowSet{}, one_row({"1"}), one_row({std::nullopt, std::nullopt}),
                            one_row({"-1", std::nullopt}), one_row({"x", std::nullopt})})
    EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_ready(bad)));
}

TEST(epoch_query_decoder, takes_a_number_and_perhaps_a_region) {
  using Stamp = std::optional<core::StampedEpoch>;
  const auto both = std::get<Stamp>(decode_epoch_query(one_row({"7", "iad"})));
  ASSERT_TRUE(both);
  EXPECT_EQ(both->epoch, core::Epoch{7});
  EXPECT_EQ(both->writer_region, "iad");
  EXPECT_EQ(std::get<Stamp>(decode_epoch_query(one_row({"0"})))->writer_region, "");
  EXPECT_FALSE(std::get<Stamp>(decode_epoch_query(RowSet{})).has_value());
  EXPECT_FALSE(std::get<Stamp>(decode_epoch_query(one_row({std::nullopt, "iad"}))).has_value());
  RowSet two = one_row({"7"});
  two.rows.push_back({"8"});
  for (const RowSet& bad :
       {two, one_row({}), one_row({"1", "iad", "x"}), one_row({"-1"}), one_row({"1.5"}),
        one_row({"seven"}), one_row({"2000000000000000001"}), one_row({"9223372036854775807"})})
    EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_epoch_query(bad)));
}

TEST(session_decoder, tells_whether_the_epoch_table_is_there) {
  const auto answer = [](Cell cell) { return RowSet{{"x", "epoch_table_exists"}, {{"", cell}}}; };
  const auto decode_as = [&](Cell cell, EpochTable wanted) {
    return decode_session(answer(std::move(cell)), wanted);
  };
  EXPECT_EQ(std::get<EpochTable>(decode_as("t", EpochTable::absent)), EpochTable::present);
  EXPECT_EQ(std::get<EpochTable>(decode_as("f", EpochTable::absent)), EpochTable::absent);
  EXPECT_EQ(std::get<EpochTable>(decode_as("f", EpochTable::ignored)), EpochTable::ignored);
  EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_as("", EpochTable::absent)));
  EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_as({}, EpochTable::absent)));
  EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_session({}, EpochTable::absent)));
}

TEST(endpoint_decoder, reads_who_answers) {
  const RowSet answer{{"system_identifier", "in_recovery", "timeline", "started_us"},
                      {{"-2", "f", "12", "1795222000000001"}}};
  const auto decoded = decode_endpoint(answer);
  const auto* facts = std::get_if<core::EndpointFacts>(&decoded);
  ASSERT_NE(facts, nullptr) << std::get<ProbeError>(decoded).message;
  EXPECT_EQ(facts->system_identifier, 0xFFFFFFFFFFFFFFFEULL);
  EXPECT_FALSE(facts->in_recovery);
  EXPECT_EQ(facts->timeline, core::Timeline{12});
  EXPECT_EQ(facts->started.time_since_epoch().count(), 1795222000000001);
  EXPECT_FALSE(facts->commit_took.has_value());
}

TEST(endpoint_decoder, null_and_garbage_are_a_bad_answer) {
  const RowSet good{{"system_identifier", "in_recovery", "timeline", "started_us"},
                    {{"7", "f", "12", "1795222000000001"}}};
  for (std::size_t column = 0; column < good.columns.size(); ++column)
    for (const Cell& cell : {Cell(), Cell(""), Cell("x"), Cell("-1"), Cell("4294967296x")}) {
      if (column == 0 && cell == "-1") continue;  // an identifier may look negative
      RowSet bad = good;
      bad.rows[0][column] = cell;
      EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_endpoint(bad)))
          << good.columns[column] << " " << cell.value_or("null");
    }
  RowSet two = good;
  two.rows.push_back(good.rows[0]);
  RowSet missing = good;
  missing.columns[2] = "other";
  for (const RowSet& bad : {two, missing, RowSet{}, RowSet{good.columns, {}}})
    EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_endpoint(bad)));
}

TEST(canary, the_name_cannot_leave_its_quotes) {
  const std::string sql = canary_sql("a'; drop table t; --@timeout_ms@", std::chrono::seconds(1));
  EXPECT_NE(sql.find("(E'a''; drop table t; --@timeout_ms@', "), std::string::npos) << sql;
  EXPECT_NE(sql.find("lock_timeout = 1000;"), std::string::npos) << sql;
}

}  // namespace
}  // namespace rpoguard::observe
