// Every alert, from a fault on real servers to the people who are told.
#include <cstdio>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/rules/faults.hpp"
#include "tests/rules/rule_files.hpp"

namespace rpoguard::test {
namespace {

class EndToEnd : public ::testing::TestWithParam<FaultChain> {};

TEST_P(EndToEnd, people_are_told_of_each_fault_and_of_its_end) {
  AlertTable table;
  GetParam().play(table);
  std::printf("Scrapes and rules every second.\n");
  table.print();
  EXPECT_EQ(table.alerts(), GetParam().alerts);
}

INSTANTIATE_TEST_SUITE_P(Faults, EndToEnd, ::testing::ValuesIn(fault_chains()),
                         [](const auto& chain) { return std::string(chain.param.name); });

TEST(EndToEndFaults, are_there_for_every_shipped_alert) {
  std::set<std::string> raised;
  for (const FaultChain& chain : fault_chains())
    raised.insert(chain.alerts.begin(), chain.alerts.end());
  std::set<std::string> shipped;
  for (const AlertRule& rule : shipped_rules().alerts)
    shipped.insert(rule.name + " " + rule.labels.at("severity"));
  EXPECT_EQ(raised, shipped);
}

}  // namespace
}  // namespace rpoguard::test
