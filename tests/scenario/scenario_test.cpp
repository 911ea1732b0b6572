// Every scenario on real servers, and one table: what was at risk, and what rpoguard said.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/scenario/scenarios.hpp"
#include "tests/stack/region_pair.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

// Found within a look and the way there and back; said early by no more than that.
constexpr core::Duration kEarlyMax = kScenarioInterval + 500ms;
// Truth and answers are each read at steps of tens of milliseconds.
constexpr core::Duration kMainReadingError = 150ms;

struct MainOutcome {
  TableRow row;
  std::string failed;  ///< it did not come to a row
};

MainOutcome run_one(const Scenario& scenario) {
  try {
    World world(scenario.options);
    scenario.run(world);
    return {world.finish(scenario.both_answer), ""};
  } catch (const std::exception& error) {
    return {{}, error.what()};
  }
}

// They mostly wait: several at a time on each core.
std::vector<MainOutcome> run_all(const std::vector<const Scenario*>& chosen) {
  std::vector<MainOutcome> outcomes(chosen.size());
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  const std::size_t at_once = std::max(2U, 2 * std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < std::min(at_once, chosen.size()); ++i) {
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < chosen.size(); at = next++)
        outcomes[at] = run_one(*chosen[at]);
    });
  }
  for (std::thread& each : threads) each.join();
  return outcomes;
}

void print(const Scenario& scenario, const TableRow& row) {
  std::printf("%-17s %8s %8s %7s %7s %7s %9s %8s %8s\n", scenario.name.c_str(),
              render_seconds(row.truth_max).c_str(), render_seconds(row.above).c_str(),
              render_seconds(row.missed).c_str(), render_seconds(row.false_alarm).c_str(),
              render_seconds(row.unprovable).c_str(),
              row.delay ? render_seconds(*row.delay).c_str() : "-",
              render_seconds(row.error_max).c_str(), render_seconds(row.open_above).c_str());
}

void expect_truthful(const Scenario& scenario, const TableRow& row) {
  std::string strip = scenario.name + ": " + scenario.what + "\n";
  for (const std::string& line : row.strip) strip += "  " + line + "\n";
  EXPECT_GE(row.samples, 100) << strip;
  if (scenario.breaches) {
    EXPECT_EQ(row.above > core::Duration{0}, *scenario.breaches) << strip;
  }
  EXPECT_LE(row.missed, core::Duration{0}) << strip;
  EXPECT_LE(row.open_above, core::Duration{0}) << strip;
  const core::Duration early = std::max(1, row.crossings) * kEarlyMax;
  if (scenario.unflushed) {
    EXPECT_GT(row.false_alarm, core::Duration{0}) << strip;
  } else {
    EXPECT_LE(row.false_alarm, scenario.quiet ? core::Duration{0} : early) << strip;
  }
  if (scenario.both_answer) {
    EXPECT_LE(row.unprovable, core::Duration{0}) << strip;
  }
  if (row.delay) {
    EXPECT_LE(*row.delay, kMainReadingError) << strip;
  }
  if (scenario.both_answer && !scenario.unflushed) {
    EXPECT_LE(row.lead, kEarlyMax + row.stall) << strip;
  }
}

constexpr std::size_t kScenarioParts = 6;

bool is_chosen(const Scenario& scenario, const char* only) {
  return only == nullptr || scenario.name == only;
}

// The rows of one part: every sixth, so that the long ones are spread.
std::vector<const Scenario*> rows_of(std::size_t part, const char* only) {
  std::vector<const Scenario*> rows;
  for (std::size_t i = part; i < scenarios().size(); i += kScenarioParts) {
    if (is_chosen(scenarios()[i], only)) rows.push_back(&scenarios()[i]);
  }
  return rows;
}

class Scenarios : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Scenarios, nothing_at_risk_is_ever_called_safe_and_nothing_safe_at_risk) {
  const char* only = std::getenv("RPOGUARD_SCENARIO");
  ASSERT_TRUE(
      std::ranges::any_of(scenarios(), [&](const Scenario& each) { return is_chosen(each, only); }))
      << "no scenario is called " << only;
  const std::vector<const Scenario*> chosen = rows_of(GetParam(), only);
  const std::vector<MainOutcome> outcomes = run_all(chosen);

  std::printf("%-17s %8s %8s %7s %7s %7s %9s %8s %8s\n", "scenario", "truth", "above", "missed",
              "false", "unprov-", "detected", "largest", "open");
  std::printf("%-17s %8s %8s %7s %7s %7s %9s %8s %8s\n", "", "max s", "RPO s", "s", "alarm s",
              "able s", "after s", "error s", "above s");
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (outcomes[i].failed.empty()) print(*chosen[i], outcomes[i].row);
  }
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (!outcomes[i].failed.empty()) {
      ADD_FAILURE() << chosen[i]->name << ": " << outcomes[i].failed;
    } else {
      expect_truthful(*chosen[i], outcomes[i].row);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, Scenarios, ::testing::Range(std::size_t{0}, kScenarioParts),
                         [](const auto& part) {
                           return "part_" + std::to_string(part.param + 1) + "_of_" +
                                  std::to_string(kScenarioParts);
                         });

}  // namespace
}  // namespace rpoguard::test
