#include "exporter/core/judge/readings.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

using Latest = std::vector<std::optional<NodeObservation>>;

/// One node, asked at `now`, whose answer is there at once.
Readings take(Readings before, std::variant<NodeFacts, ProbeError> outcome, Instant now) {
  return take_observations(std::move(before), Latest{NodeObservation{now, now, std::move(outcome)}},
                           ProbeSpec{}, now);
}

ProbeError failure(ProbeFailure reason) {
  return {.reason = reason, .message = "made to fail"};
}

TEST(Readings, of_a_node_that_was_never_asked_say_nothing) {
  const Readings readings = take_observations({}, Latest(2), {}, kStart);
  ASSERT_EQ(readings.size(), 2U);
  EXPECT_FALSE(readings[0].answered || readings[0].turned_away || readings[0].current);
  EXPECT_DEATH(readings[0].facts(), "last_success");
}

TEST(Readings, an_answer_is_news_once) {
  const Latest latest{NodeObservation{kStart, kStart, make_writer_facts(1)}};
  Readings readings = take_observations({}, latest, {}, kStart);
  EXPECT_TRUE(readings[0].answered);
  EXPECT_TRUE(readings[0].current);
  readings = take_observations(std::move(readings), latest, {}, kStart + milliseconds(500));
  EXPECT_FALSE(readings[0].answered);
  EXPECT_TRUE(readings[0].current);
}

TEST(Readings, are_current_for_two_intervals_and_a_timeout) {
  const ProbeSpec probe;
  const Latest latest{NodeObservation{kStart, kStart, make_writer_facts(1)}};
  const Instant last = kStart + 2 * probe.interval + probe.timeout;
  Readings readings = take_observations({}, latest, probe, last);
  EXPECT_TRUE(readings[0].current);
  readings = take_observations(std::move(readings), latest, probe, last + Duration(1));
  EXPECT_FALSE(readings[0].current);
  EXPECT_EQ(readings[0].facts().session, 1U) << "what it said last stays known";
}

TEST(Readings, end_with_a_refusal_and_outlast_any_other_failure_for_a_while) {
  for (const auto reason : {ProbeFailure::refused, ProbeFailure::not_accepting,
                            ProbeFailure::connection_lost, ProbeFailure::timeout}) {
    Readings readings = take({}, make_writer_facts(1), kStart);
    readings = take(std::move(readings), failure(reason), kStart + seconds(1));
    const bool away = reason == ProbeFailure::refused || reason == ProbeFailure::not_accepting;
    EXPECT_EQ(readings[0].turned_away, away) << name_of(reason);
    EXPECT_EQ(readings[0].current, !away) << name_of(reason);
    EXPECT_EQ(readings[0].accepting_since, kStart)
        << name_of(reason) << " does not say that it accepts no writes";
    EXPECT_EQ(readings[0].failures.at(static_cast<std::size_t>(reason)), 1U);
    EXPECT_EQ(readings[0].failing_since, kStart + seconds(1));
    readings = take(std::move(readings), make_writer_facts(1), kStart + seconds(2));
    EXPECT_FALSE(readings[0].turned_away || readings[0].failing_since);
  }
}

TEST(Readings, a_promotion_begins_between_two_answers) {
  Readings readings = take({}, make_standby_facts(1), kStart);
  EXPECT_EQ(readings[0].in_recovery_at, kStart);
  readings = take(std::move(readings), make_writer_facts(1), kStart + seconds(1));
  EXPECT_EQ(readings[0].in_recovery_at, kStart);
  EXPECT_EQ(readings[0].accepting_since, kStart + seconds(1));
}

NodeFacts locked_by(const std::string& transaction, const std::string& snapshot) {
  NodeFacts facts = make_writer_facts(1);
  facts.stamped.reset();
  facts.epoch_lock = EpochLock{.transaction = transaction, .holder = "pid 7 has it locked"};
  facts.snapshot = snapshot;
  return facts;
}

/// Whether the stamp that was read at kStart still stands.
bool stands(const Readings& readings) {
  return readings[0].facts().stamped.has_value();
}

TEST(Readings, a_stamp_stands_while_its_table_is_locked_and_it_cannot_have_changed) {
  const Readings read = take({}, make_writer_facts(1), kStart);
  const Readings locked = take(read, locked_by("5/77", "710:710:"), kStart + seconds(1));
  EXPECT_TRUE(stands(locked)) << "the lock came after it was read";
  EXPECT_EQ(locked[0].facts().stamped->epoch, Epoch{1});
  EXPECT_TRUE(stands(take(locked, locked_by("5/77", "720:720:"), kStart + hours(1))))
      << "stamps have waited behind that lock all the while";
  EXPECT_FALSE(stands(take(locked, locked_by("6/3", "720:720:"), kStart + seconds(2))))
      << "between two locks a stamp may have come";
  EXPECT_TRUE(stands(take(locked, locked_by("6/3", "710:710:"), kStart + seconds(2))))
      << "no transaction has ended in between";
  NodeFacts read_again = make_writer_facts(1);
  read_again.stamped = make_stamp(2, "phx");
  EXPECT_EQ(take(locked, read_again, kStart + seconds(2))[0].facts().stamped->epoch, Epoch{2});
}

TEST(Readings, a_stamp_of_before_is_not_the_stamp_of_a_locked_table) {
  const Readings read = take({}, make_writer_facts(1), kStart);
  EXPECT_FALSE(stands(take({}, locked_by("5/77", "700:700:"), kStart))) << "never read";
  const Duration late = 2 * ProbeSpec{}.interval + ProbeSpec{}.timeout + Duration(1);
  EXPECT_FALSE(stands(take(read, locked_by("5/77", "710:710:"), kStart + late)))
      << "nobody knows since when it is locked";
  EXPECT_TRUE(stands(take(read, locked_by("5/77", "700:700:"), kStart + late)));
  NodeFacts restarted = locked_by("5/77", "700:700:");
  restarted.session = 9;
  restarted.started = kWallStart;
  EXPECT_FALSE(stands(take(read, restarted, kStart + seconds(1)))) << "another life of the server";
  NodeFacts promoted = locked_by("5/77", "700:700:");
  promoted.timeline = Timeline{2};
  EXPECT_FALSE(stands(take(read, promoted, kStart + seconds(1))));
  const Readings standby = take({}, make_standby_facts(1), kStart);
  EXPECT_FALSE(stands(take(standby, locked_by("5/77", "700:700:"), kStart + seconds(1))))
      << "it was promoted since";
  NodeFacts silent = make_writer_facts(1);
  silent.stamped.reset();
  EXPECT_FALSE(
      stands(take(take({}, silent, kStart), locked_by("5/77", "710:710:"), kStart + seconds(1))))
      << "there was none";
}

TEST(Readings, a_locked_table_takes_nothing_away_that_was_read_in_recovery) {
  Readings readings = take({}, make_standby_facts(1), kStart);
  NodeFacts locked = make_standby_facts(1);
  locked.stamped.reset();
  locked.epoch_lock = EpochLock{.transaction = "5/77", .holder = "pid 7 has it locked"};
  readings = take(std::move(readings), locked, kStart + seconds(1));
  EXPECT_EQ(readings[0].epoch_in_recovery, Epoch{1});
}

}  // namespace
}  // namespace rpoguard::core
