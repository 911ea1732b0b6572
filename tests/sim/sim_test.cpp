// The core in virtual time against a model of writers, copies, links and a sidecar that all fail at
// random. RPOGUARD_SIM_SEED=n runs one world, RPOGUARD_SIM_FAULTS=3,17 with these faults of its
// only; RPOGUARD_SIM_HOURS=n sets how much time is simulated.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/profiles.hpp"
#include "tests/sim/shrink.hpp"
#include "tests/sim/world.hpp"

namespace rpoguard::sim {
namespace {

#if defined(__has_feature)  // clang
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RPOGUARD_SIM_SLOW
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(NDEBUG)
#define RPOGUARD_SIM_SLOW
#endif

#ifdef RPOGUARD_SIM_SLOW
constexpr std::uint64_t kHoursPerProfile = 5;
#else
constexpr std::uint64_t kHoursPerProfile = 300;
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

// "3,17": those; nothing set: all.
std::optional<std::set<std::size_t>> faults_from_environment() {
  const char* text = std::getenv("RPOGUARD_SIM_FAULTS");
  if (text == nullptr) return std::nullopt;
  std::set<std::size_t> faults;
  std::istringstream in(text);
  for (std::string number; std::getline(in, number, ',');) faults.insert(std::stoul(number));
  return faults;
}

std::string list_of(const std::set<std::size_t>& faults) {
  std::string list;
  for (const std::size_t number : faults)
    list += (list.empty() ? "" : ",") + std::to_string(number);
  return list;
}

std::string report(const NamedProfile& named, std::uint64_t seed, const std::string& broken,
                   std::optional<std::set<std::size_t>> only) {
  std::string replay = "\nreplay: RPOGUARD_SIM_SEED=" + std::to_string(seed);
  Shrunk shrunk;
  if (only) {  // asked for just these: nothing is left out
    World world(seed, named.profile, {.traced = true, .faults = only});
    shrunk = {world.run().value_or(broken), *only, only->size(), world.trace()};
  } else {
    shrunk = shrink(
        [&](Replay how) { return std::make_unique<World>(seed, named.profile, std::move(how)); },
        broken);
  }
  return std::string(named.name) + ": " + shrunk.broken + replay +
         " RPOGUARD_SIM_FAULTS=" + list_of(shrunk.faults) + "  (of " + std::to_string(shrunk.of) +
         " faults; without the list: all)\n" + shrunk.trace;
}

void add(Tally& sum, const Tally& one) {
  sum.simulated += one.simulated;
  sum.evaluations += one.evaluations;
  sum.proofs_checked += one.proofs_checked;
  sum.open_checked += one.open_checked;
  sum.closed_seen += one.closed_seen;
  sum.rivals_checked += one.rivals_checked;
  sum.waived_seen += one.waived_seen;
  sum.waived_by_order += one.waived_by_order;
  sum.quiet_checked += one.quiet_checked;
  sum.commits_let_in += one.commits_let_in;
  sum.faults += one.faults;
  sum.promotions += one.promotions;
  sum.lossy_promotions += one.lossy_promotions;
  sum.restores += one.restores;
  sum.bootstrapped += one.bootstrapped;
  sum.archive_checked += one.archive_checked;
  sum.frontiers_checked += one.frontiers_checked;
  sum.freezes += one.freezes;
  sum.readmitted += one.readmitted;
  sum.losses += one.losses;
  sum.losses_told += one.losses_told;
  sum.longest_loss = std::max(sum.longest_loss, one.longest_loss);
}

void print(const char* name, std::uint64_t worlds, const Tally& tally) {
  const auto number = [](auto value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%s: %llu worlds, %.1f simulated hours, %llu evaluations, T checked %llu times, open gate "
      "%llu, quiet %llu, closed seen %llu, waived %llu (%llu by an operator), %llu commits let in, "
      "%llu faults, %llu promotions, %llu of them lossy, longest loss %s; bootstrapped %llu, T of "
      "the archive %llu, "
      "frontiers %llu, rivals %llu, restores %llu, freezes against a yes %llu, readmitted by marks "
      "%llu, lost WAL %llu, told %llu\n",
      name, number(worlds), core::to_seconds(tally.simulated) / 3600, number(tally.evaluations),
      number(tally.proofs_checked), number(tally.open_checked), number(tally.quiet_checked),
      number(tally.closed_seen), number(tally.waived_seen), number(tally.waived_by_order),
      number(tally.commits_let_in), number(tally.faults), number(tally.promotions),
      number(tally.lossy_promotions), core::render_duration(tally.longest_loss).c_str(),
      number(tally.bootstrapped), number(tally.archive_checked), number(tally.frontiers_checked),
      number(tally.rivals_checked), number(tally.restores), number(tally.freezes),
      number(tally.readmitted), number(tally.losses), number(tally.losses_told));
}

// Each kind of world is simulated in so many cases. Two of them share a range of seeds: the second
// begins where the first ends.
constexpr std::uint64_t kParts = 4;
constexpr std::uint64_t kSeedsApart = 500'000;

class Simulation : public ::testing::TestWithParam<std::uint64_t> {};

// Runs worlds until the hours of this part are full. A broken one is made small and told.
Tally simulate(const char* name, std::uint64_t part) {
  const NamedProfile* named = find_profile(name);
  EXPECT_NE(named, nullptr);
  const Profile& profile = named->profile;
  const auto only = number_from_environment("RPOGUARD_SIM_SEED");
  const auto hours = number_from_environment("RPOGUARD_SIM_HOURS").value_or(kHoursPerProfile);
  const auto only_faults = faults_from_environment();
  const Duration enough = std::chrono::minutes(hours * 60 / kParts);
  const auto worlds_each = static_cast<std::uint64_t>(enough / profile.length);
  const std::uint64_t first_seed =
      named->first_seed + part / 2 * kSeedsApart + part % 2 * worlds_each;
  Tally sum;
  std::uint64_t worlds = 0;
  std::uint64_t seed = only.value_or(first_seed);
  do {
    World world(seed, profile, {.faults = only_faults});
    const auto broken = world.run();
    add(sum, world.tally());
    ++worlds;
    if (broken) {
      ADD_FAILURE() << report(*named, seed, *broken, only_faults);
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

TEST_P(Simulation, faults_of_links_servers_and_sidecar_never_break_the_promise) {
  const Tally tally = simulate("faults", GetParam());
  EXPECT_GT(tally.open_checked, tally.closed_seen / 100);
  EXPECT_GT(tally.freezes, 0U);
  EXPECT_GT(tally.waived_by_order, 0U);
}

TEST_P(Simulation, an_idle_writer_is_judged_as_carefully_as_a_busy_one) {
  simulate("idle", GetParam());
}

TEST_P(Simulation, failovers_stamped_in_time_late_or_never_lose_at_most_the_rpo) {
  const Tally tally = simulate("failovers", GetParam());
  EXPECT_GT(tally.restores, 0U);
}

TEST_P(Simulation, timelines_as_epochs_never_confirm_two_writers) {
  const Tally tally = simulate("timelines", GetParam());
  EXPECT_GT(tally.rivals_checked, 0U);
}

TEST_P(Simulation, an_rpo_of_zero_is_kept_up_to_the_age_of_a_proof) {
  simulate("synchronous", GetParam());
}

TEST_P(Simulation, an_rpo_of_zero_is_kept_over_failovers) {
  simulate("synchronous_failovers", GetParam());
}

TEST_P(Simulation, equal_numbers_are_not_taken_for_equal_histories) {
  const Tally tally = simulate("histories", GetParam());
  EXPECT_GT(tally.readmitted, 0U);
  EXPECT_GT(tally.losses_told, 0U);
}

TEST_P(Simulation, the_archive_proves_only_what_it_holds) {
  const Tally tally = simulate("archive", GetParam());
  EXPECT_GT(tally.frontiers_checked, 0U);
  EXPECT_GT(tally.archive_checked, 0U);
}

INSTANTIATE_TEST_SUITE_P(Worlds, Simulation, ::testing::Range(std::uint64_t{0}, kParts),
                         [](const auto& part) {
                           return "part_" + std::to_string(part.param + 1) + "_of_" +
                                  std::to_string(kParts);
                         });

// An invariant that no core could keep: it breaks when a copy's replay stands still while too much
// is exposed. A pause of the replay and something that holds the copies up are all it takes.
std::unique_ptr<World> tripping(std::uint64_t seed, Replay how) {
  auto world = std::make_unique<World>(seed, Profile{}, std::move(how));
  world->also_judge = [](const core::ShardView& view) -> std::optional<std::string> {
    const bool paused = std::ranges::any_of(
        view.nodes, [](const core::NodeView& node) { return node.replay_paused.value_or(false); });
    const bool exceeded =
        std::ranges::find(view.gate.reasons, core::Reason::rpo_exceeded) != view.gate.reasons.end();
    return paused && exceeded ? std::optional("tripped") : std::nullopt;
  };
  return world;
}

TEST(Shrinking, leaves_the_few_faults_that_it_takes) {
  std::uint64_t seed = 1;
  while (seed < 1000 && tripping(seed, {})->run() != "tripped") ++seed;
  const auto make = [&](Replay how) { return tripping(seed, std::move(how)); };
  const Shrunk shrunk = shrink(make, "tripped");
  std::printf("seed %llu, %zu of %zu faults are left:\n%s", static_cast<unsigned long long>(seed),
              shrunk.faults.size(), shrunk.of, shrunk.trace.c_str());
  EXPECT_EQ(shrunk.broken, "tripped");
  EXPECT_LE(shrunk.faults.size(), 3U);
  EXPECT_LT(shrunk.faults.size(), shrunk.of);
  EXPECT_LE(std::ranges::count(shrunk.trace, '\n'), 60);
  // It replays.
  const auto again = make({.traced = true, .faults = shrunk.faults});
  EXPECT_EQ(again->run(), shrunk.broken);
  EXPECT_EQ(again->trace(), shrunk.trace);
}

}  // namespace
}  // namespace rpoguard::sim
