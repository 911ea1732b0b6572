#include "exporter/core/judge/slo_account.hpp"

#include <numeric>

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

constexpr Duration kNone{0};

Duration all_time(const ExposureHistogram& histogram) {
  return std::accumulate(histogram.time.begin(), histogram.time.end(), kNone);
}

TEST(SloAccount, splits_a_stretch_where_the_promise_runs_out) {
  SloView account;
  add_stretch(account, {kStart, kStart + seconds(10), kStart + seconds(4), kStart});
  EXPECT_EQ(account.total, seconds(10));
  EXPECT_EQ(kept(account), seconds(4));
  EXPECT_EQ(account.exceeded, seconds(6));
  EXPECT_EQ(account.unknown, kNone);
}

TEST(SloAccount, keeps_or_misses_a_stretch_whole_when_it_ran_out_outside) {
  SloView account;
  add_stretch(account, {kStart, kStart + seconds(3), kStart + seconds(3), kStart});
  EXPECT_EQ(account.exceeded, kNone);
  add_stretch(account, {kStart, kStart + seconds(3), kStart - seconds(7), kStart});
  EXPECT_EQ(account.exceeded, seconds(3));
  EXPECT_EQ(kept(account), seconds(3));
}

TEST(SloAccount, time_without_a_proof_is_unknown_and_promises_nothing) {
  SloView account;
  add_stretch(account, {kStart, kStart + seconds(3), std::nullopt, std::nullopt});
  EXPECT_EQ(account.unknown, seconds(3));
  EXPECT_EQ(kept(account), kNone);
  EXPECT_EQ(account.exposure.time.back(), seconds(3));
  EXPECT_EQ(all_time(account.exposure), account.total);
  EXPECT_EQ(account.exposure.known, kNone);
  EXPECT_EQ(account.exposure.sum_seconds2, 0);
}

TEST(SloAccount, a_clock_that_runs_backwards_is_a_bug) {
  SloView account;
  EXPECT_DEATH(add_stretch(account, {kStart, kStart - seconds(1), {}, {}}), "stretch.from");
}

TEST(ExposureTime, is_spread_over_the_buckets_that_the_exposure_passes_through) {
  SloView account;
  // From 0.4 s to 2.4 s.
  add_stretch(account, {kStart + milliseconds(400), kStart + milliseconds(2400), kStart, kStart});
  const auto& time = account.exposure.time;
  EXPECT_EQ(time[0], kNone);              // up to 0.25 s
  EXPECT_EQ(time[1], milliseconds(100));  // up to 0.5 s
  EXPECT_EQ(time[2], milliseconds(500));  // up to 1 s
  EXPECT_EQ(time[3], milliseconds(500));  // up to 1.5 s
  EXPECT_EQ(time[4], milliseconds(500));  // up to 2 s
  EXPECT_EQ(time[5], milliseconds(400));  // up to 3 s
  EXPECT_EQ(time[6], kNone);
  EXPECT_EQ(account.exposure.known, seconds(2));
  EXPECT_DOUBLE_EQ(account.exposure.sum_seconds2, 1.4 * 2);
}

TEST(ExposureTime, beyond_all_bounds_is_known_and_in_the_last_bucket) {
  SloView account;
  add_stretch(account,
              {kStart + hours(1) - seconds(1), kStart + hours(1) + seconds(5), {}, kStart});
  EXPECT_EQ(account.exposure.time[kExposureBuckets.size() - 1], seconds(1));
  EXPECT_EQ(account.exposure.time.back(), seconds(5));
  EXPECT_EQ(account.exposure.known, seconds(6));
}

TEST(ExposureTime, does_not_depend_on_how_often_one_looks) {
  SloView once;
  SloView often;
  add_stretch(once, {kStart, kStart + seconds(100), kStart + seconds(5), kStart});
  for (Duration at{}; at < seconds(100); at += milliseconds(10)) {
    add_stretch(often, {kStart + at, kStart + at + milliseconds(10), kStart + seconds(5), kStart});
  }
  EXPECT_EQ(often.exposure.time, once.exposure.time);
  EXPECT_EQ(often.exceeded, once.exceeded);
  EXPECT_NEAR(often.exposure.sum_seconds2, once.exposure.sum_seconds2, 1e-6);
  EXPECT_NEAR(once.exposure.sum_seconds2, 5000, 1e-9);
}

// A recovery point ahead of the clock would be a bug elsewhere; the sum must not fall for it.
TEST(ExposureTime, of_less_than_nothing_is_the_first_bucket_and_adds_nothing) {
  SloView account;
  add_stretch(account, {kStart - seconds(2), kStart - seconds(1), {}, kStart});
  EXPECT_EQ(account.exposure.time[0], seconds(1));
  EXPECT_EQ(account.exposure.sum_seconds2, 0);
}

// Notes the recovery point once a second; `lag` is the exposure right after each look.
class Growth : public ::testing::Test {
 protected:
  void look(std::optional<Duration> lag) {
    now_ += seconds(1);
    mark(lag);
  }
  void mark(std::optional<Duration> lag) {
    memory_ = mark_recovery_point(memory_, lag ? std::optional(now_ - *lag) : std::nullopt, now_,
                                  kInterval);
  }
  // T stands still.
  void miss(int looks) {
    for (int i = 0; i < looks; ++i) {
      now_ += seconds(1);
      memory_ = mark_recovery_point(memory_, memory_.marks.back().recovery_point, now_, kInterval);
    }
  }
  std::optional<double> growth() const { return exposure_growth(memory_, now_, kInterval); }

  static constexpr Duration kInterval = seconds(1);
  SloMemory memory_;
  Instant now_ = kStart;
};

TEST_F(Growth, is_unknown_until_there_are_looks_enough) {
  EXPECT_EQ(growth(), std::nullopt);
  for (int i = 0; i < 3; ++i) {
    look(milliseconds(100));
    EXPECT_EQ(growth(), std::nullopt) << i;
  }
  look(milliseconds(100));
  EXPECT_EQ(growth(), 0.0);
}

TEST_F(Growth, the_saw_tooth_of_one_probe_interval_is_none) {
  for (int i = 0; i < 30; ++i) {
    look(milliseconds(i % 2 == 0 ? 100 : 1100));
    EXPECT_EQ(growth().value_or(0), 0.0) << i;
    now_ += milliseconds(900);  // just before the next look the exposure is high
    EXPECT_EQ(growth().value_or(0), 0.0) << i;
    now_ -= milliseconds(900);
  }
}

TEST_F(Growth, is_one_when_nothing_arrives_for_three_looks) {
  for (int i = 0; i < 5; ++i) look(milliseconds(100));
  miss(2);
  EXPECT_EQ(growth(), 0.0);
  miss(1);
  EXPECT_EQ(growth(), 1.0);
  miss(100);
  EXPECT_EQ(growth(), 1.0);
  EXPECT_EQ(memory_.marks.size(), 5U);
}

TEST_F(Growth, of_a_link_at_half_the_needed_speed_is_one_half) {
  for (int i = 0; i < 20; ++i) look(i * milliseconds(500));
  EXPECT_DOUBLE_EQ(growth().value_or(0), 0.5);
}

TEST_F(Growth, is_negative_while_the_copy_catches_up) {
  for (int i = 0; i < 20; ++i) look(seconds(60) - i * seconds(2));
  EXPECT_DOUBLE_EQ(growth().value_or(0), -2.0);
}

TEST_F(Growth, follows_a_change_within_ten_looks) {
  for (int i = 0; i < 50; ++i) look(i * milliseconds(500));
  for (int i = 0; i < 10; ++i) look(milliseconds(24'500));
  EXPECT_EQ(growth(), 0.0);
  EXPECT_EQ(memory_.marks.size(), kGrowthMarks);
}

TEST_F(Growth, takes_one_mark_a_round_however_many_copies_answer) {
  for (int i = 0; i < 20; ++i) {
    look(i * milliseconds(500));
    now_ += milliseconds(5);
    mark(i * milliseconds(500) + milliseconds(3));
    now_ -= milliseconds(5);
  }
  EXPECT_EQ(memory_.marks.size(), kGrowthMarks);
  EXPECT_NEAR(growth().value_or(0), 0.5, 0.001);
}

TEST_F(Growth, starts_again_after_an_unknown_recovery_point) {
  for (int i = 0; i < 20; ++i) look(i * milliseconds(500));
  look(std::nullopt);
  EXPECT_EQ(growth(), std::nullopt);
  look(milliseconds(100));
  EXPECT_EQ(growth(), std::nullopt);
}

TEST_F(Growth, a_step_back_of_the_recovery_point_is_not_taken_for_growth) {
  for (int i = 0; i < 20; ++i) look(milliseconds(100));
  look(minutes(10));  // a copy was built anew
  EXPECT_EQ(growth(), std::nullopt);
  for (int i = 0; i < 5; ++i) look(minutes(10));
  EXPECT_EQ(growth(), 0.0);
}

class Exhaustion : public ::testing::Test {
 protected:
  Exhaustion() { shard_.spec = std::make_shared<const ShardSpec>(make_spec(seconds(60))); }

  std::optional<Duration> after(Duration exposure, std::optional<double> growth) {
    shard_.recovery_point = kStart;
    shard_.exposure_growth = growth;
    return time_to_exhaustion_at(shard_, kStart + exposure);
  }

  ShardView shard_;
};

TEST_F(Exhaustion, is_what_is_left_over_the_growth) {
  EXPECT_EQ(after(seconds(10), 0.5), seconds(100));
  EXPECT_EQ(after(seconds(10), 1.0), seconds(50));
}

TEST_F(Exhaustion, is_never_less_than_the_lease) {
  EXPECT_EQ(after(seconds(10), 7.0), seconds(50));
}

TEST_F(Exhaustion, is_absent_while_the_exposure_holds_or_falls_or_the_growth_is_unknown) {
  EXPECT_EQ(after(seconds(10), 0.0), std::nullopt);
  EXPECT_EQ(after(seconds(10), -2.0), std::nullopt);
  EXPECT_EQ(after(seconds(10), 1e-9), std::nullopt);
  EXPECT_EQ(after(seconds(10), std::nullopt), std::nullopt);
}

TEST_F(Exhaustion, is_zero_once_the_budget_is_gone_whatever_the_growth) {
  EXPECT_EQ(after(seconds(60), std::nullopt), kNone);
  EXPECT_EQ(after(seconds(99), -2.0), kNone);
}

TEST_F(Exhaustion, is_absent_while_nothing_is_proven_and_for_an_rpo_of_zero) {
  shard_.exposure_growth = 1.0;
  EXPECT_EQ(time_to_exhaustion_at(shard_, kStart), std::nullopt);
  shard_.spec = std::make_shared<const ShardSpec>(make_spec(kNone));
  EXPECT_EQ(after(seconds(1), 1.0), std::nullopt);
}

}  // namespace
}  // namespace rpoguard::core
