// What befalls the servers of a shard and the ways between them.
#include <memory>
#include <stdexcept>

#include "tests/rules/faults.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/proxies.hpp"

namespace rpoguard::test {

using namespace std::chrono_literals;

void wait_until_open(const Rpoguard& rpoguard, const std::vector<std::string>& shards) {
  for (const std::string& shard : shards) {
    if (!opens(rpoguard, 90s, shard))
      throw std::runtime_error("the gate of " + shard + " stays closed: " + rpoguard.log());
  }
}

void write_wal(const Server& server, int megabytes) {
  server.exec(
      "select pg_logical_emit_message(false, 'test', repeat('x', 1000000)) from "
      "generate_series(1, " +
      std::to_string(megabytes) + ")");
}

namespace {

constexpr const char* kShadow = "gate: {mode: shadow}\n";

ShardConfig with_id(ShardConfig shard, const std::string& id, const std::string& extra) {
  shard.id = id;
  shard.extra = extra;
  return shard;
}

}  // namespace

// One pair of regions under several promises. A second copy keeps its region from being lost.
void lose_the_wan(AlertTable& table) {
  RegionPair pair("184", {.conf = {{"wal_receiver_timeout", "10s"}}});
  pair.cluster().add_standby({.name = "phx-b"});
  RpoguardConfig config = RegionPair::rpoguard_config({&pair});
  const ShardConfig linked = config.shards.front();
  const NodeConfig second{
      .name = "phx-b", .region = "phx", .port = pair.cluster().node("phx-b").port()};
  ShardConfig seen = linked;  // its node answers, but gets no WAL
  seen.nodes.back().port = pair.phx_a().port();
  seen.nodes.push_back(second);
  ShardConfig reader = seen;
  reader.nodes[2].extra = "durability_target: false";
  config.shards = {with_id(linked, "strict", ""),
                   with_id(linked, "slow", std::string("rpo: 24s\n") + kShadow),
                   with_id(seen, "two-copies", ""), with_id(reader, "reader", "")};
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  wait_until_open(rpoguard, {"strict", "slow", "two-copies", "reader"});
  const Pager pager({rpoguard.ops_port()});
  play(pager,
       {.what = "link between the regions cut, 110 MB written",
        .alerts = {{alert_of("RPOGuardGateClosed", "strict")},
                   {alert_of("RPOGuardNodeDown", "strict", {{"node", "phx-a"}})},
                   {alert_of("RPOGuardExposureHigh", "slow")},
                   {alert_of("RPOGuardRPOExceeded", "slow")},
                   {alert_of("RPOGuardFollowerReadsStale", "two-copies", {{"node", "phx-a"}})},
                   {alert_of("RPOGuardReplicaLagSeconds", "two-copies", {{"node", "phx-a"}})},
                   {alert_of("RPOGuardReplicaLagBytes", "two-copies", {{"severity", "critical"}})},
                   {alert_of("RPOGuardReplicaLagBytes", "reader", {{"severity", "warning"}})},
                   {alert_of("RPOGuardTooFewCopies", "two-copies")}},
        .inject =
            [&] {
              pair.cut_wan();
              // Only a commit can be late, and what follows it is none.
              pair.iad_a().exec("create table after_the_cut(n int)");
              write_wal(pair.iad_a(), 110);
            },
        .heal = [&] { pair.heal_wan(); }},
       table);
}

namespace {

/// A shard whose clients find the writer through a proxy, and its people.
struct ProxiedShard {
  RegionPair pair{};
  std::uint16_t way = free_port();
  HaProxy proxy{"frontend writer\n  mode tcp\n  bind 127.0.0.1:" + std::to_string(way) +
                "\n  default_backend writer\nbackend writer\n  mode tcp\n"
                "  server writer 127.0.0.1:" +
                std::to_string(pair.iad_a().port()) + "\n"};
  Rpoguard rpoguard{config()};
  std::unique_ptr<Pager> pager{};

  ProxiedShard() {
    rpoguard.wait_until_serving();
    wait_until_open(rpoguard, {"184"});
    pager = std::make_unique<Pager>(std::vector<std::uint16_t>{rpoguard.ops_port()});
  }

 private:
  RpoguardConfig config() const {
    RpoguardConfig result = RegionPair::rpoguard_config({&pair});
    result.shards.front().extra =
        "rto: 10s\nwriter_endpoint: {host: 127.0.0.1, port: " + std::to_string(way) +
        ", interval: 300ms, timeout: 250ms, ttl: 1500ms}\n";
    return result;
  }
};

}  // namespace

void misroute_clients(AlertTable& table) {
  ProxiedShard shard;
  play(*shard.pager,
       {.what = "proxy leads to a standby",
        .alerts = {{alert_of("RPOGuardEndpointMisrouted", "184")}},
        .inject = [&] { shard.proxy.lead("writer/writer", shard.pair.iad_b().port()); },
        .heal = [&] { shard.proxy.lead("writer/writer", shard.pair.iad_a().port()); }},
       table);
  play(*shard.pager,
       {.what = "writer killed",
        .alerts = {{alert_of("RPOGuardNoWriter", "184")}, {alert_of("RPOGuardRTOExceeded", "184")}},
        .inject = [&] { shard.pair.iad_a().kill9(); },
        .heal = [&] { shard.pair.iad_a().start(); }},
       table);
}

void fail_over_badly(AlertTable& table) {
  ProxiedShard shard;
  play(*shard.pager,
       {.what = "standby promoted beside the writer",
        .alerts = {{alert_of("RPOGuardSplitBrain", "184")}},
        .inject = [&] { shard.pair.phx_a().promote(); },
        .heal =
            [&] {
              shard.pair.stamp("phx", "phx-a");
              shard.proxy.lead("writer/writer", shard.pair.phx_a().port());
            }},
       table);
  play(*shard.pager,
       {.what = "old writer goes on after a promotion",
        .alerts = {{alert_of("RPOGuardStaleWriter", "184")},
                   {alert_of("RPOGuardNodeDiverged", "184")},
                   {alert_of("RPOGuardWaived", "184")},
                   {.labels = alert_of("RPOGuardEpochDisagreement", "184"),
                    .wanted = Wanted::silenced}},
        .inject = [&] { write_wal(shard.pair.iad_a(), 1); },
        .heal =
            [&] {
              shard.pair.iad_a().reseed(
                  {.port = shard.pair.phx_a().port(), .application_name = "iad-a"});
            }},
       table);
}

namespace {

/// A setting of the server for good; ALTER SYSTEM stands alone.
void alter_system(const Server& server, const std::string& change) {
  Session session = server.connect();
  session.rows("alter system " + change);
  session.rows("select pg_reload_conf()");
}

/// Until the server takes no more.
std::vector<Session> all_connections(const Server& server) {
  std::vector<Session> sessions;
  try {
    for (;;) sessions.push_back(server.connect());
  } catch (const SqlError&) {
    return sessions;
  }
}

}  // namespace

void break_promises(AlertTable& table) {
  RegionPair pair("184", {.conf = {{"max_connections", "40"}}});
  pair.cluster().set_synchronous("phx-a");
  JsonServer map(R"({"generation":12})");
  RpoguardConfig config = RegionPair::rpoguard_config({&pair});
  const std::string witness =
      "rpo: 0s\ngeneration: {url: \"" + map.url() +
      "\", pointer: /generation}\nwitness: {interval: 300ms, timeout: 250ms, ttl: 1s}\n";
  const ShardConfig known = config.shards.front();
  ShardConfig hidden = known;  // nobody listens where its copy should be
  hidden.nodes.back().port = free_port();
  config.shards = {with_id(known, "184", witness)};
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  wait_until_open(rpoguard, {"184"});
  const Pager pager({rpoguard.ops_port()});
  std::vector<Session> sessions;
  play(pager,
       {.what = "connections used up, slots without a reader, copy and witness never answer",
        .alerts = {{alert_of("RPOGuardConnectionsNearLimit", "184", {{"node", "iad-a"}})},
                   {alert_of("RPOGuardSlotNearlyLost", "184", {{"slot", "gone"}})},
                   {alert_of("RPOGuardSlotLost", "184", {{"slot", "lost"}})},
                   {alert_of("RPOGuardExposureUnknown", "hidden")},
                   {alert_of("RPOGuardWitnessSilent", "184")}},
        .inject =
            [&] {
              config.shards.push_back(with_id(hidden, "hidden", kShadow));
              rpoguard.write_config(config);
              rpoguard.sighup();
              map.fall_silent();
              alter_system(pair.iad_a(), "set max_slot_wal_keep_size = '64MB'");
              pair.iad_a().exec("select pg_create_physical_replication_slot('lost', true)");
              write_wal(pair.iad_a(), 15);
              pair.iad_a().exec("checkpoint");  // from where a slot reserves
              pair.iad_a().exec("select pg_create_physical_replication_slot('gone', true)");
              write_wal(pair.iad_a(), 55);
              pair.iad_a().exec("checkpoint");  // the moment at which slots are lost
              // The new shard has to have its own, or nothing would be seen.
              if (!eventually(30s, [&] {
                    return rpoguard
                        .metric("rpoguard_connections_limit",
                                {{"shard", "hidden"}, {"node", "iad-a"}})
                        .has_value();
                  }))
                throw std::runtime_error("no new shard: " + rpoguard.log());
              sessions = all_connections(pair.iad_a());
            },
        .heal =
            [&] {
              sessions.clear();
              pair.iad_a().exec("select pg_drop_replication_slot('gone')");
              pair.iad_a().exec("select pg_drop_replication_slot('lost')");
              map.say(R"({"generation":12})");
              config.shards.back() = with_id(known, "hidden", kShadow);
              rpoguard.write_config(config);
              rpoguard.sighup();
            }},
       table);
  play(pager,
       {.what = "synchronous_standby_names emptied",
        .alerts = {{alert_of("RPOGuardSynchronousDowngraded", "184")}},
        .inject = [&] { alter_system(pair.iad_a(), "set synchronous_standby_names = ''"); },
        .heal = [&] { alter_system(pair.iad_a(), "reset synchronous_standby_names"); }},
       table);
  // Both shards have their copy there: two nodes, and it is a region.
  play(pager,
       {.what = "only server of the region killed",
        .alerts = {{alert_of("RPOGuardRegionLost", "184")},
                   {alert_of("RPOGuardRegionLost", "hidden")}},
        .inject = [&] { pair.phx_a().kill9(); },
        .heal = [&] { pair.phx_a().start(); }},
       table);
}

}  // namespace rpoguard::test
