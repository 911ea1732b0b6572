// evaluate() end to end: RPO 0, kept only while the writer waits for a counted copy.
#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

class Synchronous : public ::testing::Test {
 protected:
  Synchronous() : shard(make_spec(Duration{0})) {
    writer().synchronous_standby_names = "\"phx-a\"";
    shard.row(kPhxA).sync_state = "sync";
  }
  NodeFacts& writer() { return shard.facts[kIadA]; }
  TestShard shard;
};

TEST_F(Synchronous, a_writer_that_waits_for_the_copy_keeps_the_gate_open_for_the_age_of_a_proof) {
  shard.run_healthy(3);
  EXPECT_TRUE(shard.open()) << shard.reason();
  const Instant asked = shard.memory.readings[kIadA].last_success->asked;
  EXPECT_EQ(shard.view.gate.open_until, asked + seconds(2));
  EXPECT_EQ(shard.view.nodes[kPhxA].synchronous, true);
  EXPECT_EQ(shard.view.nodes[kIadB].synchronous, false);
}

TEST_F(Synchronous, every_way_of_waiting_less_closes_within_one_look) {
  struct Row {
    const char* name;
    std::function<void(TestShard&)> change;
  };
  const std::vector<Row> rows{
      {"names emptied", [](TestShard& s) { s.facts[kIadA].synchronous_standby_names = ""; }},
      {"commit off", [](TestShard& s) { s.facts[kIadA].synchronous_commit = "off"; }},
      {"commit local", [](TestShard& s) { s.facts[kIadA].synchronous_commit = "local"; }},
      {"commit remote_write",
       [](TestShard& s) { s.facts[kIadA].synchronous_commit = "remote_write"; }},
      {"commit unknown", [](TestShard& s) { s.facts[kIadA].synchronous_commit = ""; }},
      {"copy async", [](TestShard& s) { s.row(kPhxA).sync_state = "async"; }},
      {"copy potential", [](TestShard& s) { s.row(kPhxA).sync_state = "potential"; }},
      {"copy catching up", [](TestShard& s) { s.row(kPhxA).state = "catchup"; }},
      {"no row", [](TestShard& s) { s.facts[kIadA].replication.clear(); }},
      {"two rows", [](TestShard& s) { s.facts[kIadA].replication.push_back(s.row(kPhxA)); }},
      {"row without position", [](TestShard& s) { s.row(kPhxA).flush_lsn.reset(); }},
      {"the sync one is beside the writer",
       [](TestShard& s) {
         s.row(kPhxA).sync_state = "async";
         s.row(kIadB).sync_state = "sync";
       }},
  };
  for (const Row& row : rows) {
    TestShard one = shard;
    one.run_healthy(3);
    ASSERT_TRUE(one.open()) << row.name;
    row.change(one);
    one.tick();
    EXPECT_EQ(one.reason(), "rpo_exceeded") << row.name;
    EXPECT_FALSE(one.view.writes_usable) << row.name;
  }
}

TEST_F(Synchronous, two_walsenders_of_one_name_are_named_as_the_cause) {
  shard.run_healthy(3);
  writer().replication.push_back(shard.row(kPhxA));
  shard.run_healthy(3);
  EXPECT_FALSE(shard.open());
  const std::string cause =
      "several walsenders of the writer are called phx-a; give each standby a name of its own "
      "(cluster_name, or application_name in primary_conninfo)";
  EXPECT_NE(shard.view.gate.detail.find(cause), std::string::npos) << shard.view.gate.detail;
}

TEST_F(Synchronous, replay_durability_needs_remote_apply) {
  shard.spec.durability = Durability::replay;
  shard.run_healthy(3);
  EXPECT_FALSE(shard.open());
  writer().synchronous_commit = "remote_apply";
  shard.run_healthy(8);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_F(Synchronous, two_required_copies_must_both_be_waited_for) {
  ShardSpec spec = shard.spec;
  spec.nodes.push_back(make_node("phx-b", "phx"));
  spec.copies = 2;
  TestShard two(spec);
  two.facts[kIadA].synchronous_standby_names = "FIRST 2 (\"phx-a\", \"phx-b\")";
  two.row(kPhxA).sync_state = "sync";
  two.run_healthy(3);
  EXPECT_FALSE(two.open());
  two.row(3).sync_state = "sync";
  two.run_healthy(8);
  EXPECT_TRUE(two.open()) << two.reason();
}

TEST_F(Synchronous, a_copy_far_behind_is_no_proof_although_it_is_called_synchronous) {
  shard.run_healthy(3);
  writer().synchronous_standby_names = "";
  for (int i = 0; i < 5; ++i) {
    shard.commit();
    shard.tick();
  }
  writer().synchronous_standby_names = "\"phx-a\"";
  shard.run(10);
  EXPECT_EQ(shard.reason(), "rpo_exceeded") << "what was acknowledged meanwhile is not there yet";
  shard.run_healthy(8);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_F(Synchronous, a_change_between_two_looks_is_found_by_what_is_missing) {
  shard.run_healthy(3);
  shard.commit();
  shard.run(2);
  EXPECT_TRUE(shard.open());
  shard.run(2);
  EXPECT_FALSE(shard.open()) << "it was acknowledged without the copy";
}

TEST_F(Synchronous, a_row_ahead_of_the_copys_own_report_is_somebody_elses) {
  shard.run_healthy(3);
  shard.commit();
  shard.replicate(kPhxA);
  shard.facts[kPhxA].receive_lsn = shard.facts[kPhxA].replay_lsn = Lsn{0x3000000};
  shard.run(2);
  EXPECT_FALSE(shard.open());
}

TEST_F(Synchronous, reopens_by_its_own_proof_also_while_the_copy_does_not_answer) {
  shard.run_healthy(3);
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.run_healthy(2);
  const std::string names = std::exchange(writer().synchronous_standby_names, "");
  shard.run_healthy(2);
  EXPECT_FALSE(shard.open());
  writer().synchronous_standby_names = names;
  shard.run_healthy(8);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_F(Synchronous, a_silent_writer_proves_nothing) {
  shard.run_healthy(3);
  shard.failures[kIadA] = ProbeFailure::timeout;
  shard.run(2);
  EXPECT_FALSE(shard.open());
}

TEST_F(Synchronous, a_stamped_promotion_opens_a_waiver_until_a_copy_is_waited_for) {
  shard.run_healthy(3);
  shard.failures[kIadA] = shard.failures[kIadB] = ProbeFailure::refused;
  shard.promote(kPhxA, 2);
  shard.facts[kPhxA].stamped = make_stamp(2, "phx");
  shard.writer_node = kPhxA;
  shard.run(2);
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_TRUE(shard.view.gate.waived);
  shard.failures[kIadA].reset();
  shard.facts[kIadA] = make_standby_facts(70, *shard.facts[kPhxA].insert_lsn);
  shard.facts[kIadA].stamped = make_stamp(2, "phx");
  shard.facts[kPhxA].synchronous_standby_names = "\"iad-a\"";
  shard.row(kIadA).sync_state = "sync";
  shard.run_healthy(4);
  EXPECT_TRUE(shard.open()) << shard.reason();
  EXPECT_FALSE(shard.view.gate.waived);
}

TEST_F(Synchronous, a_quorum_that_others_can_fill_is_no_promise) {
  const auto reason_with = [&](const std::string& names, const char* phx, const char* iad) {
    TestShard one = shard;
    one.run_healthy(3);
    one.facts[kIadA].synchronous_standby_names = names;
    one.row(kPhxA).sync_state = phx;
    one.row(kIadB).sync_state = iad;
    one.run_healthy(1);
    EXPECT_EQ(one.view.synchronous.downgraded, !one.open());
    EXPECT_EQ(one.view.synchronous.problem.empty(), one.open());
    EXPECT_EQ(one.view.gate.detail, one.view.synchronous.problem);
    return one.reason();
  };
  EXPECT_EQ(reason_with("ANY 1 (\"iad-b\", \"phx-a\")", "quorum", "quorum"), "rpo_exceeded");
  EXPECT_EQ(reason_with("ANY 2 (\"iad-b\", \"phx-a\")", "quorum", "quorum"), "open");
  EXPECT_EQ(reason_with("ANY 1 (\"phx-a\")", "quorum", "async"), "open");
  EXPECT_EQ(reason_with("ANY 1 (\"phx-a\", absent)", "quorum", "async"), "rpo_exceeded");
  EXPECT_EQ(reason_with("ANY 1 (*)", "quorum", "quorum"), "rpo_exceeded");
  EXPECT_EQ(reason_with("ANY 2 (*)", "quorum", "quorum"), "open");
  EXPECT_EQ(reason_with("FIRST 1 (\"iad-b\", \"phx-a\")", "potential", "sync"), "rpo_exceeded");
  EXPECT_EQ(reason_with("FIRST 2 (\"iad-b\", \"phx-a\")", "sync", "sync"), "open");
  EXPECT_EQ(reason_with("not a list", "sync", "async"), "rpo_exceeded");
}

TEST_F(Synchronous, what_is_wrong_is_said_in_one_sentence) {
  shard.run_healthy(3);
  EXPECT_TRUE(shard.view.synchronous.promised);
  EXPECT_EQ(shard.view.synchronous.problem, "");
  writer().synchronous_standby_names = "";
  shard.run_healthy(1);
  EXPECT_EQ(shard.view.synchronous.problem,
            "rpo is 0, but synchronous_standby_names is empty on the writer: commits wait for no "
            "standby");
  writer().synchronous_standby_names = "ANY 1 (\"iad-b\", \"phx-a\")";
  shard.run_healthy(1);
  EXPECT_EQ(shard.view.synchronous.problem,
            "rpo is 0, but with synchronous_standby_names = 'ANY 1 (\"iad-b\", \"phx-a\")' a "
            "commit is sure to be on 0 of the 1 counted copies");
  writer().synchronous_commit = "local";
  shard.run_healthy(1);
  EXPECT_EQ(shard.view.gate.detail,
            "rpo is 0, but synchronous_commit is local on the writer: commits do not wait until "
            "copies have flushed");
}

TEST_F(Synchronous, roles_that_wait_for_less_break_the_promise) {
  shard.run_healthy(3);
  EXPECT_TRUE(shard.open());
  for (const char* level : {"off", "local", "remote_write"}) {
    writer().weakest_commit = {"role batch", level};
    shard.run_healthy(1);
    EXPECT_EQ(shard.reason(), "rpo_exceeded");
    EXPECT_TRUE(shard.view.synchronous.downgraded);
    EXPECT_EQ(shard.view.gate.detail,
              std::string("rpo is 0, but synchronous_commit is lowered for role batch: ") + level);
    for (const char* enough : {"on", "remote_apply"}) {
      writer().weakest_commit = {"role batch", enough};
      shard.run_healthy(8);
      EXPECT_TRUE(shard.open()) << enough;
    }
  }
}

TEST_F(Synchronous, a_level_of_on_for_some_is_too_low_where_replay_counts) {
  shard.spec.durability = Durability::replay;
  writer().synchronous_commit = "remote_apply";
  shard.run_healthy(3);
  EXPECT_TRUE(shard.open());
  writer().weakest_commit = {"all roles", "on"};
  shard.run_healthy(1);
  EXPECT_EQ(shard.view.gate.detail,
            "rpo is 0, but synchronous_commit is lowered for all roles: on");
}

TEST_F(Synchronous, a_level_that_only_rpoguard_has_proves_nothing_of_others) {
  shard.run_healthy(3);
  EXPECT_TRUE(shard.open());
  writer().weakest_commit = {"role rpoguard", "on"};
  writer().synchronous_commit_hidden = true;
  shard.run_healthy(1);
  EXPECT_EQ(shard.reason(), "rpo_exceeded");
  EXPECT_EQ(shard.view.gate.detail,
            "rpo is 0, but synchronous_commit is set for rpoguard's own role or database, which "
            "hides what others get: set it for the server, or for all roles");
}

TEST(SynchronousView, is_not_promised_with_an_rpo) {
  TestShard shard;
  shard.run_healthy(2);
  EXPECT_FALSE(shard.view.synchronous.promised);
  EXPECT_FALSE(shard.view.synchronous.downgraded);
}

// At the start of rpoguard: phx-a leads to the local standby, whose own name was not asked yet.
TEST_F(Synchronous, is_not_kept_by_a_name_that_may_be_another_ones) {
  shard.run_healthy(3);
  ASSERT_TRUE(shard.open()) << shard.reason();
  shard.restart();
  shard.facts[kPhxA].started = shard.facts[kIadB].started;
  shard.facts[kPhxA].backends_started = shard.facts[kIadB].backends_started;
  std::erase_if(writer().replication,
                [](const ReplicationRow& row) { return row.application_name == "iad-b"; });
  shard.unprobed = kIadB;
  for (int i = 0; i < 4; ++i) {
    shard.commit();
    shard.replicate(kPhxA);
    shard.tick();
    EXPECT_FALSE(shard.open()) << i;
  }
}

// A promotion ends the WAL of phx-a at its recovery target, whatever it has received beyond.
TEST_F(Synchronous, is_not_kept_by_what_lies_beyond_a_recovery_target) {
  shard.facts[kPhxA].has_target = true;
  shard.run_healthy(3);
  ASSERT_TRUE(shard.open()) << shard.reason();
  for (int i = 0; i < 5; ++i) {
    shard.commit();
    shard.facts[kPhxA].receive_lsn = shard.row(kPhxA).flush_lsn = writer().flushed_lsn;
    shard.tick();
  }
  EXPECT_FALSE(shard.open());
}

// The same by the writer's row, while phx-a itself does not answer.
TEST(RecoveryTarget, ends_what_the_writers_row_proves) {
  for (const bool has_target : {false, true}) {
    TestShard shard;
    shard.facts[kPhxA].has_target = has_target;
    shard.run_healthy(5);
    ASSERT_TRUE(shard.open()) << shard.reason();
    shard.failures[kPhxA] = ProbeFailure::timeout;
    for (int i = 0; i < 20; ++i) {
      shard.commit();
      shard.row(kPhxA).flush_lsn = shard.facts[kIadA].flushed_lsn;
      shard.tick();
    }
    EXPECT_EQ(shard.open(), !has_target) << shard.reason();
  }
}

}  // namespace
}  // namespace rpoguard::core
