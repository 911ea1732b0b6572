#include "exporter/core/judge/wal_clock.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "exporter/core/model/limits.hpp"

namespace rpoguard::core {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant at(int second) {
  return Instant(seconds(second));
}

WalClock clock_of(const std::vector<std::pair<int, std::uint64_t>>& pairs) {
  WalClock clock;
  for (const auto& [t, c] : pairs) clock.push(at(t), Lsn{c}, at(t) + milliseconds(5));
  return clock;
}

TEST(WalClock, proves_nothing_while_empty) {
  const WalClock clock;
  EXPECT_TRUE(clock.empty());
  EXPECT_EQ(clock.proven_until(Lsn{~std::uint64_t{0}}), std::nullopt);
  EXPECT_EQ(clock.latest().has_value(), false);
  EXPECT_EQ(clock.first_beyond(Lsn{0}).has_value(), false);
}

TEST(WalClock, a_position_proves_the_latest_pair_it_covers) {
  const WalClock clock = clock_of({{1, 100}, {2, 200}, {3, 300}});
  const std::vector<std::pair<std::uint64_t, std::optional<Instant>>> rows{
      {99, std::nullopt}, {100, at(1)}, {199, at(1)}, {200, at(2)}, {300, at(3)}, {9999, at(3)}};
  for (const auto& [d, t] : rows) EXPECT_EQ(clock.proven_until(Lsn{d}), t) << d;
}

TEST(WalClock, the_first_pair_beyond_a_position_is_the_oldest_missing) {
  const WalClock clock = clock_of({{1, 100}, {2, 200}});
  EXPECT_EQ(clock.first_beyond(Lsn{99})->t, at(1));
  EXPECT_EQ(clock.first_beyond(Lsn{100})->t, at(2));
  EXPECT_EQ(clock.first_beyond(Lsn{100})->first_seen, at(2) + milliseconds(5));
  EXPECT_FALSE(clock.first_beyond(Lsn{200}));
}

TEST(WalClock,
     a_later_look_at_the_same_bound_replaces_the_earlier_and_keeps_when_it_was_first_seen) {
  const WalClock clock = clock_of({{1, 100}, {2, 200}, {3, 200}, {4, 200}});
  EXPECT_EQ(clock.size(), 2U);
  EXPECT_EQ(clock.proven_until(Lsn{200}), at(4));
  EXPECT_EQ(clock.first_beyond(Lsn{100})->first_seen, at(2) + milliseconds(5));
}

TEST(WalClock, a_lower_bound_replaces_all_that_claim_less) {
  const WalClock clock = clock_of({{1, 100}, {2, 200}, {3, 300}, {4, 150}});
  EXPECT_EQ(clock.size(), 2U);
  EXPECT_EQ(clock.proven_until(Lsn{149}), at(1));
  EXPECT_EQ(clock.proven_until(Lsn{150}), at(4));
}

TEST(WalClock, of_two_bounds_at_the_same_instant_the_lower_one_stays) {
  const WalClock clock = clock_of({{1, 100}, {1, 200}});
  EXPECT_EQ(clock.size(), 1U);
  EXPECT_EQ(clock.proven_until(Lsn{100}), at(1));
}

TEST(WalClock, clear_forgets_everything) {
  WalClock clock = clock_of({{1, 100}});
  clock.clear();
  EXPECT_TRUE(clock.empty());
}

TEST(WalClockDeath, time_that_runs_backwards_is_a_bug) {
  WalClock clock = clock_of({{2, 100}});
  EXPECT_DEATH(clock.push(at(1), Lsn{200}, at(1)), "bug in rpoguard");
}

class Thinning : public ::testing::TestWithParam<Duration> {};

TEST_P(Thinning, stays_below_3000_pairs_for_three_days_and_reaches_back_a_day) {
  const Duration every = GetParam();
  WalClock clock;
  std::size_t largest = 0;
  Instant t{};
  std::uint64_t c = 0;
  for (; t < Instant(hours(72)); t += every) {
    clock.push(t, Lsn{c += 100}, t);
    largest = std::max(largest, clock.size());
  }
  EXPECT_LE(largest, 3000U);
  const auto a_day_ago = clock.first_beyond(Lsn{0});
  ASSERT_TRUE(a_day_ago);
  EXPECT_GE(a_day_ago->t, t - limits::kWalClockReach - seconds(70));
  EXPECT_LE(a_day_ago->t, t - limits::kWalClockReach + seconds(70));
}

TEST_P(Thinning, keeps_a_second_for_ten_minutes_ten_seconds_for_an_hour_and_a_minute_beyond) {
  const Duration every = GetParam();
  WalClock clock;
  Instant t{};
  std::uint64_t c = 0;
  std::vector<std::pair<Instant, Lsn>> all;
  for (; t < Instant(hours(3)); t += every) {
    clock.push(t, Lsn{c += 100}, t);
    all.emplace_back(t, Lsn{c});
  }
  for (std::size_t i = all.size() / 100; i < all.size(); i += 7) {
    const auto [true_t, d] = all[i];
    const Duration age = t - true_t;
    const Duration allowed = (age > hours(1)       ? Duration(seconds(60))
                              : age > seconds(600) ? Duration(seconds(10))
                                                   : Duration(seconds(1))) +
                             2 * every;
    const auto proven = clock.proven_until(d);
    ASSERT_TRUE(proven) << i;
    EXPECT_LE(true_t - *proven, allowed) << "age " << render_duration(age);
  }
}

INSTANTIATE_TEST_SUITE_P(WalClock, Thinning,
                         ::testing::Values(Duration(seconds(1)), Duration(milliseconds(100))));

TEST(WalClock, thinning_only_ever_makes_a_proof_older) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20; ++round) {
    WalClock clock;
    std::vector<std::pair<Instant, Lsn>> reference;
    Instant t{};
    std::uint64_t c = 1000;
    for (int i = 0; i < 4000; ++i) {
      t += milliseconds(random() % (round % 2 == 0 ? 2000 : 60'000));
      // Busy, idle, and now and then a crash that takes the end of the WAL with it.
      if (random() % 3 != 0) c += random() % 10'000;
      if (random() % 500 == 0) c -= std::min<std::uint64_t>(c, random() % 3000);
      clock.push(t, Lsn{c}, t);
      reference.emplace_back(t, Lsn{c});
      if (i % 37 != 0) continue;
      const Lsn d{c - std::min<std::uint64_t>(c, random() % 2'000'000)};
      std::optional<Instant> best;
      for (const auto& [each_t, each_c] : reference) {
        if (each_c <= d) best = each_t;
      }
      const auto proven = clock.proven_until(d);
      if (proven) {
        ASSERT_TRUE(best) << "round " << round << " step " << i;
        ASSERT_LE(*proven, *best) << "round " << round << " step " << i;
      }
    }
  }
}

TEST(WalClock, cut_keeps_what_holds_up_to_an_instant_and_a_position) {
  const auto second = [](int n) { return Instant(std::chrono::seconds(n)); };
  const auto clock = [&] {
    WalClock filled;
    for (int i = 1; i <= 4; ++i)
      filled.push(second(i), Lsn{static_cast<std::uint64_t>(100 * i)}, second(i));
    return filled;
  };
  WalClock by_position = clock();
  by_position.cut(second(9), Lsn{250});
  EXPECT_EQ(by_position.proven_until(Lsn{900}), second(2));
  WalClock by_instant = clock();
  by_instant.cut(second(2) + std::chrono::milliseconds(500), Lsn{900});
  EXPECT_EQ(by_instant.proven_until(Lsn{299}), second(2));
  EXPECT_EQ(by_instant.proven_until(Lsn{300}), second(2) + std::chrono::milliseconds(500));
  WalClock exact = clock();
  exact.cut(second(2), Lsn{200});
  EXPECT_EQ(exact.latest()->t, second(2));
  WalClock none = clock();
  none.cut(second(9), Lsn{50});
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace rpoguard::core
