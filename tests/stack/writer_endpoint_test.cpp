// The way that clients take to the writer: a real HAProxy and a real PgBouncer that lead elsewhere.
#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/proxies.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// A shard, a way to its writer, and rpoguard, which watches that way and commits there.
struct WatchedWay {
  RegionPair shard;
  std::unique_ptr<Rpoguard> rpoguard;

  void watch(std::uint16_t port) {
    apply_sql_command(shard.iad_a(), {"--with-canary"});
    RpoguardConfig config = RegionPair::rpoguard_config({&shard});
    config.shards.front().extra =
        "writer_endpoint: {host: 127.0.0.1, port: " + std::to_string(port) +
        ", canary: true, interval: 300ms, timeout: 250ms, ttl: 1500ms}\n";
    rpoguard = std::make_unique<Rpoguard>(config);
    rpoguard->wait_until_serving();
    opens();
  }
  void opens() const {
    EXPECT_TRUE(test::opens(*rpoguard)) << trouble();
    EXPECT_TRUE(eventually(5s, [&] { return on_writer() == 1 && canary_seconds() > 0; }))
        << trouble();
  }
  /// With the note about the way, for as long as nothing changes.
  void stays_closed(const std::string& note) const {
    const auto misrouted = [&] { return rpoguard->gate_reason("184") == "endpoint_misrouted"; };
    EXPECT_TRUE(eventually(10s, misrouted)) << trouble();
    EXPECT_TRUE(holds_for(2s, misrouted)) << trouble();
    EXPECT_NE(trouble().find(note), std::string::npos) << trouble();
  }
  std::optional<double> on_writer() const {
    return rpoguard->metric("rpoguard_endpoint_on_writer",
                            {{"shard", "184"}, {"endpoint", "writer"}});
  }
  std::optional<double> canary_seconds() const {
    return rpoguard->metric("rpoguard_endpoint_commit_seconds",
                            {{"shard", "184"}, {"endpoint", "writer"}});
  }
  std::string trouble() const {
    const auto seen = rpoguard->ops_json("/api/v1/view").at("shards").at(0);
    return seen.at("gate").dump() + "\n" + seen.at("endpoint").dump();
  }
};

/// Port 5000 of the usual set-up: TCP to one server.
std::string writer_section(std::uint16_t port, const Server& writer) {
  return "listen writer\n  mode tcp\n  bind 127.0.0.1:" + std::to_string(port) +
         "\n  server main 127.0.0.1:" + std::to_string(writer.port()) + "\n";
}

TEST(WriterEndpoint, a_proxy_switched_to_a_standby_or_to_nothing_closes_the_gate_until_it_is_back) {
  WatchedWay way;
  const std::uint16_t port = free_port();
  HaProxy proxy(writer_section(port, way.shard.iad_a()));
  way.watch(port);
  proxy.lead("writer/main", way.shard.iad_b().port());
  way.stays_closed("it leads to a standby");
  EXPECT_EQ(way.on_writer(), 0);
  proxy.lead("writer/main", way.shard.iad_a().port());
  way.opens();
  // In maintenance HAProxy takes connections and closes them.
  proxy.command("disable server writer/main;show info");
  way.stays_closed("connection_lost");
  EXPECT_FALSE(way.on_writer().has_value()) << "nobody can say";
  proxy.command("enable server writer/main;show info");
  way.opens();
}

TEST(WriterEndpoint, a_proxy_that_stays_with_the_old_writer_keeps_the_new_ones_gate_closed) {
  WatchedWay way;
  const std::uint16_t port = free_port();
  HaProxy proxy(writer_section(port, way.shard.iad_a()));
  way.watch(port);
  way.shard.fail_over();
  way.stays_closed("it leads to another server");
  EXPECT_EQ(way.on_writer(), 0);
  const auto refusal = way.rpoguard->gate("/gate/184");
  EXPECT_EQ(refusal->headers.at("rpoguard-writer"), "phx-a");
  proxy.lead("writer/main", way.shard.phx_a().port());
  way.opens();
  EXPECT_EQ(way.rpoguard->gate("/gate/184")->headers.at("rpoguard-epoch"), "2");
}

TEST(WriterEndpoint, a_pooler_in_transaction_mode_is_looked_through_and_left_as_it_was) {
  WatchedWay way;
  PgBouncer pooler(way.shard.iad_a().port());
  way.watch(pooler.port());
  // All of rpoguard's looks and this client share one server connection.
  Session client = pooler.connect("postgres", "rpoguard");
  const auto counter = [&] {
    return std::stoll(way.shard.iad_a().query("select max(counter) from rpoguard.canary").value());
  };
  const auto first = counter();
  EXPECT_TRUE(eventually(20s, [&] {
    const auto settings = client.rows(
        "select current_setting('lock_timeout'), current_setting('statement_timeout')"
        ", current_setting('default_transaction_read_only'), current_setting('search_path')");
    EXPECT_EQ(settings, (std::vector<SqlRow>{{"0", "0", "off", "\"$user\", public"}}));
    EXPECT_EQ(client.value("select count(*) from pg_prepared_statements"), "0");
    return counter() > first + 10;
  }));
  EXPECT_TRUE(way.rpoguard->gate_open("184"));
  EXPECT_EQ(pooler.log().find("unsupported"), std::string::npos) << pooler.log();
  EXPECT_EQ(way.shard.iad_a().query("select count(*) from pg_stat_activity where usename = "
                                    "'rpoguard' and state = 'idle in transaction'"),
            "0");

  way.shard.fail_over();
  way.stays_closed("it leads to another server");
  pooler.lead(way.shard.phx_a().port());
  way.opens();
  EXPECT_EQ(pooler.connect("postgres", "rpoguard")
                .value("select writer_region from "
                       "rpoguard.cluster_state"),
            "phx");
}

}  // namespace
}  // namespace rpoguard::test
