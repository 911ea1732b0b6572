// Which names lead to one server, and what follows for what counts.
#include "exporter/core/judge/servers.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

/// Looks at iad-b (beside the writer) and phx-a, one at a time, two milliseconds each.
class Names : public ::testing::Test {
 protected:
  Names() { readings.resize(spec.nodes.size()); }

  static NodeFacts server(int start, std::uint64_t session, Lsn at = Lsn{0x3000000}) {
    NodeFacts facts = make_standby_facts(session, at);
    facts.started = kWallStart + seconds(start);
    return facts;
  }
  void look(std::size_t node, NodeFacts facts, double at) {
    const Instant asked = kStart + milliseconds(static_cast<int>(at * 1000));
    facts.server_now =
        clock_runs ? kWallStart + milliseconds(static_cast<int>(at * 1000)) : kWallStart + hours(1);
    for (Reading& each : readings) {
      each.answered = false;
      each.current = each.last_success && asked - each.last_success->asked < seconds(4);
    }
    readings[node].answered = readings[node].current = true;
    readings[node].last_success = NodeObservation{asked, asked + milliseconds(2), std::move(facts)};
    servers = tell_servers_apart(std::move(servers), spec, readings);
  }
  bool one() const { return servers.are_one(spec.nodes[kIadB], spec.nodes[kPhxA]); }

  ShardSpec spec = make_spec();
  Readings readings;
  Servers servers;
  bool clock_runs = false;  ///< else: the servers' clocks say that they were started long ago
};

TEST_F(Names, of_one_identifier_and_one_start_are_one_server) {
  EXPECT_FALSE(one());
  EXPECT_TRUE(servers.are_one(spec.nodes[kIadB], spec.nodes[kIadB]));
  look(kIadB, server(1, 10), 0);
  EXPECT_FALSE(one()) << "nothing is known of the other, nor does it have a position";
  look(kPhxA, server(1, 11), 0.1);
  EXPECT_TRUE(one());
  EXPECT_TRUE(servers.are_one(spec.nodes[kPhxA], spec.nodes[kIadB]));
}

TEST_F(Names, of_two_identifiers_are_two) {
  look(kIadB, server(1, 10), 0);
  NodeFacts other = server(1, 11);
  other.system_identifier = 78;
  look(kPhxA, other, 0.1);
  EXPECT_FALSE(one());
}

TEST_F(Names, that_do_not_say_when_they_were_started_may_be_one) {
  for (const std::size_t silent : {kIadB, kPhxA}) {
    servers = {};
    readings.assign(spec.nodes.size(), {});
    look(kIadB, server(1, 10), 0);
    look(kPhxA, server(2, 11), 0.1);
    ASSERT_FALSE(one());
    NodeFacts facts = server(1, 10);
    facts.started.reset();
    look(silent, facts, 1);
    EXPECT_TRUE(one());
    look(silent, server(silent == kIadB ? 1 : 2, 10), 2);
    look(silent == kIadB ? kPhxA : kIadB, server(silent == kIadB ? 2 : 1, 11), 2.1);
    EXPECT_FALSE(one());
  }
}

TEST_F(Names, of_starts_long_ago_are_told_apart_at_once) {
  look(kIadB, server(1, 10), 0);
  look(kPhxA, server(2, 11), 0.1);
  EXPECT_FALSE(one());
}

// The first look at each: the one may be the other, restarted in between.
TEST_F(Names, of_a_start_after_the_others_answer_are_one_until_the_starts_alternate) {
  clock_runs = true;
  look(kIadB, server(-100, 10), 5);
  look(kPhxA, server(6, 11), 6.1);
  EXPECT_TRUE(one());
  look(kIadB, server(-100, 10), 7);
  EXPECT_FALSE(one());
}

// A copy is built after a server was lost: it is started after the other's last answer.
TEST_F(Names, of_a_start_after_the_last_answer_of_a_silent_name_are_two) {
  clock_runs = true;
  look(kIadB, server(-100, 10), 5);
  look(kPhxA, server(6, 11), 8);
  EXPECT_TRUE(one());
  look(kPhxA, server(6, 11), 10);
  EXPECT_FALSE(one());
}

TEST_F(Names, of_one_server_stay_one_while_it_is_restarted) {
  look(kIadB, server(1, 10), 0);
  look(kPhxA, server(1, 11), 0.1);
  look(kPhxA, server(2, 12), 1.1);  // by its clock long before the answer at 0
  EXPECT_TRUE(one());
  look(kPhxA, server(2, 12), 100);
  EXPECT_TRUE(one()) << "the other name has not answered since";
  look(kIadB, server(2, 13), 101);
  EXPECT_TRUE(one());
}

TEST_F(Names, of_two_servers_stay_two_while_one_is_restarted) {
  clock_runs = true;
  look(kIadB, server(-100, 10), 0);
  look(kPhxA, server(-50, 11), 0.1);
  ASSERT_FALSE(one());
  look(kPhxA, server(6, 12), 6.1);
  EXPECT_FALSE(one()) << "the other has been silent, and may be for ever";
}

TEST_F(Names, that_are_led_to_another_server_are_told_apart_by_the_next_look) {
  look(kIadB, server(1, 10), 0);
  look(kPhxA, server(1, 11), 0.1);
  look(kPhxA, server(2, 12), 1.1);
  EXPECT_TRUE(one());
  look(kIadB, server(1, 10), 2);
  EXPECT_FALSE(one()) << "a server does not go back to its earlier start";
  look(kPhxA, server(1, 13), 2.1);
  EXPECT_TRUE(one()) << "and back";
}

TEST_F(Names, of_one_server_stay_one_while_one_of_them_is_silent) {
  look(kIadB, server(1, 10), 0);
  for (int at = 1; at < 1000; ++at) look(kPhxA, server(1, 11), at);
  EXPECT_TRUE(one());
}

/// Copies of one machine have its start; by what they show after each other, they are two.
class Clones : public Names {
 protected:
  void show(const NodeFacts& first, const NodeFacts& second) {
    look(kPhxA, server(1, 11), 0);  // its session is there before
    look(kIadB, first, 1);
    look(kPhxA, second, 1.1);
  }
  static NodeFacts writer(std::uint64_t session, Lsn at, std::uint32_t timeline = 1) {
    NodeFacts facts = make_writer_facts(session, at);
    facts.started = kWallStart + seconds(1);
    facts.timeline = Timeline{timeline};
    return facts;
  }
};

TEST_F(Clones, of_which_the_later_has_replayed_less_are_two) {
  show(server(1, 10, Lsn{0x3000010}), server(1, 11, Lsn{0x3000000}));
  EXPECT_FALSE(one());
  look(kIadB, server(1, 10, Lsn{0x3000020}), 2);
  look(kPhxA, server(1, 11, Lsn{0x3000020}), 2.1);
  EXPECT_FALSE(one()) << "a session stays with its server";
  look(kPhxA, server(1, 12, Lsn{0x3000030}), 3.1);
  EXPECT_TRUE(one()) << "who is behind the name since it has connected anew, nothing tells";
}

TEST_F(Clones, that_go_on_together_are_taken_for_one) {
  show(server(1, 10, Lsn{0x3000010}), server(1, 11, Lsn{0x3000010}));
  EXPECT_TRUE(one());
}

TEST_F(Clones, of_which_the_later_is_a_standby_again_are_two) {
  show(writer(10, Lsn{0x3000000}), server(1, 11, Lsn{0x3000000}));
  EXPECT_FALSE(one());
}

TEST_F(Clones, of_which_the_later_has_been_promoted_may_be_one) {
  show(server(1, 10, Lsn{0x3000000}), writer(11, Lsn{0x3000000}, 2));
  EXPECT_TRUE(one());
}

TEST_F(Clones, that_write_different_timelines_are_two) {
  look(kPhxA, writer(11, Lsn{0x3000000}, 2), 0);
  look(kIadB, writer(10, Lsn{0x3000000}, 3), 1);
  look(kPhxA, writer(11, Lsn{0x3000000}, 2), 1.1);
  EXPECT_FALSE(one());
}

TEST_F(Clones, of_which_the_later_writer_has_written_less_are_two) {
  look(kPhxA, writer(11, Lsn{0x3000000}), 0);
  look(kIadB, writer(10, Lsn{0x3000010}), 1);
  look(kPhxA, writer(11, Lsn{0x3000008}), 1.1);
  EXPECT_FALSE(one());
}

TEST_F(Clones, a_receive_position_that_falls_is_no_evidence) {
  NodeFacts later = server(1, 11);
  later.receive_lsn = Lsn{0x2000000};
  show(server(1, 10), later);
  EXPECT_TRUE(one());
}

// One backend is killed: recovery begins anew under the same postmaster, and all sessions end.
TEST_F(Clones, a_position_that_fell_with_a_crash_of_the_backends_is_no_evidence) {
  look(kIadB, server(1, 10, Lsn{0x3000010}), 1);
  look(kPhxA, server(1, 12, Lsn{0x3000000}), 1.1);
  EXPECT_TRUE(one());
  look(kIadB, server(1, 13, Lsn{0x3000004}), 2);
  EXPECT_TRUE(one());
}

TEST_F(Clones, answers_that_overlap_have_no_order) {
  look(kPhxA, server(1, 11), 0);
  look(kIadB, server(1, 10, Lsn{0x3000010}), 1);
  look(kPhxA, server(1, 11), 1.001);
  EXPECT_TRUE(one());
}

TEST_F(Names, are_kept_through_a_reload_and_those_of_other_targets_are_not) {
  look(kIadB, server(1, 10), 0);
  look(kPhxA, server(1, 11), 0.1);
  ShardMemory memory;
  memory.readings = readings;
  memory.servers = servers;
  ShardSpec after = spec;
  std::swap(after.nodes[kIadA], after.nodes[kPhxA]);
  ShardMemory swapped = adopt(memory, spec, after);
  for (Reading& each : swapped.readings) each.answered = false;
  swapped.servers = tell_servers_apart(swapped.servers, after, swapped.readings);
  EXPECT_TRUE(swapped.servers.are_one(after.nodes[kIadB], after.nodes[kIadA]));
  after.nodes[kIadA].connect.host = "elsewhere";
  ShardMemory moved = adopt(memory, spec, after);
  for (Reading& each : moved.readings) each.answered = false;
  moved.servers = tell_servers_apart(moved.servers, after, moved.readings);
  EXPECT_FALSE(moved.servers.are_one(after.nodes[kIadB], after.nodes[kIadA]));
}

/// phx-a's name leads to another server of the shard.
class SecondName : public ::testing::Test {
 protected:
  void lead_to(std::size_t node) {
    NodeFacts facts = shard.facts[node];
    facts.session = 50;
    shard.facts[kPhxA] = facts;
  }
  void run(int ticks) {
    for (int i = 0; i < ticks; ++i) {
      shard.commit();
      for (const std::size_t node : {kIadB, kPhxA}) shard.replicate(node);
      shard.tick();
    }
  }
  TestShard shard;
};

TEST_F(SecondName, of_a_server_beside_the_writer_is_no_remote_copy) {
  lead_to(kIadB);
  run(3);
  EXPECT_EQ(shard.reason(), "unproven");
  const NodeView& second = shard.view.nodes[kPhxA];
  EXPECT_FALSE(second.counted);
  EXPECT_EQ(second.same_server_as, "iad-b");
  EXPECT_EQ(shard.view.nodes[kIadB].same_server_as, "");
  shard.failures[kIadB] = ProbeFailure::timeout;
  run(100);
  EXPECT_EQ(shard.reason(), "unproven") << "its name in the region does not answer any more";
}

TEST_F(SecondName, that_nobody_has_asked_yet_may_be_any_servers) {
  run(3);
  ASSERT_TRUE(shard.open()) << shard.reason();
  shard.restart();
  shard.failures[kIadB] = ProbeFailure::timeout;
  shard.unprobed = kIadB;
  shard.probe_node(kPhxA);  // before anybody knows who is the writer
  run(20);
  EXPECT_EQ(shard.reason(), "unproven") << "phx-a may lead to iad-b";
  EXPECT_FALSE(shard.view.nodes[kPhxA].recovery_point_flush);
  shard.unprobed.reset();
  run(10);
  EXPECT_TRUE(shard.open()) << "it was asked, and is down: " << shard.reason();
}

TEST_F(SecondName, that_is_silent_is_that_of_the_server_that_goes_by_it) {
  for (const char* configured : {"iad-b", ""}) {
    shard = TestShard();
    shard.spec.nodes[kIadB].application_name = configured;
    shard.failures[kIadB] = ProbeFailure::timeout;
    shard.facts[kPhxA].announced_name = "iad-b";
    run(20);
    EXPECT_EQ(shard.reason(), "unproven");
    EXPECT_EQ(shard.view.nodes[kPhxA].same_server_as, "iad-b");
    EXPECT_EQ(shard.view.nodes[kIadB].same_server_as, "");
    shard.failures[kIadB].reset();
    run(20);
    EXPECT_TRUE(shard.open()) << "they answer as two: " << shard.reason();
    EXPECT_EQ(shard.view.nodes[kPhxA].same_server_as, "");
  }
}

// A node that is new in the configuration closes no gate until it is asked.
TEST_F(SecondName, that_is_new_ends_no_count) {
  run(3);
  ASSERT_TRUE(shard.open()) << shard.reason();
  ShardSpec after = shard.spec;
  after.nodes.push_back(make_node("iad-c", "iad"));
  shard.memory = adopt(std::move(shard.memory), shard.spec, after);
  shard.spec = after;
  shard.facts.push_back(make_standby_facts(9));
  shard.failures.emplace_back();
  shard.observations.nodes.emplace_back();
  shard.observations.slow.emplace_back();
  shard.unprobed = 3;
  run(3);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST_F(SecondName, of_the_writer_opens_no_gate) {
  lead_to(kIadA);
  shard.run(3);
  EXPECT_EQ(shard.reason(), "split_brain") << "it may be a copy of the whole machine";
  EXPECT_FALSE(shard.view.nodes[kPhxA].counted);
  EXPECT_EQ(shard.view.nodes[kPhxA].same_server_as, "iad-a");
}

TEST_F(SecondName, ends_what_the_copy_had_proven_until_it_leads_there_again) {
  run(3);
  ASSERT_TRUE(shard.open());
  const NodeFacts copy = shard.facts[kPhxA];
  lead_to(kIadB);
  run(1);
  EXPECT_EQ(shard.reason(), "unproven");
  shard.facts[kPhxA] = copy;
  shard.facts[kPhxA].session = 51;
  run(1);
  EXPECT_EQ(shard.reason(), "unproven") << "the other name has not answered since";
  run(8);
  EXPECT_TRUE(shard.open()) << shard.reason();
}

TEST(SecondCopy, of_one_server_does_not_count_as_another) {
  ShardSpec spec = make_spec();
  spec.nodes.push_back(make_node("phx-b", "phx"));
  spec.copies = 2;
  TestShard shard(spec);
  shard.run_healthy(3);
  ASSERT_TRUE(shard.open()) << shard.reason();
  shard.facts[3] = shard.facts[kPhxA];
  shard.facts[3].session = 60;
  shard.run_healthy(2);
  EXPECT_EQ(shard.reason(), "unproven");
  EXPECT_TRUE(shard.view.nodes[kPhxA].counted);
  EXPECT_FALSE(shard.view.nodes[3].counted);
  EXPECT_EQ(shard.view.nodes[3].same_server_as, "phx-a");
  // The first does not answer: the second counts.
  shard.failures[kPhxA] = ProbeFailure::timeout;
  shard.run_healthy(5);
  EXPECT_FALSE(shard.view.nodes[kPhxA].counted);
  EXPECT_TRUE(shard.view.nodes[3].counted);
  shard.failures[kPhxA].reset();
  shard.run_healthy(1);
  EXPECT_TRUE(shard.view.nodes[kPhxA].counted);
  // As one of its names, it is for readers.
  shard.spec.nodes[kPhxA].durability_target = false;
  shard.run_healthy(2);
  EXPECT_FALSE(shard.view.nodes[kPhxA].counted);
  EXPECT_FALSE(shard.view.nodes[3].counted);
}

}  // namespace
}  // namespace rpoguard::core
