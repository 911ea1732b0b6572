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

}  // namespace
}  // namespace rpoguard::core
