// Every alert, from a fault on real servers to the people who are told.
#include <cstdio>
#include <exception>
#include <thread>

#include <gtest/gtest.h>

#include "tests/rules/faults.hpp"
#include "tests/rules/rule_files.hpp"

namespace rpoguard::test {
namespace {

// In threads that live as long as their servers: these end with the thread that started them.
void play_all(const std::vector<FaultGroup>& groups, AlertTable& table) {
  std::vector<std::thread> threads;
  for (const FaultGroup group : groups) {
    threads.emplace_back([group, &table] {
      try {
        group(table);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

std::set<std::string> shipped() {
  std::set<std::string> names;
  for (const AlertRule& rule : shipped_rules().alerts)
    names.insert(rule.name + " " + rule.labels.at("severity"));
  return names;
}

/// They have to last for five minutes or longer.
const std::set<std::string> kSlow = {
    "RPOGuardBackupTooOld warning",     "RPOGuardBurnAlertImpossible warning",
    "RPOGuardErrorBudgetBurn critical", "RPOGuardErrorBudgetBurn warning",
    "RPOGuardEtcdSlowDisk warning",     "RPOGuardEtcdSpaceLow warning",
    "RPOGuardSLOCoverageLow warning",   "RPOGuardShardMissing critical",
    "RPOGuardSlotLag warning"};

void print(const AlertTable& table) {
  std::printf("Scrapes and rules every second; 10 s of each time are group_wait.\n");
  table.print();
}

/// Of Patroni, etcd, HAProxy and PgBouncer; two more of them are slow.
const std::set<std::string> kNeighbours = {
    "RPOGuardEtcdNoLeader critical",      "RPOGuardHAProxyNoServer critical",
    "RPOGuardPatroniFailsafe warning",    "RPOGuardPatroniNoLeader critical",
    "RPOGuardPatroniPaused warning",      "RPOGuardPatroniStoreUnseen warning",
    "RPOGuardPatroniTwoLeaders critical", "RPOGuardPgBouncerClientsWait warning"};

TEST(EndToEnd, the_neighbours_alerts_reach_people_too) {
  AlertTable table;
  play_all({disturb_neighbours}, table);
  print(table);
  EXPECT_EQ(table.alerts(), kNeighbours);
}

TEST(EndToEnd, every_alert_reaches_people_after_its_fault_and_ends_with_it) {
  AlertTable table;
  play_all({lose_the_wan, fail_over_badly, break_promises, spoil_the_archive, disturb_rpoguard,
            spoil_certificates},
           table);
  print(table);
  std::set<std::string> all = table.alerts();
  all.insert(kNeighbours.begin(), kNeighbours.end());
  all.insert(kSlow.begin(), kSlow.end());
  EXPECT_EQ(all, shipped());
}

TEST(EndToEnd, so_does_every_alert_that_takes_five_minutes) {
  AlertTable table;
  play_all({wait_for_the_slow, burn_the_budget}, table);
  print(table);
  EXPECT_EQ(table.alerts(), kSlow);
}

}  // namespace
}  // namespace rpoguard::test
