#include "exporter/core/judge/writer_run.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

/// A run that was last seen at 0/64, not confirmed since.
class UnconfirmedRuns : public ::testing::Test {
 protected:
  UnconfirmedRuns() {
    run.system_identifier = 77;
    run.timeline = Timeline{1};
    run.started = run.backends_started = kWallStart;
    memory.flushed = memory.inserted = Lsn{100};
    memory.session = 1;
    memory.answered = kStart;
  }
  /// A look, asked so many seconds later and answered within one.
  Reading seen(int after, std::optional<Lsn> inserted, std::optional<Lsn> flushed) const {
    NodeFacts facts = make_writer_facts(1);
    facts.started = facts.backends_started = kWallStart;
    facts.insert_lsn = inserted;
    facts.flushed_lsn = flushed;
    Reading reading;
    reading.last_success =
        NodeObservation{kStart + seconds(after), kStart + seconds(after + 1), facts};
    reading.answered = true;
    return reading;
  }
  void watch(const Readings& readings) {
    auto verdict = watch_unconfirmed(std::move(memory), run, readings);
    memory = std::move(verdict.memory);
    run = *std::move(verdict.run);
  }

  WriterRun run;
  RunMemory memory;
};

// Its second name was asked later, and has shown more.
TEST_F(UnconfirmedRuns, do_not_go_back_by_an_older_look_under_another_name) {
  const Reading later = seen(2, Lsn{200}, Lsn{200});
  const Reading older = seen(2, Lsn{150}, Lsn{150});
  watch({later, older});
  EXPECT_EQ(memory.inserted, Lsn{200});
  EXPECT_FALSE(run.fall) << "nothing says that it went back";
  watch({seen(3, Lsn{150}, Lsn{150})});
  EXPECT_EQ(run.fall, (WriterRun::Fall{Lsn{200}, Lsn{150}})) << "asked after that";
}

// It is confirmed by a look that is older than the last one under its other name.
TEST_F(UnconfirmedRuns, lose_nothing_by_an_older_look_that_confirms_them) {
  watch({seen(2, Lsn{200}, Lsn{200})});
  const NodeSpec node = make_node("iad-a", "iad");
  const auto begun_by = [&](int after) {
    const Reading look = seen(after, Lsn{150}, Lsn{150});
    const ConfirmedWriter writer{0, node, look, Epoch{1}};
    return follow_run(memory, run, writer).memory.begun.has_value();
  };
  EXPECT_FALSE(begun_by(1));
  EXPECT_TRUE(begun_by(4)) << "asked after that";
}

TEST_F(UnconfirmedRuns, do_not_go_back_by_a_position_that_is_not_told) {
  watch({seen(1, std::nullopt, Lsn{120})});
  watch({seen(2, Lsn{200}, std::nullopt)});
  EXPECT_FALSE(run.fall);
  EXPECT_EQ(memory.inserted, Lsn{200});
  EXPECT_EQ(memory.flushed, Lsn{120});
}

// It has written much since, and flushed little of it.
TEST_F(UnconfirmedRuns, go_back_where_only_the_flush_position_does) {
  watch({seen(1, Lsn{300}, Lsn{90})});
  EXPECT_EQ(run.fall, (WriterRun::Fall{Lsn{100}, Lsn{90}}));
  EXPECT_EQ(memory.inserted, Lsn{300});
}

// rpoguard is started again before the run is confirmed: what it had seen of it is gone.
TEST_F(UnconfirmedRuns, have_gone_back_also_after_a_restart_of_rpoguard) {
  watch({seen(1, Lsn{90}, Lsn{90})});
  memory = {};
  const NodeSpec node = make_node("iad-a", "iad");
  const Reading look = seen(9, Lsn{150}, Lsn{150});
  const RunVerdict verdict = follow_run(memory, run, ConfirmedWriter{0, node, look, Epoch{1}});
  ASSERT_TRUE(verdict.memory.begun);
  EXPECT_TRUE(verdict.memory.begun->lost_wal);
  EXPECT_EQ(verdict.memory.begun->flushed_before, Lsn{100});
  EXPECT_EQ(verdict.run->shared, Lsn{90});
  EXPECT_FALSE(verdict.run->fall) << "it has been judged";
}

}  // namespace
}  // namespace rpoguard::core
