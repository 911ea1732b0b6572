// The program with hooks, real servers, Prometheus and Alertmanager.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/monitoring.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

std::ptrdiff_t count_of(const Alertmanager& alertmanager, const std::string& alert) {
  const auto all = alertmanager.alerts();
  return std::ranges::count_if(all, [&](const Labels& labels) {
    const auto name = labels.find("alertname");
    return name != labels.end() && name->second == alert;
  });
}

TEST(HooksStack, a_split_brain_is_in_alertmanager_within_two_seconds_and_only_once) {
  RegionPair pair;
  const Alertmanager alertmanager;
  RpoguardConfig config = RegionPair::rpoguard_config({&pair});
  config.process = "hooks: [{name: am, type: alertmanager, url: \"http://127.0.0.1:" +
                   std::to_string(alertmanager.port()) + "\"}]";
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  const Prometheus prometheus({.scrape_port = rpoguard.ops_port(),
                               .rule_files = {RPOGUARD_SOURCE_DIR "/rules/rpoguard.rules.yml"},
                               .alertmanager_port = alertmanager.port()});
  ASSERT_TRUE(opens(rpoguard));
  EXPECT_EQ(count_of(alertmanager, "RPOGuardSplitBrain"), 0);

  pair.phx_a().promote();  // returns when it accepts writes
  const auto begun = boottime();
  ASSERT_TRUE(eventually(20s, [&] { return count_of(alertmanager, "RPOGuardSplitBrain") == 1; }))
      << rpoguard.log();
  const auto took = boottime() - begun;
  std::printf("split brain: in Alertmanager after %s s\n", render_seconds(took).c_str());
  EXPECT_LT(took, 2s);

  ASSERT_TRUE(eventually(60s, [&] {
    return prometheus.value("ALERTS{alertname=\"RPOGuardSplitBrain\",alertstate=\"firing\"}") == 1;
  })) << prometheus.log();
  // Prometheus tells it too, and it is one alert still.
  ASSERT_TRUE(eventually(60s, [&] {
    const auto page = http_get(prometheus.port(), "/metrics");
    if (!page) return false;
    const auto sent = Metrics(page->body).all("prometheus_notifications_sent_total");
    return !sent.empty() && sent.front().value > 0;
  })) << prometheus.log();
  EXPECT_TRUE(holds_for(3s, [&] { return count_of(alertmanager, "RPOGuardSplitBrain") == 1; }));
  EXPECT_GE(
      rpoguard.metric("rpoguard_hook_deliveries_total", {{"hook", "am"}, {"result", "delivered"}})
          .value_or(0),
      1);
}

TEST(HooksStack, every_type_is_told_and_a_silent_receiver_does_not_delay_the_gate) {
  RegionPair pair;
  JsonServer receiver("{}");
  JsonServer silent("{}");
  silent.fall_silent();
  TempDir dir;
  RpoguardConfig config = RegionPair::rpoguard_config({&pair});
  pair.iad_a().exec("create table told (kind text)");
  config.process =
      "hooks:\n"
      "  - {name: silent, type: webhook, url: \"" +
      silent.url() +
      "\", timeout: 60s}\n"
      "  - {name: web, type: webhook, url: \"" +
      receiver.url() +
      "\", events: [gate_closed, frozen]}\n"
      "  - {name: run, type: command, command: [/bin/sh, -c, 'cat >>\"$1\"', sh, " +
      (dir / "out").string() +
      "]}\n"
      "  - name: sql\n"
      "    type: sql\n"
      "    events: [frozen]\n"
      "    user: postgres\n"
      "    sql: [\"insert into public.told select "
      "current_setting('rpoguard.event')::json->'data'->>'kind'\"]";
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));

  const auto begun = boottime();
  const HttpCall freeze{.method = "POST", .target = "/-/freeze?shard=184&by=jo&reason=x"};
  const auto reply = http_call(rpoguard.ops_port(), freeze);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200) << reply->body;
  EXPECT_EQ(rpoguard.gate_reason("184"), "frozen");
  EXPECT_LT(boottime() - begun, 2s);

  const auto told = [&](const std::string& kind) {
    const auto bodies = receiver.bodies();
    return std::ranges::any_of(bodies, [&](const std::string& body) {
      return body.find("\"rpoguard." + kind + "\"") != std::string::npos;
    });
  };
  EXPECT_TRUE(eventually(20s, [&] { return told("frozen") && told("gate_closed"); }));
  EXPECT_FALSE(told("gate_opened")) << "it did not ask for that";
  EXPECT_TRUE(eventually(20s, [&] {
    return read_file(dir / "out").find("\"rpoguard.gate_closed\"") != std::string::npos;
  })) << rpoguard.log();
  EXPECT_TRUE(eventually(20s, [&] {
    return pair.iad_a().query("select string_agg(kind, ',') from told") == "frozen";
  })) << rpoguard.log();
  EXPECT_GE(silent.requests(), 1);
  EXPECT_EQ(rpoguard.stop(), 0);
}

TEST(HooksStack, a_reload_takes_over_hooks_and_is_an_event) {
  RegionPair pair;
  JsonServer receiver("{}");
  RpoguardConfig config = RegionPair::rpoguard_config({&pair});
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  config.process = "hooks: [{name: web, type: webhook, url: \"" + receiver.url() + "\"}]";
  rpoguard.write_config(config);
  rpoguard.sighup();
  EXPECT_TRUE(eventually(20s, [&] {
    const auto bodies = receiver.bodies();
    return !bodies.empty() && std::ranges::any_of(bodies, [](const std::string& body) {
      return body.find("\"rpoguard.config_reloaded\"") != std::string::npos;
    });
  })) << rpoguard.log();
  config.process = "hooks: [{name: web, type: pigeon}]";
  rpoguard.write_config(config);
  rpoguard.sighup();
  EXPECT_TRUE(eventually(20s, [&] {
    // The last one may be another: the writer is confirmed meanwhile.
    return std::ranges::any_of(receiver.bodies(), [](const std::string& body) {
      return body.find("\"rpoguard.config_refused\"") != std::string::npos;
    });
  })) << rpoguard.log();
}

}  // namespace
}  // namespace rpoguard::test
