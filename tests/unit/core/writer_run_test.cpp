#include "exporter/core/judge/writer_run.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

// Its second name was asked later, and has shown more.
TEST(RunMemories, do_not_go_back_by_an_older_look_under_another_name) {
  WriterRun run;
  run.system_identifier = 77;
  run.timeline = Timeline{1};
  run.started = run.backends_started = kWallStart;
  RunMemory memory;
  memory.flushed = memory.inserted = Lsn{100};
  memory.session = 1;
  memory.answered = kStart;
  NodeFacts facts = make_writer_facts(1, Lsn{200});
  facts.started = facts.backends_started = kWallStart;
  Reading later;
  later.last_success = NodeObservation{kStart + seconds(2), kStart + seconds(3), facts};
  later.answered = true;
  facts.insert_lsn = facts.flushed_lsn = Lsn{150};
  Reading older;
  older.last_success = NodeObservation{kStart + seconds(2), kStart + seconds(3), facts};
  older.answered = true;
  memory = watch_unconfirmed(memory, run, {later, older});
  EXPECT_EQ(memory.inserted, Lsn{200});
  EXPECT_EQ(memory.fell_to, RunMemory{}.fell_to) << "nothing says that it went back";
  older.last_success->asked = kStart + seconds(3);
  memory = watch_unconfirmed(memory, run, {older});
  EXPECT_EQ(memory.fell_to, Lsn{150}) << "asked after that";
}

}  // namespace
}  // namespace rpoguard::core
