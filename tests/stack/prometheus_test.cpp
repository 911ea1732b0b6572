// What Prometheus and Alertmanager make of the real metrics page and the shipped rules.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/cluster.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/monitoring.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {
namespace {

using std::chrono::seconds;

std::vector<std::string> shipped_rules() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(RPOGUARD_SOURCE_DIR "/rules")) {
    const std::string path = entry.path();
    if (path.ends_with(".rules.yml")) files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// A shard whose remote copy is healthy, and one whose remote copy does not exist.
class Monitored : public testing::Test {
 protected:
  Monitored() {
    cluster_.add_standby({.name = "phx-a"});
    RpoguardConfig config;
    config.shards = {shard("184", cluster_.node("phx-a").port()), shard("185", 1)};
    rpoguard_ = std::make_unique<Rpoguard>(config);
    rpoguard_->wait_until_serving();
  }

  ShardConfig shard(const std::string& id, std::uint16_t remote_port) {
    return {.id = id,
            .nodes = {{.name = "iad-a", .region = "iad", .port = cluster_.writer().port()},
                      {.name = "phx-a", .region = "phx", .port = remote_port}}};
  }

  Cluster cluster_;
  std::unique_ptr<Rpoguard> rpoguard_;
};

TEST_F(Monitored, promtool_accepts_the_page_without_a_complaint) {
  ASSERT_TRUE(opens(*rpoguard_, seconds(30)));
  const auto page = rpoguard_->ops("/metrics");
  ASSERT_TRUE(page);
  const TempDir dir;
  write_file(dir / "page", page->body);
  const CommandResult checked =
      run_command({.argv = {"sh", "-c", "promtool check metrics <" + (dir / "page").string()}});
  EXPECT_EQ(checked.exit_code, 0) << checked.output;
  EXPECT_EQ(checked.output, "");
}

TEST_F(Monitored, prometheus_stores_every_sample_of_the_page) {
  ASSERT_TRUE(opens(*rpoguard_, seconds(30)));
  const Prometheus prometheus({.scrape_port = rpoguard_->ops_port()});
  EXPECT_TRUE(eventually(seconds(60), [&] {
    return prometheus.value("rpoguard_gate_open{shard=\"184\"}") == 1.0;
  })) << prometheus.log();
  EXPECT_EQ(prometheus.value("rpoguard_gate_open{shard=\"185\"}"), 0.0);
  EXPECT_EQ(prometheus.value("up"), 1.0);
  EXPECT_EQ(prometheus.value("scrape_samples_scraped - scrape_samples_post_metric_relabeling"),
            0.0);
  const auto scraped = prometheus.value("scrape_samples_scraped");
  ASSERT_TRUE(scraped);
  EXPECT_NEAR(*scraped, static_cast<double>(rpoguard_->metrics().samples().size()), 4);
}

TEST_F(Monitored, no_label_of_a_target_is_overwritten_by_the_page) {
  const Prometheus prometheus({.scrape_port = rpoguard_->ops_port()});
  ASSERT_TRUE(eventually(seconds(60), [&] { return prometheus.value("up") == 1.0; }));
  EXPECT_THROW(prometheus.query("{__name__=~\"rpoguard_.+\""), std::runtime_error) << "a refusal";
  EXPECT_FALSE(prometheus.query("{__name__=~\"rpoguard_.+\"}").empty());
  EXPECT_TRUE(prometheus.query("{__name__=~\"rpoguard_.+\", exported_job!=\"\"}").empty());
  EXPECT_TRUE(prometheus.query("{__name__=~\"rpoguard_.+\", exported_instance!=\"\"}").empty());
}

TEST_F(Monitored, a_closed_gate_pages_through_alertmanager_and_an_open_one_does_not) {
  const std::vector<std::string> rules = shipped_rules();
  ASSERT_FALSE(rules.empty());
  const Alertmanager alertmanager;
  const Prometheus prometheus({.scrape_port = rpoguard_->ops_port(),
                               .rule_files = rules,
                               .alertmanager_port = alertmanager.port()});
  const auto pages_for = [&](const std::string& shard) {
    const std::vector<Labels> alerts = alertmanager.alerts();
    return std::count_if(alerts.begin(), alerts.end(), [&](Labels alert) {
      return alert["alertname"] == "RPOGuardGateClosed" && alert["severity"] == "critical" &&
             alert["shard"] == shard;
    });
  };
  EXPECT_TRUE(eventually(seconds(150), [&] { return pages_for("185") > 0; })) << prometheus.log();
  EXPECT_EQ(pages_for("184"), 0);
}

}  // namespace
}  // namespace rpoguard::test
