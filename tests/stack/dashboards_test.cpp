// Every query of the shipped dashboards, asked of a real Prometheus that scrapes the real program,
// while a region is lost, its copy is promoted, and the old writer comes back.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/dashboards/shipped.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/monitoring.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/proxies.hpp"
#include "tests/support/replaced.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
using dashboards::Dashboard;
using dashboards::Panel;
using dashboards::Target;
using nlohmann::json;

long unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool is_number(const json& sample) {
  return sample.at(1) != "NaN";
}

/// What Prometheus answered: its complaint, or how many series have a number in them.
struct Answer {
  std::string error;
  std::size_t series = 0;
};

Answer read_answer(const json& answer) {
  if (answer.value("status", "") != "success") return {answer.dump(), 0};
  std::size_t series = 0;
  for (const json& result : answer["data"]["result"]) {
    const json samples =
        result.contains("values") ? result["values"] : json::array({result["value"]});
    if (std::any_of(samples.begin(), samples.end(), is_number)) ++series;
  }
  return {"", series};
}

/// Shard 184 with all that may be configured, and 185: the same servers under the promise that
/// nothing at all is lost, which they do not keep.
class Dashboards : public testing::Test {
 protected:
  Dashboards()
      : shard_("184", {.archiving = true, .conf = {{"max_slot_wal_keep_size", "64MB"}}}),
        shard_map_(R"({"generation": 12})"),
        port_(free_port()),
        proxy_("listen writer\n  mode tcp\n  bind 127.0.0.1:" + std::to_string(port_) +
               "\n  server main 127.0.0.1:" + std::to_string(shard_.iad_a().port()) + "\n"),
        rpoguard_(config()) {
    rpoguard_.wait_until_serving();
    prometheus_ = std::make_unique<Prometheus>(
        PrometheusOptions{.scrape_port = rpoguard_.ops_port(),
                          .rule_files = {RPOGUARD_SOURCE_DIR "/rules/*.rules.yml"}});
  }

  RpoguardConfig config() {
    apply_sql_command(shard_.iad_a(), {"--with-canary"});
    RpoguardConfig config = RegionPair::rpoguard_config({&shard_, &shard_});
    config.shards[0].extra =
        "archive: {source: directory, directory: " + shard_.cluster().archive_dir() +
        ", interval: 1s}\n"
        "generation: {url: \"" +
        shard_map_.url() +
        "\", pointer: /generation}\n"
        "writer_endpoint: {host: 127.0.0.1, port: " +
        std::to_string(port_) + ", canary: true, interval: 1s, timeout: 800ms, ttl: 6s}\n";
    config.shards[1].id = "185";
    config.shards[1].extra = "rpo: 0s\n";
    return config;
  }

  /// The query as Grafana sends it, over all of the time since the start.
  json ask(const std::string& expr, bool instant, const std::string& shard) const {
    const long now = unix_now();
    const std::string query = filled(expr, shard, now);
    if (instant) return prometheus_->ask("query", {{"query", query}});
    return prometheus_->ask("query_range", {{"query", query},
                                            {"start", std::to_string(start_)},
                                            {"end", std::to_string(now)},
                                            {"step", "1"}});
  }
  std::string filled(const std::string& expr, const std::string& shard, long now) const {
    const long range = std::max(now - start_, 60L);
    return replaced(expr, {{"$__rate_interval", "10s"},
                           {"$__range", std::to_string(range) + "s"},
                           {"$job", ".+"},
                           {"$instance", ".+"},
                           {"$shard", shard}});
  }
  static std::string shard_of(const Dashboard& dashboard) {
    return dashboard.uid == "rpoguard-fleet" ? ".+" : "184";
  }

  /// "dashboard / panel / query" of all that show no number at this moment.
  std::set<std::string> without_data(const std::string& shard = "184") const {
    std::set<std::string> empty;
    for (const Dashboard& dashboard : shipped_) {
      for (const Panel& panel : dashboard.panels) {
        for (const Target& target : panel.targets) {
          const auto name =
              dashboard.title + " / " + panel.title + " / " + std::to_string(target.index);
          const bool fleet = dashboard.uid == "rpoguard-fleet";
          const Answer answer = read_answer(ask(target.expr, target.instant, fleet ? ".+" : shard));
          EXPECT_EQ(answer.error, "") << name;
          if (answer.series == 0) empty.insert(name);
        }
      }
    }
    return empty;
  }

  /// What a single query of a panel shows, by the value of that label.
  std::map<std::string, double> shown(const std::string& uid, const std::string& title,
                                      std::size_t index, const std::string& label) const {
    std::map<std::string, double> values;
    for (const Dashboard& dashboard : shipped_) {
      if (dashboard.uid != uid) continue;
      for (const Panel& panel : dashboard.panels) {
        if (panel.title != title) continue;
        const json answer =
            ask(panel.targets.at(index).expr, true, uid == "rpoguard-fleet" ? ".+" : "184");
        for (const json& one : answer.at("data").at("result"))
          values[one["metric"].value(label, "")] = std::stod(one["value"][1].get<std::string>());
      }
    }
    return values;
  }
  double number(const std::string& title, std::size_t index) const {
    return shown("rpoguard-failover", title, index, "").at("");
  }

  /// Up to the moment at which rpoguard and Prometheus have seen the old writer again.
  void lose_the_region_and_fail_over() {
    // What is over before the next scrape has never been: each step waits until Prometheus saw it.
    shard_.cut_wan();
    closes("rpo_exceeded");
    ASSERT_TRUE(eventually(20s, [&] {
      return !without_data().contains("RPOGuard / Shard / Budget left and time to exhaustion / 1");
    }));
    shard_.iad_a().kill9();
    shard_.iad_b().kill9();
    shard_.heal_wan();
    closes("no_writer");
    ASSERT_TRUE(eventually(20s, [&] { return number("Writes back after", 0) > 0; }));
    shard_.fail_over();
    proxy_.lead("writer/main", shard_.phx_a().port());
    ASSERT_TRUE(opens(rpoguard_)) << rpoguard_.gate_reason("184");
    shard_.iad_a().start();
    ASSERT_TRUE(eventually(30s, [&] {
      return shown("rpoguard-shard", "Node states", 0, "node")["iad-a"] == kStaleWriter;
    })) << rpoguard_.log();
  }
  void closes(const std::string& reason) const {
    ASSERT_TRUE(eventually(20s, [&] { return rpoguard_.gate_reason("184") == reason; }))
        << rpoguard_.log();
  }

  static constexpr double kWriter = 2;  // of the lanes of "Node states"
  static constexpr double kStaleWriter = 5;

  const std::vector<Dashboard> shipped_ =
      dashboards::load_dashboards(RPOGUARD_SOURCE_DIR "/dashboards");
  RegionPair shard_;
  JsonServer shard_map_;
  std::uint16_t port_;
  HaProxy proxy_;
  Rpoguard rpoguard_;
  std::unique_ptr<Prometheus> prometheus_;
  const long start_ = unix_now();
};

/// What has nothing to show while all is well: the shard does not promise RPO 0, the exposure does
/// not grow, nothing failed.
const std::set<std::string> kOnlyInTrouble{
    "RPOGuard / Shard / Agreement / 6",
    "RPOGuard / Shard / Budget left and time to exhaustion / 1",
    "RPOGuard / Shard / Failed probes / 0",
    "RPOGuard / Shard / Write outage / 1",
    "RPOGuard / Shard / Openings and closings / 0",
    "RPOGuard / Shard / Why the gate refuses / 0"};

std::set<std::string> without(std::set<std::string> some, const std::set<std::string>& others) {
  std::erase_if(some, [&](const std::string& one) { return others.contains(one); });
  return some;
}
std::set<std::string> in_both(std::set<std::string> some, const std::set<std::string>& others) {
  std::erase_if(some, [&](const std::string& one) { return !others.contains(one); });
  return some;
}
std::set<std::string> without_review(std::set<std::string> some) {
  std::erase_if(some,
                [](const std::string& one) { return one.starts_with("RPOGuard / Failover"); });
  return some;
}

TEST_F(Dashboards, every_query_has_data_in_health_or_in_trouble_and_the_review_after_a_failover) {
  using testing::PrintToString;
  ASSERT_TRUE(opens(rpoguard_, 30s));
  shard_.iad_a().exec("create table t(n int)");
  shard_.iad_a().exec("select pg_switch_wal()");
  std::set<std::string> empty;
  const auto healthy_ones_show = [&] {
    empty = without_review(without_data());
    return without(empty, kOnlyInTrouble).empty();
  };
  EXPECT_TRUE(eventually(60s, healthy_ones_show, 1s)) << PrintToString(empty);
  std::set<std::string> never = in_both(empty, without_data("185"));
  const auto rank = shown("rpoguard-fleet", "Shards, worst first", 0, "shard");
  EXPECT_GE(rank.at("185"), 2) << "its gate is closed";
  EXPECT_LT(rank.at("184"), rank.at("185"));

  lose_the_region_and_fail_over();
  const auto all_have_shown = [&] {
    empty = without_data();
    const std::set<std::string> review = without(empty, without_review(empty));
    return in_both(never, empty).empty() &&
           without(review, {"RPOGuard / Failover review / Agreement / 6"}).empty();
  };
  EXPECT_TRUE(eventually(60s, all_have_shown, 1s)) << PrintToString(empty);
  EXPECT_EQ(number("Epoch", 0), 1);
  EXPECT_EQ(number("Epoch", 1), 2);
  EXPECT_GT(number("Writes back after", 1), 0);
  EXPECT_GT(number("Gate closed for", 0), 0);
  EXPECT_TRUE(eventually(20s, [&] { return number("RPO waived for", 0) > 0; }));
  EXPECT_GT(number("Largest amount at risk", 0), 3) << "the gate closed for it";
  EXPECT_TRUE(eventually(20s, [&] {
    return shown("rpoguard-failover", "Node states", 0, "node")["phx-a"] == kWriter;
  }));

  for (const Dashboard& dashboard : shipped_) {
    for (const json& mark : dashboard.json.at("annotations").at("list")) {
      const Answer answer = read_answer(ask(mark.at("expr"), false, "184"));
      EXPECT_EQ(answer.error, "") << dashboard.title << " / " << mark.at("name");
      EXPECT_GT(answer.series, 0U) << dashboard.title << " / " << mark.at("name");
    }
    for (const json& variable : dashboard.json.at("templating").at("list")) {
      const auto series = dashboards::variable_series(variable);
      if (!series) continue;
      const json answer =
          prometheus_->ask("label/" + variable.at("name").get<std::string>() + "/values",
                           {{"match[]", filled(*series, ".+", unix_now())}});
      EXPECT_FALSE(answer.at("data").empty()) << dashboard.title << " / " << variable.at("name");
    }
  }
}

}  // namespace
}  // namespace rpoguard::test
