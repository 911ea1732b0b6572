#include "exporter/core/judge/lineage.hpp"

#include <gtest/gtest.h>

#include "exporter/core/judge/node_lineage.hpp"
#include "exporter/core/judge/run_begin.hpp"
#include "exporter/core/judge/track.hpp"
#include "exporter/core/judge/writer_run.hpp"

#include "tests/unit/core/lineage_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

class Lineages : public LineageTest {
 protected:
  Lineages() { look(3); }
  const WalLosses& losses() const { return shard.view.wal_losses; }
};

TEST_F(Lineages, are_assumed_of_what_is_seen_first_and_not_asked_of_the_writer) {
  EXPECT_EQ(lineage(kPhxA), "assumed");
  EXPECT_EQ(lineage(kIadA), "none");
  EXPECT_TRUE(shard.open());
}

TEST_F(Lineages, go_on_over_a_restart_that_lost_nothing) {
  for (const bool clean : {true, false}) {
    restart_writer(0, clean);
    look(1);
    EXPECT_EQ(lineage(kPhxA), "assumed") << clean;
    look(3);
    EXPECT_TRUE(shard.open()) << shard.reason();
  }
}

TEST_F(Lineages, of_a_copy_ahead_of_a_writer_that_lost_wal_part_for_good) {
  restart_writer(1500);
  idle(2);
  EXPECT_EQ(lineage(kPhxA), "diverged");
  EXPECT_EQ(shard.reason(), "unproven");
  EXPECT_EQ(shard.view.gate.detail.find("phx-a is not counted: it had WAL beyond 0/"), 0U)
      << shard.view.gate.detail;
  // The writer passes it, and it streams on as if nothing had been.
  look(20);
  EXPECT_EQ(lineage(kPhxA), "diverged");
  EXPECT_FALSE(shard.open());
  shard.restart();
  look(5);
  EXPECT_EQ(lineage(kPhxA), "diverged") << "kept on disk";
  EXPECT_FALSE(shard.view.nodes[kPhxA].recovery_point_flush);
  restart_writer();
  look(5);
  EXPECT_EQ(lineage(kPhxA), "diverged") << "another run makes it no better";
}

TEST_F(Lineages, that_are_not_the_writers_come_with_the_command_that_ends_it) {
  TestShard before = shard;
  restart_writer(1500);
  idle(2);
  EXPECT_EQ(note(kPhxA),
            "it had WAL beyond 0/30005DC, where the writer's WAL went on when it was last started: "
            "save what only it has, rebuild it, then `rpoguard readmit 184/phx-a --reason TEXT`");
  EXPECT_EQ(shard.view.gate.detail, "phx-a is not counted: " + note(kPhxA));
  EXPECT_FALSE(shard.view.nodes[kPhxA].lag_bytes_flush) << "of another history";
  EXPECT_FALSE(shard.view.nodes[kPhxA].lag_bytes_replay) << "of another history";
  EXPECT_EQ(shard.view.nodes[kPhxA].note, "");
  EXPECT_EQ(note(kIadA), "");

  shard = std::move(before);
  restart_writer();
  writer().checkpoint->redo = Lsn{writer().checkpoint->lsn.value - 56};
  look(1);
  EXPECT_EQ(note(kPhxA),
            "nobody saw what WAL it had when the writer was last started: compare it with the "
            "writer, or rebuild it, then `rpoguard readmit 184/phx-a --reason TEXT`");
}

// Whoever promotes a copy now must know what it holds.
TEST_F(Lineages, are_told_while_there_is_no_writer_of_whom_something_is_held_against) {
  restart_writer(1500);
  idle(2);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  shard.failures[kIadA] = ProbeFailure::refused;
  idle(5);
  ASSERT_FALSE(shard.view.writer);
  EXPECT_EQ(lineage(kPhxA), "diverged");
  EXPECT_NE(note(kPhxA).find("rpoguard readmit 184/phx-a"), std::string::npos);
  EXPECT_EQ(lineage(kIadA), "none");
  EXPECT_EQ(readmit(shard.memory, shard.spec, "phx-a", shard.now), "");
  shard.judge();
  EXPECT_EQ(lineage(kPhxA), "none") << "of a copy that counts, a writer has to say whose it is";
}

TEST_F(Lineages, count_each_loss_of_wal_once_and_say_from_where_to_where) {
  EXPECT_EQ(losses().count, 0U);
  restart_writer();
  look(2);
  EXPECT_EQ(losses().count, 0U) << "a restart that loses nothing";
  const Lsn flushed = *writer().flushed_lsn;
  restart_writer(1500);
  idle(1);
  ASSERT_EQ(losses().count, 1U);
  EXPECT_EQ(losses().last->node, "iad-a");
  EXPECT_EQ(losses().last->flushed, flushed);
  EXPECT_EQ(losses().last->goes_on_from, Lsn{flushed.value - 1500});
  EXPECT_LE(losses().last->seen, shard.now);
  EXPECT_GE(losses().last->seen, shard.now - seconds(1));
  look(20);
  EXPECT_EQ(losses().count, 1U) << "it is told once";
  // A virtual machine that goes on from a snapshot.
  const Lsn before = *writer().flushed_lsn;
  writer().insert_lsn = writer().flushed_lsn = Lsn{before.value - 700};
  idle(3);
  ASSERT_EQ(losses().count, 2U);
  EXPECT_EQ(losses().last->flushed, before);
  EXPECT_EQ(losses().last->goes_on_from, Lsn{before.value - 700});
  shard.restart();
  look(3);
  EXPECT_EQ(losses().count, 0U) << "counters begin anew with the process";
}

TEST_F(Lineages, count_again_when_an_operator_says_so_and_only_by_what_is_seen_after) {
  restart_writer(1500);
  idle(2);
  ASSERT_EQ(lineage(kPhxA), "diverged");
  EXPECT_EQ(readmit(shard.memory, shard.spec, "phx-a", shard.now), "");
  shard.judge();
  EXPECT_EQ(lineage(kPhxA), "unknown") << "what it said before is void";
  EXPECT_FALSE(shard.view.nodes[kPhxA].recovery_point_flush);
  idle(2);
  EXPECT_EQ(lineage(kPhxA), "diverged") << "it still has what the writer has not";
  EXPECT_EQ(readmit(shard.memory, shard.spec, "phx-a", shard.now), "");
  shard.replicate(kPhxA);
  shard.replicate(kIadB);
  look(12);
  EXPECT_EQ(lineage(kPhxA), "assumed");
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_F(Lineages, are_readmitted_only_where_something_is_held_against_a_node) {
  EXPECT_EQ(readmit(shard.memory, shard.spec, "phx-a", shard.now),
            "nothing is held against phx-a: there is nothing to readmit");
  EXPECT_EQ(readmit(shard.memory, shard.spec, "nope", shard.now), "shard 184 has no node nope");
  ShardMemory fresh;  // rpoguard was started again, and has not evaluated yet
  fresh.durable.lineage.nodes["phx-a"] = {.state = Lineage::diverged, .why = "it was ahead"};
  EXPECT_EQ(readmit(fresh, shard.spec, "phx-a", shard.now), "");
  EXPECT_EQ(fresh.durable.lineage.nodes.at("phx-a"), at_first_sight());
}

// A clean stop ends in a checkpoint that the copies have, too.
// A name that led to another cluster for a while is no copy that has diverged.
TEST_F(Lineages, of_another_cluster_say_nothing_of_the_copy_that_comes_after) {
  const NodeFacts copy = shard.facts[kPhxA];
  shard.facts[kPhxA].system_identifier = 78;
  shard.facts[kPhxA].receive_lsn = shard.facts[kPhxA].replay_lsn = Lsn{0x9000000};
  idle(3);
  shard.facts[kPhxA] = copy;
  look(3);
  EXPECT_EQ(lineage(kPhxA), "assumed");
}

TEST_F(Lineages, share_the_checkpoint_of_a_clean_stop_and_not_that_of_a_recovery) {
  for (const bool clean : {true, false}) {
    TestShard before = shard;
    restart_writer(0, clean);
    const Lsn end = *writer().flushed_lsn;
    TestShard& now = shard;
    now.facts[kPhxA].receive_lsn = now.facts[kPhxA].replay_lsn = end;
    // It was seen there before the writer was started.
    now.writer_node = kPhxA;
    std::swap(now.facts[kIadA], before.facts[kIadA]);
    now.facts[kIadA].insert_lsn = now.facts[kIadA].flushed_lsn = end;
    now.failures[kIadA] = ProbeFailure::refused;
    now.tick();
    now.failures[kIadA].reset();
    now.writer_node = kIadA;
    std::swap(now.facts[kIadA], before.facts[kIadA]);
    *writer().started = *writer().backends_started = now.wall() + seconds(1);
    if (!clean) writer().checkpoint->time = now.wall() + seconds(2);
    idle(1);
    EXPECT_EQ(lineage(kPhxA), clean ? "assumed" : "diverged");
    shard = std::move(before);
  }
}

TEST_F(Lineages, of_a_copy_that_nobody_saw_are_not_known) {
  shard.failures[kPhxA] = ProbeFailure::timeout;
  look(4);
  // The writer was not seen either, for longer than a look.
  shard.failures[kIadA] = ProbeFailure::timeout;
  look(5);
  shard.failures[kIadA].reset();
  restart_writer();
  look(1);
  shard.failures[kPhxA].reset();
  look(12);
  EXPECT_EQ(lineage(kPhxA), "unknown");
  EXPECT_NE(note(kPhxA).find("nobody saw what WAL it had"), std::string::npos) << note(kPhxA);
  EXPECT_EQ(lineage(kIadB), "assumed") << "that one was seen";
  EXPECT_FALSE(shard.open());
  restart_writer();
  look(3);
  EXPECT_EQ(lineage(kPhxA), "unknown") << "nothing has been learnt since";
}

TEST_F(Lineages, of_a_copy_that_nobody_saw_are_vouched_for_by_a_writer_that_was_watched) {
  shard.failures[kPhxA] = ProbeFailure::timeout;
  look(4);
  restart_writer();
  look(1);
  shard.failures[kPhxA].reset();
  look(12);
  EXPECT_EQ(lineage(kPhxA), "assumed");
  EXPECT_TRUE(shard.open());
}

TEST_F(Lineages, of_a_copy_that_nobody_saw_are_not_vouched_for_by_a_writer_that_lost_wal) {
  shard.failures[kPhxA] = ProbeFailure::timeout;
  look(4);
  restart_writer(500);
  look(4);
  shard.failures[kPhxA].reset();
  look(3);
  EXPECT_EQ(lineage(kPhxA), "unknown");
}

// It may have got more since it was seen.
TEST_F(Lineages, of_a_copy_behind_are_not_known_where_the_writer_lost_wal) {
  shard.commit(3000);
  idle(1);
  restart_writer(500);
  idle(1);
  EXPECT_EQ(lineage(kPhxA), "unknown");
}

TEST_F(Lineages, of_a_copy_that_nobody_saw_are_not_known_where_a_position_went_back_meanwhile) {
  shard.failures[kPhxA] = ProbeFailure::timeout;
  look(2);
  writer().insert_lsn = writer().flushed_lsn = Lsn{writer().flushed_lsn->value - 1500};
  look(4);
  shard.failures[kPhxA].reset();
  look(3);
  EXPECT_EQ(lineage(kPhxA), "unknown");
}

TEST_F(Lineages, follow_where_a_copy_has_not_yet_more_than_the_run_before_can_have_sent) {
  restart_writer(1500);
  shard.facts[kPhxA].receive_lsn = shard.facts[kPhxA].replay_lsn = Lsn{0x3000000};
  shard.memory.lineage.tracks[kPhxA] = {};
  shard.pass(milliseconds(10));
  shard.probe_node(kPhxA);
  idle(1);
  EXPECT_EQ(lineage(kPhxA), "follows");
}

TEST_F(Lineages, are_only_assumed_where_a_run_may_have_been_between) {
  shard.failures[kIadA] = ProbeFailure::timeout;
  idle(5);
  shard.failures[kIadA].reset();
  restart_writer();
  shard.pass(milliseconds(10));
  shard.probe_node(kPhxA);
  idle(1);
  EXPECT_EQ(lineage(kPhxA), "assumed");
  EXPECT_TRUE(shard.view.writer);
}

// The clean stop looks younger than the start after it, and younger than now.
TEST_F(Lineages, go_on_over_a_clean_restart_during_which_the_clock_was_set_back) {
  restart_writer(0, true);
  writer().checkpoint->time = shard.wall() + minutes(5);
  shard.facts[kPhxA].receive_lsn = shard.facts[kPhxA].replay_lsn = *writer().flushed_lsn;
  shard.failures[kIadA] = ProbeFailure::refused;
  idle(1);
  shard.failures[kIadA].reset();
  idle(1);
  EXPECT_EQ(lineage(kPhxA), "follows") << note(kPhxA);
}

TEST_F(Lineages, of_a_run_that_was_first_seen_late_are_not_known) {
  restart_writer();
  writer().checkpoint->redo = Lsn{writer().checkpoint->lsn.value - 56};
  look(1);
  EXPECT_EQ(lineage(kPhxA), "unknown");
}

TEST_F(Lineages, of_a_writer_that_does_not_tell_its_run_prove_nothing) {
  for (auto hide : {+[](NodeFacts& facts) { facts.started.reset(); },
                    +[](NodeFacts& facts) { facts.backends_started.reset(); },
                    +[](NodeFacts& facts) { facts.checkpoint.reset(); }}) {
    TestShard before = shard;
    hide(writer());
    look(1);
    EXPECT_EQ(lineage(kPhxA), "unknown");
    EXPECT_NE(note(kPhxA).find("does not say when it was started"), std::string::npos)
        << note(kPhxA);
    shard = std::move(before);
    look(1);
    EXPECT_EQ(lineage(kPhxA), "assumed") << "and it was only not told";
  }
}

// A virtual machine goes on from a snapshot of its memory: the same run, and less WAL.
TEST_F(Lineages, part_where_a_position_goes_back_within_one_run) {
  const Lsn end = *writer().flushed_lsn;
  writer().insert_lsn = writer().flushed_lsn = Lsn{end.value - 1500};
  writer().snapshot = "1000:1000:";
  idle(1);
  EXPECT_EQ(lineage(kPhxA), "diverged");
  EXPECT_FALSE(shard.open());
  look(10);
  EXPECT_EQ(lineage(kPhxA), "diverged");
}

// It has written much since, and flushed little of it.
TEST_F(Lineages, are_not_known_where_only_the_flush_position_goes_back_within_one_run) {
  const Lsn end = *writer().flushed_lsn;
  writer().insert_lsn = Lsn{end.value + 500};
  writer().flushed_lsn = Lsn{end.value - 1500};
  writer().snapshot = "1000:1000:";
  idle(1);
  EXPECT_EQ(lineage(kPhxA), "unknown");
  EXPECT_FALSE(shard.open());
  ASSERT_EQ(losses().count, 1U);
  EXPECT_EQ(losses().last->flushed, end);
  EXPECT_EQ(losses().last->goes_on_from, Lsn{end.value - 1500});
}

// More is inserted than before, less than at the last look.
TEST_F(Lineages, part_where_what_was_not_flushed_goes_back_within_one_run) {
  const Lsn end = *writer().flushed_lsn;
  writer().insert_lsn = Lsn{end.value + 9000};
  idle(1);
  ASSERT_EQ(losses().count, 0U);
  writer().insert_lsn = Lsn{end.value + 100};
  writer().snapshot = "1000:1000:";
  idle(1);
  EXPECT_EQ(losses().count, 1U) << "it is no longer the same memory";
}

TEST_F(Lineages, of_a_server_opened_without_a_promotion_are_not_known) {
  // iad-b lost the last commits of iad-a, was opened, and is stamped.
  shard.failures[kIadA] = ProbeFailure::refused;
  idle(1);
  const Lsn at{writer().flushed_lsn->value - 500};
  shard.facts[kIadB] = make_writer_facts(50, at);
  shard.facts[kIadB].started = shard.facts[kIadB].backends_started = shard.wall();
  shard.facts[kIadB].checkpoint = {Lsn{at.value - 120}, Lsn{at.value - 120},
                                   shard.wall() + seconds(1)};
  shard.facts[kIadB].stamped = make_stamp(2, "iad");
  shard.writer_node = kIadB;
  idle(1);
  ASSERT_EQ(shard.view.writer->node, "iad-b");
  EXPECT_EQ(lineage(kPhxA), "diverged") << "it had more";
  // iad-a comes back as its standby, with what iad-b has not.
  shard.failures[kIadA].reset();
  shard.facts[kIadA] = make_standby_facts(60, Lsn{at.value + 200});
  shard.facts[kIadA].stamped = make_stamp(2, "iad");
  idle(2);
  EXPECT_EQ(lineage(kIadA), "diverged");
}

// It was promoted, lost WAL before anybody had stamped it, and is confirmed only now.
TEST_F(Lineages, of_a_copy_ahead_part_also_where_the_writer_was_promoted_before) {
  shard.promote(kPhxA, 2);
  // The old writer has been seeded anew.
  for (const std::size_t copy : {kIadA, kIadB}) {
    shard.facts[copy] = make_standby_facts(60 + copy, Lsn{0x3005000});
    shard.facts[copy].timeline = Timeline{2};
  }
  shard.writer_node = kPhxA;
  idle(2);
  ASSERT_FALSE(shard.view.writer && shard.view.writer->node == "phx-a");
  const Lsn end{0x3002000};
  NodeFacts& promoted = shard.facts[kPhxA];
  promoted.session += 10;
  promoted.started = promoted.backends_started = shard.wall();
  promoted.checkpoint = {end, end, shard.wall() + seconds(1)};
  promoted.insert_lsn = promoted.flushed_lsn = Lsn{0x3006000};  // it has passed them already
  promoted.stamped = make_stamp(2, "phx");
  set_clocks();
  shard.now = shard.next_tick;
  shard.probe_node(kPhxA);
  ASSERT_EQ(shard.view.writer->node, "phx-a");
  EXPECT_EQ(lineage(kIadB), "diverged");
  EXPECT_EQ(lineage(kIadA), "diverged") << "it was the writer, so nothing was held against it";
}

// All are asked at once, and the writer's answer comes last.
TEST_F(Lineages, of_a_copy_ahead_part_also_where_it_is_nearer_than_the_writer) {
  shard.facts[kPhxA].receive_lsn = Lsn{writer().insert_lsn->value + 5000};
  const auto look_at_both = [&] {
    set_clocks();
    const Instant asked = shard.now = shard.next_tick;
    shard.next_tick += seconds(1);
    shard.probe_node(kPhxA);
    shard.observations.nodes[kIadA] =
        NodeObservation{asked, asked + milliseconds(40), NodeFacts(writer())};
    shard.now = asked + milliseconds(40);
    shard.judge();
  };
  look_at_both();
  EXPECT_EQ(lineage(kPhxA), "assumed") << "the writer may have written that since it was asked";
  look_at_both();
  EXPECT_EQ(lineage(kPhxA), "diverged");
}

// Between the two confirmed runs was one that nobody confirmed, with a loss of its own.
TEST_F(Lineages, are_not_known_where_the_writer_had_a_run_between_that_was_not_confirmed) {
  for (NodeFacts& facts : shard.facts) facts.stamped = make_stamp(1, "phx");
  idle(1);
  ASSERT_FALSE(shard.view.writer);
  restart_writer();
  idle(1);
  restart_writer();
  for (NodeFacts& facts : shard.facts) facts.stamped = make_stamp(2, "iad");
  idle(1);
  ASSERT_TRUE(shard.view.writer);
  EXPECT_EQ(lineage(kPhxA), "unknown");
}

TEST_F(Lineages, of_a_server_opened_without_a_promotion_that_lost_nothing_are_not_known_either) {
  shard.failures[kIadA] = ProbeFailure::refused;
  idle(1);
  const Lsn at = *writer().flushed_lsn;
  shard.facts[kIadB] = make_writer_facts(50, Lsn{at.value + 120});
  shard.facts[kIadB].started = shard.facts[kIadB].backends_started = shard.wall();
  shard.facts[kIadB].checkpoint = {at, at, shard.wall() + seconds(1)};
  shard.facts[kIadB].stamped = make_stamp(2, "iad");
  shard.writer_node = kIadB;
  idle(1);
  ASSERT_EQ(shard.view.writer->node, "iad-b");
  EXPECT_EQ(lineage(kPhxA), "unknown");
  EXPECT_NE(note(kPhxA).find("without a promotion"), std::string::npos) << note(kPhxA);
}

TEST(NodeWord, says_what_an_operator_has_decided) {
  const NodeWord word{.node = "phx-a", .by = "jo", .reason = "it is rebuilt"};
  EXPECT_EQ(render_readmitted(word), "phx-a counts again, readmitted by jo: it is rebuilt");
  EXPECT_EQ(render_forgotten(word), "phx-a is no rival any more, forgotten by jo: it is rebuilt");
  EXPECT_EQ(render_lowered({.what = "epoch", .from = 900, .to = 7, .by = "jo", .reason = "a slip"}),
            "the highest epoch is 7 and no longer 900, lowered by jo: a slip");
}

TEST_F(Lineages, of_two_promoted_to_one_timeline_are_told_apart_by_whom_a_copy_is_connected_to) {
  shard.failures[kIadA] = ProbeFailure::refused;
  shard.promote(kPhxA, 2);
  shard.facts[kPhxA].stamped = make_stamp(2, "phx");
  shard.writer_node = kPhxA;
  idle(2);
  ASSERT_EQ(shard.view.writer->node, "phx-a");
  // Another one was promoted, too, and iad-b streams from it.
  shard.failures[kIadA].reset();
  shard.facts[kIadA] = make_writer_facts(60, Lsn{0x3000500});
  shard.facts[kIadA].timeline = Timeline{2};
  shard.facts[kIadB].timeline = Timeline{2};
  shard.facts[kIadB].receive_lsn = shard.facts[kIadB].replay_lsn = *shard.facts[kPhxA].insert_lsn;
  idle(2);
  EXPECT_EQ(lineage(kIadA), "diverged");
  EXPECT_EQ(lineage(kIadB), "unknown");
  EXPECT_NE(note(kIadB).find("nobody can tell whose WAL it has"), std::string::npos);
  // That it is connected to the writer later does not tell what it got before.
  shard.row(kIadB).flush_lsn = shard.facts[kPhxA].flushed_lsn;
  look(3);
  EXPECT_EQ(lineage(kIadB), "unknown");
}

/// phx-a is promoted and stamped; iad-b is on its timeline, and shows no row there.
class StampedLineages : public Lineages {
 protected:
  StampedLineages() {
    shard.failures[kIadA] = ProbeFailure::refused;
    shard.promote(kPhxA, 2);
    stamp_ = {Epoch{2}, "phx", "jo", shard.wall()};
    shard.facts[kPhxA].stamped = stamp_;
    shard.writer_node = kPhxA;
    shard.facts[kIadB].timeline = Timeline{2};
    shard.commit();
    idle(1);
    held_ = *shard.facts[kPhxA].insert_lsn;
    shard.commit(5000);
  }
  void replay(Lsn position) {
    shard.facts[kIadB].receive_lsn = shard.facts[kIadB].replay_lsn = position;
  }
  void connect() { shard.row(kIadB).flush_lsn = shard.facts[kIadB].receive_lsn; }

  StampedEpoch stamp_;
  Lsn held_;  ///< the writer's WAL held the stamp by then
};

// A third server was promoted, which nobody told rpoguard of, and iad-b follows that one.
TEST_F(StampedLineages, part_where_a_copy_has_replayed_more_and_does_not_show_the_stamp) {
  for (const bool connected : {false, true}) {
    TestShard before = shard;
    replay(held_);
    if (connected) connect();
    idle(1);
    EXPECT_EQ(lineage(kIadB), connected ? "assumed" : "unknown") << "it may just have got there";
    EXPECT_FALSE(!connected && shard.view.nodes[kIadB].counted);
    idle(1);
    EXPECT_EQ(lineage(kIadB), "diverged");
    EXPECT_NE(note(kIadB).find("without the stamp of epoch 2"), std::string::npos) << note(kIadB);
    shard = std::move(before);
  }
}

TEST_F(StampedLineages, wait_for_the_stamp_where_a_copy_is_not_connected_to_the_writer) {
  replay(Lsn{held_.value - 1});
  idle(3);
  EXPECT_EQ(lineage(kIadB), "unknown");
  EXPECT_NE(note(kIadB).find("has not replayed the stamp of epoch 2"), std::string::npos)
      << note(kIadB);
  shard.facts[kIadB].stamped = stamp_;
  replay(Lsn{held_.value + 1000});
  idle(1);
  EXPECT_EQ(lineage(kIadB), "assumed");
}

TEST_F(StampedLineages, do_not_part_by_what_an_earlier_start_of_the_copy_had_replayed) {
  replay(held_);
  connect();
  idle(1);
  shard.facts[kIadB].session += 10;
  replay(Lsn{held_.value - 500});
  idle(2);
  EXPECT_EQ(lineage(kIadB), "assumed");
}

TEST_F(StampedLineages, say_nothing_of_a_stamp_whose_time_is_not_told) {
  shard.facts[kPhxA].stamped->promoted_at.reset();
  replay(held_);
  idle(3);
  EXPECT_EQ(lineage(kIadB), "assumed");
}

TEST_F(StampedLineages, tell_two_stamps_of_one_number_apart) {
  replay(held_);
  shard.facts[kIadB].stamped = stamp_;
  *shard.facts[kIadB].stamped->promoted_at += std::chrono::microseconds(1);
  idle(2);
  EXPECT_EQ(lineage(kIadB), "diverged");
}

TEST(EndOfCheckpoint, is_120_bytes_on_and_behind_the_header_of_a_page_that_begins_within) {
  constexpr std::uint64_t kSegment = 1024 * 1024;
  EXPECT_EQ(end_of_checkpoint(Lsn{0x1643070}, kSegment), Lsn{0x16430E8});
  EXPECT_EQ(end_of_checkpoint(Lsn{8192 * 3 - 120}, kSegment), Lsn{8192 * 3});
  EXPECT_EQ(end_of_checkpoint(Lsn{8192 * 3 - 112}, kSegment), Lsn{8192 * 3 + 8 + 24});
  EXPECT_EQ(end_of_checkpoint(Lsn{kSegment - 112}, kSegment), Lsn{kSegment + 8 + 40});
  EXPECT_EQ(end_of_checkpoint(Lsn{kSegment - 112}, 0), Lsn{kSegment + 8 + 24});
}

}  // namespace
}  // namespace rpoguard::core
