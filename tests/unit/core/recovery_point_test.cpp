#include "exporter/core/judge/recovery_point.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

constexpr Instant kSecond1 = Instant(seconds(1));
constexpr Instant kSecond2 = Instant(seconds(2));

std::optional<WriterSample> sample_at(const std::optional<WriterSample>& previous,
                                      const NodeFacts& facts, Instant asked) {
  return sample_writer(previous, facts, asked, asked + milliseconds(5));
}

TEST(WriterSample, bounds_by_the_insert_position) {
  NodeFacts writer = make_writer_facts(1);
  writer.insert_lsn = Lsn{500};
  writer.flushed_lsn = Lsn{400};
  const auto sample = sample_at(std::nullopt, writer, kSecond1);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->bound, Lsn{500});
  EXPECT_EQ(sample->asked, kSecond1);
  EXPECT_EQ(sample->seen, kSecond1 + milliseconds(5));
}

// PostgreSQL 15: pg_switch_wal(), then insert 0/5000028 and flush 0/5000000.
TEST(WriterSample, a_page_header_behind_a_switch_of_segments_is_nothing_to_wait_for) {
  NodeFacts writer = make_writer_facts(1);
  writer.wal_segment_bytes = 16 * 1024 * 1024;
  for (const auto& [insert, bound] : {std::pair(0x5000028U, 0x5000000U),
                                      {0x5000029U, 0x5000029U},
                                      {0x5002018U, 0x5002018U},
                                      {0x5000000U, 0x5000000U}}) {
    writer.insert_lsn = Lsn{insert};
    EXPECT_EQ(sample_at(std::nullopt, writer, kSecond1)->bound, Lsn{bound});
  }
}

TEST(WriterSample, says_nothing_without_position_snapshot_or_in_recovery) {
  NodeFacts writer = make_writer_facts(1);
  writer.insert_lsn.reset();
  EXPECT_FALSE(sample_at(std::nullopt, writer, kSecond1));
  writer = make_writer_facts(1);
  writer.snapshot.reset();
  EXPECT_FALSE(sample_at(std::nullopt, writer, kSecond1));
  writer = make_writer_facts(1);
  writer.in_recovery = true;
  EXPECT_FALSE(sample_at(std::nullopt, writer, kSecond1));
}

TEST(WriterSample, an_idle_writer_keeps_its_bound_while_its_log_goes_on) {
  NodeFacts writer = make_writer_facts(1, Lsn{500});
  const auto first = sample_at(std::nullopt, writer, kSecond1);
  writer.insert_lsn = writer.flushed_lsn = Lsn{900};
  const auto second = sample_at(first, writer, kSecond2);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->bound, Lsn{500});
  EXPECT_EQ(second->asked, kSecond1) << "the snapshot was first seen then";
}

TEST(WriterSample, another_snapshot_text_starts_a_new_bound) {
  NodeFacts writer = make_writer_facts(1, Lsn{500});
  // A prepared transaction is part of the text, so preparing, committing it and ending any other
  // all look the same here: different text.
  for (const char* text : {"700:701:", "700:700:|gid-1", "700:702:700"}) {
    const auto first = sample_at(std::nullopt, writer, kSecond1);
    NodeFacts later = writer;
    later.snapshot = text;
    later.insert_lsn = Lsn{900};
    EXPECT_EQ(sample_at(first, later, kSecond2)->bound, Lsn{900}) << text;
  }
}

TEST(WriterSample, equal_text_in_another_session_counts_only_within_one_run) {
  NodeFacts writer = make_writer_facts(1, Lsn{500});
  const auto first = sample_at(std::nullopt, writer, kSecond1);
  writer.session = 2;
  writer.insert_lsn = Lsn{900};
  EXPECT_EQ(sample_at(first, writer, kSecond2)->bound, Lsn{500}) << "of the same run";
  // The postmaster goes on when its backends crash, and gives the same transaction ids again.
  for (auto start : {&NodeFacts::started, &NodeFacts::backends_started}) {
    NodeFacts other = writer;
    *(other.*start) += seconds(1);
    EXPECT_EQ(sample_at(first, other, kSecond2)->bound, Lsn{900});
    (other.*start).reset();
    EXPECT_EQ(sample_at(first, other, kSecond2)->bound, Lsn{900}) << "not known";
  }
}

// A WAL disk that hangs: with synchronous_commit = off all is acknowledged, and nothing is flushed.
TEST(WriterSample, never_falls_to_what_is_flushed) {
  NodeFacts writer = make_writer_facts(1);
  writer.insert_lsn = Lsn{500};
  writer.flushed_lsn = Lsn{450};
  const auto first = sample_at(std::nullopt, writer, kSecond1);
  EXPECT_EQ(sample_at(first, writer, first->seen + seconds(60))->bound, Lsn{500});
  writer.flushed_lsn = Lsn{480};
  EXPECT_EQ(sample_at(first, writer, first->seen + seconds(90))->bound, Lsn{500});
}

TEST(OwnPosition, is_the_further_of_received_and_replayed) {
  NodeFacts copy = make_standby_facts(1);
  copy.receive_lsn = Lsn{100};
  copy.replay_lsn = Lsn{80};
  EXPECT_EQ(own_position(copy, 77), (DurablePosition{Timeline{1}, Lsn{100}, Lsn{80}}));
  copy.receive_lsn.reset();  // restored from the archive: no receiver ever ran
  EXPECT_EQ(own_position(copy, 77), (DurablePosition{Timeline{1}, Lsn{80}, Lsn{80}}));
  copy.receive_lsn = Lsn{50};  // the archive has overtaken the stream
  EXPECT_EQ(own_position(copy, 77)->flushed, Lsn{80});
}

TEST(OwnPosition, is_unknown_without_positions_not_in_recovery_or_of_another_cluster) {
  NodeFacts copy = make_standby_facts(1);
  EXPECT_FALSE(own_position(copy, 78));
  copy.in_recovery = false;
  EXPECT_FALSE(own_position(copy, 77));
  copy = make_standby_facts(1);
  copy.receive_lsn.reset();
  copy.replay_lsn.reset();
  EXPECT_FALSE(own_position(copy, 77));
}

TEST(DurablePart, follows_the_policy_and_is_unknown_where_replay_is) {
  const DurablePosition position{Timeline{1}, Lsn{100}, std::nullopt};
  EXPECT_EQ(durable_part(position, Durability::flush), Lsn{100});
  EXPECT_EQ(durable_part(position, Durability::replay), std::nullopt);
}

TEST(RowOf, finds_the_one_row_of_a_name_and_none_of_two) {
  NodeFacts writer = make_writer_facts(1);
  writer.replication = {make_row("phx-a", Lsn{1}), make_row("iad-b", Lsn{2})};
  ASSERT_NE(row_of(writer, "phx-a"), nullptr);
  EXPECT_EQ(row_of(writer, "phx-a")->flush_lsn, Lsn{1});
  EXPECT_EQ(row_of(writer, "phx-b"), nullptr);
  writer.replication.push_back(make_row("phx-a", Lsn{3}));
  EXPECT_EQ(row_of(writer, "phx-a"), nullptr);
}

TEST(ReportedPosition, needs_a_row_that_streams_or_catches_up_and_a_position) {
  ReplicationRow row = make_row("phx-a", Lsn{100});
  EXPECT_EQ(reported_position(row, {Timeline{3}}),
            (DurablePosition{Timeline{3}, Lsn{100}, Lsn{100}}));
  row.state = "catchup";
  EXPECT_TRUE(reported_position(row, {Timeline{3}}));
  for (const char* state : {"startup", "backup", "stopping", ""}) {
    row.state = state;
    EXPECT_FALSE(reported_position(row, {Timeline{3}})) << state;
  }
  row = make_row("phx-a", Lsn{100});
  row.flush_lsn.reset();
  EXPECT_FALSE(reported_position(row, {Timeline{3}}));
}

TEST(KthBest, is_the_kth_latest_proof_or_nothing) {
  const std::vector<CopyProof> proofs{{Lsn{1}, kSecond1}, {Lsn{2}, kSecond2}};
  EXPECT_EQ(kth_best(proofs, 1)->proven_until, kSecond2);
  EXPECT_EQ(kth_best(proofs, 2)->proven_until, kSecond1);
  EXPECT_FALSE(kth_best(proofs, 3));
  EXPECT_FALSE(kth_best(proofs, 0));
  EXPECT_FALSE(kth_best({}, 1));
}

TEST(RowOf, a_copy_is_no_logical_walsender) {
  NodeFacts writer = make_writer_facts(1);
  writer.replication = {make_row("phx-a", Lsn{500})};
  EXPECT_NE(row_of(writer, "phx-a"), nullptr);
  writer.replication.front().logical = true;
  EXPECT_EQ(row_of(writer, "phx-a"), nullptr);
  writer.replication.push_back(make_row("phx-a", Lsn{500}));
  EXPECT_EQ(row_of(writer, "phx-a"), nullptr) << "commits may wait for either";
}

TEST(OwnPosition, of_a_copy_with_a_recovery_target_is_what_it_has_replayed) {
  NodeFacts copy = make_standby_facts(2, Lsn{500});
  copy.receive_lsn = Lsn{900};
  EXPECT_EQ(own_position(copy, 77)->flushed, Lsn{900});
  copy.has_target = true;
  EXPECT_EQ(own_position(copy, 77)->flushed, Lsn{500});
}

}  // namespace
}  // namespace rpoguard::core
