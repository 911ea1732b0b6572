#include "exporter/core/judge/stamp_mark.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

class StampMarks : public ::testing::Test {
 protected:
  StampMarks() {
    facts.timeline = Timeline{2};
    show(Lsn{0x3000500});
  }
  void show(Lsn insert) {
    facts.insert_lsn = insert;
    facts.stamped = StampedEpoch{Epoch{2}, "phx", "jo", kWallStart};
    reading.last_success = NodeObservation{kStart, kStart, facts};
  }
  std::optional<StampMark> follow(std::optional<StampMark> known) const {
    return follow_stamp_mark(
        known, ConfirmedWriter{.node = 0, .spec = node, .reading = reading, .epoch = Epoch{2}});
  }

  NodeFacts facts = make_writer_facts(1);
  NodeSpec node = make_node("phx-a", "phx");
  Reading reading;
};

TEST_F(StampMarks, are_where_the_stamp_was_first_seen) {
  const auto first = follow({});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->before, Lsn{0x3000500});
  show(Lsn{0x3009000});
  EXPECT_EQ(follow(first)->before, Lsn{0x3000500});
  EXPECT_EQ(follow_stamp_mark(first, std::nullopt)->before, Lsn{0x3000500});
  const auto stamped = facts.stamped;
  facts.stamped->epoch = Epoch{3};
  reading.last_success->outcome = facts;
  EXPECT_EQ(follow(first)->epoch, Epoch{2}) << "stamped once more";
  facts.stamped->epoch = Epoch{1};
  reading.last_success->outcome = facts;
  EXPECT_EQ(follow(first)->epoch, Epoch{1}) << "restored";
  facts.stamped = stamped;
  facts.stamped->promoted_at = kWallStart + seconds(1);
  reading.last_success->outcome = facts;
  EXPECT_EQ(follow(first)->promoted_at, kWallStart + seconds(1)) << "restored";
  facts.timeline = Timeline{3};
  show(Lsn{0x3009500});
  EXPECT_EQ(follow(first)->before, Lsn{0x3009500}) << "another timeline";
  facts.timeline = Timeline{1};
  show(Lsn{0x3009500});
  EXPECT_FALSE(follow(first)) << "nobody else was promoted to that one";
}

TEST_F(StampMarks, are_not_known_where_a_stamp_has_no_time_or_no_position) {
  facts.stamped->promoted_at.reset();
  reading.last_success->outcome = facts;
  EXPECT_FALSE(follow({}));
  show(Lsn{0x3000500});
  facts.insert_lsn.reset();
  reading.last_success->outcome = facts;
  EXPECT_FALSE(follow({}));
}

TEST_F(StampMarks, are_missed_only_by_a_copy_that_tells_its_own_stamp) {
  const StampMark mark = *follow({});
  NodeFacts copy = make_standby_facts(2);
  copy.timeline = Timeline{2};
  copy.stamped = facts.stamped;
  EXPECT_FALSE(shows_another(mark, copy));
  copy.stamped->promoted_at.reset();
  EXPECT_FALSE(shows_another(mark, copy)) << "its time is not told";
  copy.stamped->epoch = Epoch{1};
  EXPECT_TRUE(shows_another(mark, copy));
  for (auto change : {+[](NodeFacts& other) { other.stamped.reset(); },
                      +[](NodeFacts& other) { other.timeline = Timeline{3}; },
                      +[](NodeFacts& other) { other.stamped->epoch = Epoch{3}; },
                      +[](NodeFacts& other) { other.system_identifier = 78; },
                      +[](NodeFacts& other) { other.in_recovery = false; }}) {
    NodeFacts other = copy;
    change(other);
    EXPECT_FALSE(shows_another(mark, other));
  }
}

}  // namespace
}  // namespace rpoguard::core
