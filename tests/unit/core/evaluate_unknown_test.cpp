// Unknown is never healthy: whatever a node fails to say, T does not move forward because of it and
// no closed gate opens. Two futures of the same past are compared: one with everything said, one
// without.
#include <functional>

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

struct Silence {
  std::string name;
  std::function<void(TestShard&, std::size_t)> begin;
};

std::vector<Silence> all_silences() {
  const auto field = [](const char* name, void (*drop)(NodeFacts&)) {
    return Silence{name, [drop](TestShard& shard, std::size_t node) { drop(shard.facts[node]); }};
  };
  std::vector<Silence> all{
      field("insert_lsn", [](NodeFacts& f) { f.insert_lsn.reset(); }),
      field("flushed_lsn", [](NodeFacts& f) { f.flushed_lsn.reset(); }),
      field("snapshot", [](NodeFacts& f) { f.snapshot.reset(); }),
      field("replication", [](NodeFacts& f) { f.replication.clear(); }),
      field("flush_lsn of the rows",
            [](NodeFacts& f) {
              for (auto& row : f.replication) row.flush_lsn.reset();
            }),
      field("replay_lsn of the rows",
            [](NodeFacts& f) {
              for (auto& row : f.replication) row.replay_lsn.reset();
            }),
      field("receive_lsn", [](NodeFacts& f) { f.receive_lsn.reset(); }),
      field("replay_lsn", [](NodeFacts& f) { f.replay_lsn.reset(); }),
      field("both positions",
            [](NodeFacts& f) {
              f.receive_lsn.reset();
              f.replay_lsn.reset();
            }),
      field("replay_paused", [](NodeFacts& f) { f.replay_paused.reset(); }),
      field("streaming", [](NodeFacts& f) { f.streaming.reset(); }),
      field("last_replayed_commit", [](NodeFacts& f) { f.last_replayed_commit.reset(); }),
      field("started", [](NodeFacts& f) { f.started.reset(); }),
      field("announced_name", [](NodeFacts& f) { f.announced_name.reset(); }),
      field("stamped", [](NodeFacts& f) { f.stamped.reset(); }),
      field("the stamp's timeline",
            [](NodeFacts& f) {
              if (f.stamped) f.stamped->timeline.reset();
            }),
      field("archiver", [](NodeFacts& f) { f.archiver.reset(); }),
      field("last_archived_wal",
            [](NodeFacts& f) {
              if (f.archiver) f.archiver->last_archived_wal.clear();
            }),
      field("wal_segment_bytes", [](NodeFacts& f) { f.wal_segment_bytes = 0; }),
      field("started", [](NodeFacts& f) { f.started.reset(); }),
      field("backends_started", [](NodeFacts& f) { f.backends_started.reset(); }),
      field("checkpoint", [](NodeFacts& f) { f.checkpoint.reset(); }),
      field("mark", [](NodeFacts& f) { f.mark.reset(); }),
      field("synchronous settings",
            [](NodeFacts& f) {
              f.synchronous_standby_names.clear();
              f.synchronous_commit.clear();
            }),
      field("system_identifier", [](NodeFacts& f) { f.system_identifier = 0; }),
      field("timeline", [](NodeFacts& f) { f.timeline = Timeline{0}; }),
  };
  for (std::size_t i = 0; i < kProbeFailureCount; ++i) {
    const auto failure = static_cast<ProbeFailure>(i);
    all.push_back(
        {std::string("probe ") + name_of(failure),
         [failure](TestShard& shard, std::size_t node) { shard.failures[node] = failure; }});
  }
  all.push_back(
      {"no probe at all", [](TestShard& shard, std::size_t node) { shard.unprobed = node; }});
  return all;
}

/// A past, and what goes on in the world afterwards.
struct Past {
  std::string name;
  std::function<TestShard()> make;
  std::function<void(TestShard&)> goes_on;
};

void busy(TestShard& shard) {
  shard.commit();
  for (const std::size_t node : {kIadB, kPhxA}) {
    if (shard.facts[node].in_recovery) shard.replicate(node);
  }
}

void busy_without_copy(TestShard& shard) {
  shard.commit();
}
void idle(TestShard&) {}

TestShard healthy(Duration rpo = seconds(5)) {
  TestShard shard(make_spec(rpo));
  shard.facts[kIadA].synchronous_standby_names = "\"phx-a\"";
  shard.row(kPhxA).sync_state = "sync";
  shard.run_healthy(5);
  return shard;
}

std::vector<Past> all_pasts() {
  return {
      {"open and busy", [] { return healthy(); }, busy},
      {"open and idle", [] { return healthy(); }, idle},
      {"open and the link just cut", [] { return healthy(); }, busy_without_copy},
      {"rpo 0, open", [] { return healthy(Duration{0}); }, busy},
      {"rpo 0, the link just cut", [] { return healthy(Duration{0}); }, busy_without_copy},
      {"never judged", [] { return TestShard(); }, busy},
      {"only restarted",
       [] {
         auto shard = healthy();
         shard.restart();
         return shard;
       },
       busy},
      {"closed by the rpo",
       [] {
         auto shard = healthy();
         for (int i = 0; i < 8; ++i) {
           shard.commit();
           shard.tick();
         }
         return shard;
       },
       busy_without_copy},
      {"closed by the archive",
       [] {
         ShardSpec spec = make_spec();
         spec.archive.max_age = seconds(20);
         TestShard shard(spec);
         shard.run_healthy(30);
         return shard;
       },
       busy},
      {"closed by a split brain",
       [] {
         auto shard = healthy();
         shard.promote(kPhxA, 2);
         shard.run_healthy(3);
         return shard;
       },
       busy},
      {"closed by a newer stamp on the copy",
       [] {
         auto shard = healthy();
         shard.facts[kPhxA].stamped = make_stamp(2, "phx");
         shard.run_healthy(3);
         return shard;
       },
       busy},
      {"closed by a missing stamp",
       [] {
         auto shard = healthy();
         shard.facts[kIadA].stamped.reset();
         shard.run_healthy(3);
         return shard;
       },
       busy},
      {"closed by a copy that nobody saw, and just marked",
       [] {
         auto shard = healthy();
         for (NodeFacts& facts : shard.facts) facts.history.emplace();
         shard.restart();
         NodeFacts& writer = shard.facts[kIadA];
         writer.started = writer.backends_started = kWallStart - minutes(1);
         writer.checkpoint->time = kWallStart - minutes(1);
         shard.run(2);
         const RunMark mark{*run_of(writer), *writer.insert_lsn, kWallStart - seconds(59)};
         for (NodeFacts& facts : shard.facts) facts.mark = mark;
         return shard;
       },
       busy},
      {"closed by a foreign copy",
       [] {
         auto shard = healthy();
         shard.facts[kPhxA].system_identifier = 78;
         shard.run_healthy(3);
         return shard;
       },
       busy},
      {"closed by a copy on another timeline",
       [] {
         auto shard = healthy();
         shard.facts[kPhxA].timeline = Timeline{2};
         shard.run(3);
         return shard;
       },
       busy_without_copy},
  };
}

class Unknown : public ::testing::TestWithParam<std::size_t> {
 protected:
  static constexpr int kTicks = 9;

  /// The same events told in full and with the victim's silence during the first `lasting` ticks.
  static void compare(const Past& past, const TestShard& start, const Silence& silence,
                      std::size_t victim, int lasting) {
    TestShard told = start;
    TestShard silent = told;
    for (int i = 0; i < kTicks; ++i) {
      past.goes_on(told);
      silent.facts = told.facts;
      silent.failures = told.failures;
      silent.unprobed.reset();
      if (i < lasting) silence.begin(silent, victim);
      told.tick();
      silent.tick();
      SCOPED_TRACE(past.name + ", without " + silence.name + " of " + told.spec.nodes[victim].name +
                   ", tick " + std::to_string(i));
      if (i < lasting && silent.view.recovery_point) {
        ASSERT_TRUE(told.view.recovery_point);
        ASSERT_LE(*silent.view.recovery_point, *told.view.recovery_point);
      }
      ASSERT_TRUE(told.open() || !silent.open()) << told.reason();
      ASSERT_LE(silent.view.gate.open_until, std::max(told.view.gate.open_until, told.now));
    }
  }
};

TEST_P(Unknown, never_moves_t_forward_and_never_opens_a_gate) {
  const Past past = all_pasts()[GetParam()];
  const TestShard start = past.make();
  for (const Silence& silence : all_silences()) {
    for (const std::size_t victim : {kIadA, kPhxA}) {
      for (const int lasting : {1, kTicks}) {
        compare(past, start, silence, victim, lasting);
        if (HasFatalFailure()) return;
      }
    }
  }
}

std::string name_of_past(const ::testing::TestParamInfo<std::size_t>& past) {
  std::string name = all_pasts()[past.param].name;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Evaluate, Unknown, ::testing::Range<std::size_t>(0, 15), name_of_past);

TEST(UnknownTable, has_all_pasts) {
  EXPECT_EQ(all_pasts().size(), 15U);
}

}  // namespace
}  // namespace rpoguard::core
