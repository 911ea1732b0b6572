// The rules for the neighbours name what the real daemons export.
#include <map>
#include <regex>
#include <set>

#include "tests/rules/rule_files.hpp"
#include "tests/stack/patroni_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/monitoring.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// Metrics of the neighbours in the rules and in their promtool tests, with the labels they use.
std::map<std::string, std::set<std::string>> named_metrics() {
  static const std::regex series(
      R"re(\b((?:patroni|etcd|haproxy|pgbouncer)_[a-z_0-9]+)(\{([^}]*)\})?)re");
  static const std::regex label(R"re(([a-z_]+)=~?")re");
  std::map<std::string, std::set<std::string>> metrics;
  const auto add = [&](const std::string& text) {
    for (std::sregex_iterator it(text.begin(), text.end(), series); it != std::sregex_iterator();
         ++it) {
      std::set<std::string>& labels = metrics[(*it)[1]];
      const std::string braces = (*it)[3];
      for (std::sregex_iterator l(braces.begin(), braces.end(), label); l != std::sregex_iterator();
           ++l) {
        if ((*l)[1] != "job" && (*l)[1] != "instance") labels.insert((*l)[1]);
      }
    }
  };
  for (const AlertRule& alert : read_rules(files_in("rules", "neighbours.rules.yml").at(0)).alerts)
    add(alert.expr);
  for (const PromtoolCase& test : promtool_cases()) {
    if (!test.file.ends_with("neighbours_test.yml")) continue;
    for (const std::string& text : test.series) add(text);
  }
  return metrics;
}

/// Read by Prometheus itself: Patroni's page has blanks that our own parser refuses.
void expect_exported(std::uint16_t port, const std::string& prefix) {
  const Prometheus prometheus({.scrape_port = port});
  ASSERT_TRUE(eventually(60s, [&] { return prometheus.value("up") == 1.0; })) << prometheus.log();
  std::size_t found = 0;
  for (const auto& [name, labels] : named_metrics()) {
    if (!name.starts_with(prefix)) continue;
    ++found;
    const std::vector<Sample> samples = prometheus.query(name);
    ASSERT_FALSE(samples.empty()) << "the daemon does not export " << name;
    for (const std::string& label : labels)
      EXPECT_TRUE(samples.front().labels.contains(label)) << name << " has no label " << label;
  }
  EXPECT_GT(found, 0U);
}

TEST(Neighbours, patroni_and_etcd_export_what_the_rules_ask) {
  const Etcd etcd;
  const PatroniNode leader("iad-a", "iad", etcd);
  leader.wait_until("/primary");
  expect_exported(leader.rest_port(), "patroni_");
  expect_exported(etcd.port(), "etcd_");
}

// What 4.0 and 4.1 kept of the names; 4.x is in no package of Debian 12.
TEST(Neighbours, patroni_metrics_are_those_that_no_version_renamed) {
  const std::set<std::string> kept = {"patroni_primary", "patroni_standby_leader",
                                      "patroni_is_paused", "patroni_failsafe_mode_is_active",
                                      "patroni_dcs_last_seen"};
  for (const auto& [name, labels] : named_metrics()) {
    if (!name.starts_with("patroni_")) continue;
    EXPECT_TRUE(kept.contains(name)) << name;
    EXPECT_EQ(labels, std::set<std::string>{"scope"}) << name << ": 3.0 has no other label";
  }
}

TEST(Neighbours, a_real_haproxy_without_a_server_pages) {
  const std::uint16_t port = free_port();
  const HaProxy proxy("frontend metrics\n  mode http\n  bind 127.0.0.1:" + std::to_string(port) +
                      "\n  http-request use-service prometheus-exporter if { path /metrics }\n"
                      "backend writer\n  mode tcp\n"
                      "  server iad-a 127.0.0.1:1 check inter 100ms fall 1\n");
  expect_exported(port, "haproxy_");
  const Alertmanager alertmanager;
  const Prometheus prometheus({.scrape_port = port,
                               .rule_files = files_in("rules", "neighbours.rules.yml"),
                               .alertmanager_port = alertmanager.port()});
  EXPECT_TRUE(eventually(60s, [&] {
    for (Labels& alert : alertmanager.alerts("active")) {
      if (alert["alertname"] == "RPOGuardHAProxyNoServer" && alert["proxy"] == "writer")
        return true;
    }
    return false;
  })) << prometheus.log();
}

// PgBouncer has no page of its own; its exporter reads this column.
TEST(Neighbours, pgbouncer_tells_for_how_long_its_clients_have_waited) {
  const PgBouncer pgbouncer(1);
  const CommandResult pools =
      run_command({.argv = {"psql", "-X", "-v", "ON_ERROR_STOP=1", "-d",
                            "host=127.0.0.1 port=" + std::to_string(pgbouncer.port()) +
                                " dbname=pgbouncer user=postgres",
                            "-c", "show pools"}});
  EXPECT_EQ(pools.exit_code, 0) << pools.output;
  EXPECT_NE(pools.output.find(" maxwait "), std::string::npos) << pools.output;
}

}  // namespace
}  // namespace rpoguard::test
