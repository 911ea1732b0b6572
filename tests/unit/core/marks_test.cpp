// Marks of the writer's runs: which doubts about a copy they answer, and which they do not.
#include <gtest/gtest.h>

#include "exporter/core/judge/run_mark.hpp"
#include "exporter/core/model/limits.hpp"

#include "tests/unit/core/lineage_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

/// Nobody has marked the first run.
class Marks : public LineageTest {
 protected:
  Marks() {
    for (NodeFacts& each : shard.facts) each.history.emplace();
    look(3);
  }
  NodeFacts& copy() { return facts(kPhxA); }
  /// As rpoguard does after the first look at a run: the writer shows it from the next look on.
  void mark_writer(Duration after = seconds(2)) {
    writer().mark =
        RunMark{.run = *run_of(writer()),
                .lsn = Lsn{writer().insert_lsn->value + 60},
                .written = *writer().started +
                           std::chrono::duration_cast<std::chrono::microseconds>(after)};
    shard.commit(200);
  }
  /// The writer is started again and neither it nor phx-a was seen for longer than a look.
  void restart_unseen() {
    shard.failures[kPhxA] = ProbeFailure::timeout;
    look(4);
    shard.failures[kIadA] = ProbeFailure::timeout;
    look(5);
    shard.failures[kIadA].reset();
    restart_writer();
    look(1);
    shard.failures[kPhxA].reset();
  }
  std::string lineage() const { return LineageTest::lineage(kPhxA); }
  std::string readmitted() const { return shard.view.nodes[kPhxA].readmitted; }
};

TEST_F(Marks, of_this_run_make_a_copy_count_that_nobody_saw) {
  restart_unseen();
  look(2);
  ASSERT_EQ(lineage(), "unknown");
  mark_writer();
  look(1);
  EXPECT_EQ(lineage(), "unknown") << "only the writer has it";
  copy().mark = writer().mark;
  look(1);
  EXPECT_EQ(lineage(), "assumed");
  EXPECT_EQ(readmitted(), "it holds the mark of this run of the writer, of " +
                              render_lsn(writer().mark->lsn) + ", so it has the WAL of this run");
  look(1);
  EXPECT_EQ(readmitted(), "") << "it is told once";
  look(10);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_F(Marks, are_asked_for_by_the_run_of_the_confirmed_writer) {
  look(1);
  EXPECT_EQ(shard.view.run, run_of(writer()));
  shard.failures[kIadA] = ProbeFailure::timeout;
  look(5);
  ASSERT_FALSE(shard.view.writer);
  EXPECT_FALSE(shard.view.run);
  shard.failures[kIadA].reset();
  writer().started.reset();
  look(1);
  ASSERT_TRUE(shard.view.writer);
  EXPECT_FALSE(shard.view.run) << "it does not tell which one";
}

struct NoMark {
  const char* name;
  void (*make)(NodeFacts& writer, NodeFacts& copy);
};

// In each the copy shows something, and the very next look without that flaw makes it count.
TEST_F(Marks, say_nothing_that_are_not_of_this_run_and_replayed) {
  constexpr NoMark kCases[] = {
      {"none", [](NodeFacts&, NodeFacts& copy) { copy.mark.reset(); }},
      {"of another start of the postmaster",
       [](NodeFacts& writer, NodeFacts& copy) {
         writer.mark->run.started -= seconds(1);
         copy.mark = writer.mark;
       }},
      {"of another life of the backends",
       [](NodeFacts& writer, NodeFacts& copy) {
         writer.mark->run.backends_started += seconds(1);
         copy.mark = writer.mark;
       }},
      {"of another timeline",
       [](NodeFacts& writer, NodeFacts& copy) {
         writer.mark->run.timeline = Timeline{2};
         copy.mark = writer.mark;
       }},
      {"on a copy of another timeline",
       [](NodeFacts&, NodeFacts& copy) { copy.timeline = Timeline{2}; }},
      {"that the writer does not show", [](NodeFacts& writer, NodeFacts&) { writer.mark.reset(); }},
      {"where the writer shows another of the same run",
       [](NodeFacts& writer, NodeFacts&) { writer.mark->lsn.value += 8; }},
      {"on a copy that the writer does not feed itself",
       [](NodeFacts& writer, NodeFacts&) { writer.replication.pop_back(); }},
      {"not replayed",
       [](NodeFacts&, NodeFacts& copy) { copy.replay_lsn = Lsn{copy.mark->lsn.value - 1}; }},
      {"of a copy that does not say what it has replayed",
       [](NodeFacts&, NodeFacts& copy) { copy.replay_lsn.reset(); }},
      {"written before the run can have written anything",
       [](NodeFacts& writer, NodeFacts& copy) {
         writer.mark->lsn = Lsn{writer.checkpoint->lsn.value - 1};
         copy.mark = writer.mark;
       }},
      {"written before the run began, by the clock",
       [](NodeFacts& writer, NodeFacts& copy) {
         writer.mark->written = *writer.backends_started - seconds(1);
         copy.mark = writer.mark;
       }},
      {"written late",
       [](NodeFacts& writer, NodeFacts& copy) {
         writer.mark->written = writer.checkpoint->time + seconds(11);
         copy.mark = writer.mark;
       }},
  };
  restart_unseen();
  look(1);
  mark_writer();
  look(1);
  copy().mark = writer().mark;
  for (const NoMark& flawed : kCases) {
    TestShard whole = shard;
    flawed.make(writer(), copy());
    idle(2);
    EXPECT_EQ(lineage(), "unknown") << flawed.name;
    shard.facts = whole.facts;
    // In one life no timeline goes back.
    copy().session += 50;
    copy().started = copy().backends_started = shard.wall();
    idle(1);
    EXPECT_EQ(lineage(), "assumed") << flawed.name;
    shard = std::move(whole);
  }
}

TEST_F(Marks, written_as_late_as_may_be_still_count) {
  restart_unseen();
  mark_writer(seconds(1) + limits::kMarkDelayMax);
  look(1);
  copy().mark = writer().mark;
  look(1);
  EXPECT_EQ(lineage(), "assumed");
}

TEST_F(Marks, written_after_much_else_say_nothing) {
  for (const std::int64_t bytes : {limits::kMarkBytesMax - 60 - 120, limits::kMarkBytesMax}) {
    TestShard before = shard;
    restart_unseen();
    writer().insert_lsn = writer().flushed_lsn =
        Lsn{writer().checkpoint->lsn.value + 120 + static_cast<std::uint64_t>(bytes)};
    mark_writer();
    look(1);
    copy().mark = writer().mark;
    look(1);
    EXPECT_EQ(lineage(), bytes == limits::kMarkBytesMax ? "unknown" : "assumed");
    shard = std::move(before);
  }
}

// What it wrote before is not known, however early the mark stands.
TEST_F(Marks, of_a_run_that_was_seen_late_say_nothing) {
  restart_writer();
  writer().checkpoint->redo = Lsn{writer().checkpoint->lsn.value - 56};
  look(1);
  mark_writer(seconds(0));
  look(1);
  copy().mark = writer().mark;
  look(2);
  EXPECT_EQ(lineage(), "unknown");
}

TEST(RunOpened, is_when_its_recovery_ended_and_not_known_of_a_promotion) {
  const auto opened = [](auto change) {
    NodeFacts facts = make_writer_facts(1);
    facts.history.emplace();
    facts.checkpoint->time = *facts.backends_started + seconds(30);
    change(facts);
    Reading reading;
    reading.last_success = NodeObservation{kStart, kStart, facts};
    const NodeSpec node = make_node("iad-a", "iad");
    return follow_run(
               {}, {},
               ConfirmedWriter{.node = 0, .spec = node, .reading = reading, .epoch = Epoch{1}})
        .run->opened;
  };
  const NodeFacts plain = make_writer_facts(1);
  const WallTime started = *plain.backends_started;
  const Lsn first = plain.checkpoint->lsn;
  EXPECT_EQ(opened([](NodeFacts&) {}), started + seconds(30));
  EXPECT_EQ(opened([&](NodeFacts& facts) { facts.checkpoint->time = started - seconds(9); }),
            started)
      << "it was stopped cleanly";
  EXPECT_EQ(opened([&](NodeFacts& facts) { facts.checkpoint->time = kWallStart + hours(1); }),
            started)
      << "and the clock was set back";
  EXPECT_EQ(opened([](NodeFacts& facts) { facts.history.reset(); }), std::nullopt);
  EXPECT_EQ(opened([](NodeFacts& facts) { facts.checkpoint->redo.value -= 56; }), std::nullopt)
      << "it was seen late";
  EXPECT_EQ(opened([&](NodeFacts& facts) {
              facts.history->steps = {{Timeline{1}, first}};
            }),
            started + seconds(30))
      << "promoted before";
  EXPECT_EQ(opened([&](NodeFacts& facts) {
              facts.history->steps = {{Timeline{1}, Lsn{first.value + 1}}};
            }),
            std::nullopt)
      << "promoted since: until then its WAL was another server's";
}

TEST_F(Marks, below_what_a_copy_had_replayed_show_that_it_was_rebuilt) {
  restart_writer(1500);
  idle(2);
  ASSERT_EQ(lineage(), "diverged");
  mark_writer();
  idle(2);
  shard.restart();  // what it had is on disk
  idle(2);
  EXPECT_EQ(lineage(), "diverged");
  shard.replicate(kPhxA);
  copy().mark = writer().mark;
  look(1);
  EXPECT_EQ(lineage(), "assumed");
  EXPECT_EQ(readmitted(), "it holds the mark of this run of the writer, of " +
                              render_lsn(writer().mark->lsn) +
                              ", where it had other WAL: it was rebuilt");
  look(10);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

// It may have come to the mark by going on from there, and lacks what was written before.
TEST_F(Marks, beyond_what_a_copy_had_replayed_show_nothing) {
  restart_writer(1500);
  idle(2);
  ASSERT_EQ(lineage(), "diverged");
  shard.commit(1500);
  mark_writer();
  look(1);
  copy().mark = writer().mark;
  look(3);
  EXPECT_EQ(lineage(), "diverged");
}

// A receiver that connects again writes over what it had not replayed.
TEST_F(Marks, below_what_a_copy_had_received_and_not_replayed_show_nothing) {
  copy().replay_lsn = Lsn{writer().flushed_lsn->value + 100};
  shard.commit(1500);
  copy().receive_lsn = writer().flushed_lsn;
  idle(2);
  restart_writer(1500);
  idle(2);
  ASSERT_EQ(lineage(), "diverged");
  mark_writer();
  shard.commit(2000);
  look(1);
  copy().mark = writer().mark;
  look(3);
  EXPECT_EQ(lineage(), "diverged");
}

TEST_F(Marks, of_a_run_say_nothing_to_what_was_found_later_in_it) {
  restart_writer();
  look(1);
  mark_writer();
  look(1);
  copy().mark = writer().mark;
  look(1);
  copy().receive_lsn = copy().replay_lsn = Lsn{writer().insert_lsn->value + 5000};
  idle(2);
  ASSERT_EQ(lineage(), "diverged");
  look(10);
  EXPECT_EQ(lineage(), "diverged");
  // The next run has a mark of its own.
  restart_writer();
  idle(1);
  EXPECT_EQ(lineage(), "diverged");
  mark_writer();
  writer().mark->lsn = Lsn{writer().checkpoint->lsn.value + 200};
  look(1);
  copy().mark = writer().mark;
  look(1);
  EXPECT_EQ(lineage(), "diverged") << "by then the copy had been passed";
}

TEST_F(Marks, of_the_next_run_answer_what_was_found_in_the_one_before) {
  restart_writer();
  look(1);
  mark_writer();
  look(1);
  copy().receive_lsn = copy().replay_lsn = Lsn{writer().insert_lsn->value + 5000};
  idle(2);
  ASSERT_EQ(lineage(), "diverged");
  restart_writer();
  idle(1);
  mark_writer();
  look(1);
  copy().mark = writer().mark;
  look(1);
  EXPECT_EQ(lineage(), "assumed");
}

// iad-b was opened without a promotion, is outranked, and goes on writing.
TEST_F(Marks, say_nothing_of_whom_a_copy_has_followed_since) {
  restart_writer();
  look(1);
  mark_writer();
  look(1);
  copy().mark = writer().mark;
  look(1);
  ASSERT_EQ(lineage(), "assumed");
  const Lsn end = *writer().insert_lsn;
  shard.facts[kIadB] = make_writer_facts(50, end);
  for (const std::size_t node : {kIadA, kPhxA}) shard.facts[node].stamped = make_stamp(2, "iad");
  std::erase_if(writer().replication,
                [](const ReplicationRow& row) { return row.application_name == "phx-a"; });
  idle(2);
  ASSERT_EQ(shard.view.writer->node, "iad-a");
  EXPECT_EQ(lineage(), "unknown");
  EXPECT_EQ(readmitted(), "");
  shard.facts[kIadB] = make_standby_facts(51, end);
  look(3);
  EXPECT_EQ(lineage(), "unknown") << "the rival is gone, and what came from it is not";
}

}  // namespace
}  // namespace rpoguard::core
