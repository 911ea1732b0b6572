// The faults of the end-to-end test, in groups that have servers, an rpoguard and a pager of their
// own.
#pragma once

#include "tests/rules/pager.hpp"
#include "tests/stack/region_pair.hpp"

namespace rpoguard::test {

using FaultGroup = void (*)(AlertTable& table);

/// Each starts what it needs, plays its faults and ends. Throws when something does not start.
void lose_the_wan(AlertTable& table);
void fail_over_badly(AlertTable& table);
void break_promises(AlertTable& table);
void spoil_the_archive(AlertTable& table);
void disturb_rpoguard(AlertTable& table);
void spoil_certificates(AlertTable& table);
void disturb_neighbours(AlertTable& table);
/// What takes five minutes to fire, or more than a test can write.
void wait_for_the_slow(AlertTable& table);
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
