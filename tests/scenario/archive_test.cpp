// Every archive scenario on a real server, and one table: what was not archived, and what rpoguard
// said.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/scenario/archive_scenarios.hpp"
#include "tests/stack/region_pair.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kLookAgeMax = kArchiveLook + 2s;  // on a slow machine
constexpr core::Duration kHiddenAlarmMin = 4s;  // hidden for 15 s, of which 8 s are allowed
// Truth and answers are each read every 100 ms.
constexpr core::Duration kReadingError = 250ms;

struct Outcome {
  std::vector<ArchiveRow> rows;  // one for each source
  std::string failed;            // it did not come to rows
};

Outcome run_one(const ArchiveScenario& scenario) {
  try {
    ArchiveWorld world;
    scenario.run(world);
    return {world.finish(), ""};
  } catch (const std::exception& error) {
    return {{}, error.what()};
  }
}

// They mostly wait: all at once.
std::vector<Outcome> run_all(const std::vector<const ArchiveScenario*>& chosen) {
  std::vector<Outcome> outcomes(chosen.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < chosen.size(); ++i)
    threads.emplace_back([&, i] { outcomes[i] = run_one(*chosen[i]); });
  for (std::thread& each : threads) each.join();
  return outcomes;
}

bool blind(const ArchiveScenario& scenario, const std::string& source) {
  return scenario.archiver_lies && source == "postgres";
}

void print(const ArchiveScenario& scenario, const std::string& source, const ArchiveRow& row) {
  std::printf("%-16s %-9s %7s %7s %7s %7s %7s %7s %8s %5lld %6lld %7s  %s\n", scenario.name.c_str(),
              source.c_str(), render_seconds(row.truth_max).c_str(),
              render_seconds(row.above).c_str(), render_seconds(row.missed).c_str(),
              render_seconds(row.open_above).c_str(), render_seconds(row.false_alarm).c_str(),
              render_seconds(row.unknown).c_str(),
              row.delay ? render_seconds(*row.delay).c_str() : "-",
              static_cast<long long>(row.ahead_segments),
              static_cast<long long>(row.behind_segments), render_seconds(row.look_age_max).c_str(),
              blind(scenario, source) ? "a claim: it cannot see this" : "");
}

// The archiver's word is all that there is, and it is wrong. So it never is a copy that counts.
void expect_blind(const ArchiveRow& row, const std::string& strip) {
  EXPECT_GT(row.missed, core::Duration{0}) << strip;
  EXPECT_GT(row.ahead_segments, 0) << strip;
}

// All is archived, and that cannot be proven: not known is not healthy.
void expect_hidden(const ArchiveRow& row, const std::string& strip) {
  EXPECT_GE(row.false_alarm, kHiddenAlarmMin) << strip;
  EXPECT_GE(row.closed, kHiddenAlarmMin) << strip;
}

void expect_detected(const ArchiveRow& row, const std::string& strip) {
  ASSERT_TRUE(row.delay) << strip;
  EXPECT_LE(*row.delay, kReadingError) << strip;
}

void expect_few_alarms(const ArchiveScenario& scenario, const ArchiveRow& row,
                       const std::string& strip) {
  if (scenario.quiet) {
    EXPECT_LE(row.false_alarm + row.closed, core::Duration{0}) << strip;
  } else {
    EXPECT_LE(row.false_alarm, std::max({1, row.crossings, row.repairs}) * kArchiveAlarmMax)
        << strip;
  }
  if (!scenario.silence) {
    EXPECT_LE(row.unknown, core::Duration{0}) << strip;
  }
}

void expect_seen(const ArchiveScenario& scenario, const std::string& source, const ArchiveRow& row,
                 const std::string& strip) {
  EXPECT_LE(row.missed, core::Duration{0}) << strip;
  EXPECT_LE(row.open_above, core::Duration{0}) << strip;
  EXPECT_EQ(row.ahead_segments, 0) << strip;
  EXPECT_EQ(row.behind_segments, 0) << strip;
  if (row.above > core::Duration{0}) expect_detected(row, strip);
  if (scenario.breaches == true && !scenario.silence) {
    EXPECT_EQ(row.reason, "archive_too_old") << strip;
  }
  if (scenario.hidden && source != "postgres") return expect_hidden(row, strip);
  if (source != "postgres") {
    EXPECT_LE(row.look_age_max, kLookAgeMax) << strip;
  }
  expect_few_alarms(scenario, row, strip);
}

void expect_truthful(const ArchiveScenario& scenario, const std::string& source,
                     const ArchiveRow& row) {
  std::string strip = scenario.name + ", " + source + ": " + scenario.what + "\n";
  for (const std::string& line : row.strip) strip += "  " + line + "\n";
  EXPECT_GE(row.samples, 100) << strip;
  if (scenario.breaches) {
    EXPECT_EQ(row.above > core::Duration{0}, *scenario.breaches) << strip;
  }
  EXPECT_EQ(row.counted, source != "postgres") << strip;
  if (blind(scenario, source)) {
    expect_blind(row, strip);
  } else {
    expect_seen(scenario, source, row, strip);
  }
}

TEST(ArchiveScenarios, no_hole_is_ever_called_archived_and_nothing_archived_missing) {
  const char* only = std::getenv("RPOGUARD_ARCHIVE_SCENARIO");
  std::vector<const ArchiveScenario*> chosen;
  for (const ArchiveScenario& each : archive_scenarios()) {
    if (only == nullptr || each.name == only) chosen.push_back(&each);
  }
  ASSERT_FALSE(chosen.empty()) << "no archive scenario is called " << only;
  const std::vector<Outcome> outcomes = run_all(chosen);

  std::printf("%-16s %-9s %7s %7s %7s %7s %7s %7s %8s %5s %6s %7s\n", "scenario", "source", "truth",
              "above", "missed", "open", "false", "un-", "detected", "ahead", "behind", "look");
  std::printf("%-16s %-9s %7s %7s %7s %7s %7s %7s %8s %5s %6s %7s\n", "", "", "max s", "8 s", "s",
              "above s", "alarm s", "known s", "after s", "segm", "segm", "old s");
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    for (std::size_t source = 0; source < outcomes[i].rows.size(); ++source)
      print(*chosen[i], kArchiveSources.at(source), outcomes[i].rows[source]);
  }
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    EXPECT_EQ(outcomes[i].failed, "") << chosen[i]->name;
    for (std::size_t source = 0; source < outcomes[i].rows.size(); ++source)
      expect_truthful(*chosen[i], kArchiveSources.at(source), outcomes[i].rows[source]);
  }
}

}  // namespace
}  // namespace rpoguard::test
