// The core in virtual time against a model of writers, copies, links and a sidecar that all fail at
// random. RPOGUARD_SIM_SEED=n runs one world; RPOGUARD_SIM_HOURS=n sets how much time is simulated.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/profiles.hpp"
#include "tests/sim/world.hpp"

namespace rpoguard::sim {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(NDEBUG)
constexpr std::uint64_t kHoursPerProfile = 10;
#else
constexpr std::uint64_t kHoursPerProfile = 210;
#endif

std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  const std::string value = text;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  EXPECT_TRUE(error == std::errc{} && end == value.data() + value.size())
      << name << " is not a number: " << value;
  return number;
}

void add(Tally& sum, const Tally& one) {
  sum.simulated += one.simulated;
  sum.evaluations += one.evaluations;
  sum.proofs_checked += one.proofs_checked;
  sum.open_checked += one.open_checked;
  sum.closed_seen += one.closed_seen;
  sum.waived_seen += one.waived_seen;
  sum.quiet_checked += one.quiet_checked;
  sum.commits_let_in += one.commits_let_in;
  sum.faults += one.faults;
  sum.promotions += one.promotions;
  sum.lossy_promotions += one.lossy_promotions;
  sum.longest_loss = std::max(sum.longest_loss, one.longest_loss);
}

void print(const char* name, std::uint64_t worlds, const Tally& tally) {
  const auto number = [](auto value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%s: %llu worlds, %.1f simulated hours, %llu evaluations, T checked %llu times, open gate "
      "%llu, quiet %llu, closed seen %llu, waived %llu, %llu commits let in, %llu faults, %llu "
      "promotions, %llu of them lossy, longest loss %s\n",
      name, number(worlds), core::to_seconds(tally.simulated) / 3600, number(tally.evaluations),
      number(tally.proofs_checked), number(tally.open_checked), number(tally.quiet_checked),
      number(tally.closed_seen), number(tally.waived_seen), number(tally.commits_let_in),
      number(tally.faults), number(tally.promotions), number(tally.lossy_promotions),
      core::render_duration(tally.longest_loss).c_str());
}

// Runs worlds until the hours are full. A broken one is run again with its trace.
Tally simulate(const char* name) {
  const NamedProfile* named = find_profile(name);
  EXPECT_NE(named, nullptr);
  const Profile& profile = named->profile;
  const std::uint64_t first_seed = named->first_seed;
  const auto only = number_from_environment("RPOGUARD_SIM_SEED");
  const auto hours = number_from_environment("RPOGUARD_SIM_HOURS").value_or(kHoursPerProfile);
  const Duration enough = std::chrono::hours(hours);
  Tally sum;
  std::uint64_t worlds = 0;
  std::uint64_t seed = only.value_or(first_seed);
  do {
    World world(seed, profile, false);
    const auto broken = world.run();
    add(sum, world.tally());
    ++worlds;
    if (broken) {
      World again(seed, profile, true);
      again.run();
      ADD_FAILURE() << name << ": " << *broken << "\nreplay: RPOGUARD_SIM_SEED=" << seed
                    << "\nthe last events before:\n"
                    << again.trace();
      break;
    }
    ++seed;
  } while (!only && sum.simulated < enough);
  std::printf("%s: seeds %llu to %llu\n", name,
              static_cast<unsigned long long>(only.value_or(first_seed)),
              static_cast<unsigned long long>(seed));
  print(name, worlds, sum);
  return sum;
}

TEST(Simulation, faults_of_links_servers_and_sidecar_never_break_the_promise) {
  const Tally tally = simulate("faults");
  EXPECT_GT(tally.open_checked, tally.closed_seen / 100);
}

TEST(Simulation, an_idle_writer_is_judged_as_carefully_as_a_busy_one) {
  simulate("idle");
}

TEST(Simulation, failovers_stamped_in_time_late_or_never_lose_at_most_the_rpo) {
  simulate("failovers");
}

TEST(Simulation, timelines_as_epochs_never_confirm_two_writers) {
  simulate("timelines");
}

TEST(Simulation, an_rpo_of_zero_is_kept_up_to_the_age_of_a_proof) {
  simulate("synchronous");
}

}  // namespace
}  // namespace rpoguard::sim
