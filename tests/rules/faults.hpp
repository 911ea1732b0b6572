// The faults of the end-to-end test, in chains that have servers, an rpoguard and a pager of their
// own.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/rules/pager.hpp"
#include "tests/stack/region_pair.hpp"

namespace rpoguard::test {

/// Faults that befall the same servers, one after the other or at once.
struct FaultChain {
  const char* name;
  /// Starts what it needs, plays its faults and ends. Throws when something does not start.
  void (*play)(AlertTable& table);
  std::set<std::string> alerts;  ///< "NAME SEVERITY" of each that it raises
};

/// All of them: every shipped alert is in one.
const std::vector<FaultChain>& fault_chains();

void lose_the_wan(AlertTable& table);
void misroute_clients(AlertTable& table);
void fail_over_badly(AlertTable& table);
void lose_the_past(AlertTable& table);
void break_promises(AlertTable& table);
void spoil_the_archive(AlertTable& table);
void disorder_rpoguard(AlertTable& table);
void stop_rpoguard(AlertTable& table);
void spoil_certificates(AlertTable& table);
void disturb_proxies(AlertTable& table);
void lose_the_store(AlertTable& table);
void lose_the_leader(AlertTable& table);
void remove_a_shard(AlertTable& table);
void replay_what_is_slow(AlertTable& table);
void burn_the_budget(AlertTable& table);

/// "alertname" of a shard.
inline Labels alert_of(const std::string& name, const std::string& shard, Labels more = {}) {
  more.insert({{"alertname", name}, {"shard", shard}});
  return more;
}

/// Waits until every gate that enforces is open, and all shards have been judged.
void wait_until_open(const Rpoguard& rpoguard, const std::vector<std::string>& shards);

/// Commits `megabytes` of WAL. None of it is data.
void write_wal(const Server& server, int megabytes);

}  // namespace rpoguard::test
