#include "exporter/serve/metrics/metrics_page.hpp"

#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "exporter/base/utf8.hpp"
#include "exporter/serve/metrics/process_stats.hpp"

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/serve/golden.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class MetricsPage : public ::testing::Test {
 protected:
  MetricsPage() { world_.views.publish(mixed_view(world_.clock.now())); }

  std::string page() { return serve::render_metrics(world_.metrics_context()); }

  // The value of the sample whose name and labels are exactly `series`; empty if it is absent.
  std::string value(const std::string& series) {
    for (const std::string& line : lines_of(page())) {
      if (line.starts_with(series + " ")) return line.substr(series.size() + 1);
    }
    return {};
  }
  std::string of_184(const std::string& name) {
    return value("rpoguard_" + name + "{shard=\"184\"}");
  }
  std::string of_broken(const std::string& name) {
    return value("rpoguard_" + name + "{shard=\"we\\\"ird\\\\ <\xEF\xBF\xBD>\"}");
  }

  World world_;
};

// What is not a fact about this process at this moment.
std::string without_process(const std::string& page) {
  std::string out;
  for (const std::string& line : lines_of(page)) {
    if (line.find("process_") == std::string::npos) out += line + "\n";
  }
  return out;
}

TEST_F(MetricsPage, counts_what_became_of_events_for_each_hook) {
  serve::MetricsContext context = world_.metrics_context();
  context.hook_stats = [] {
    return std::vector<core::HookStats>{
        {.name = "pager", .delivered = 5, .failed = 1, .dropped = 2, .retries = 3, .queued = 4}};
  };
  const std::string text = serve::render_metrics(context);
  for (const char* line :
       {"rpoguard_hook_deliveries_total{hook=\"pager\",result=\"delivered\"} 5\n",
        "rpoguard_hook_deliveries_total{hook=\"pager\",result=\"failed\"} 1\n",
        "rpoguard_hook_deliveries_total{hook=\"pager\",result=\"dropped\"} 2\n",
        "rpoguard_hook_retries_total{hook=\"pager\"} 3\n",
        "rpoguard_hook_queue_events{hook=\"pager\"} 4\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
}

TEST_F(MetricsPage, says_what_became_of_tls_for_each_listener_that_has_a_file) {
  serve::MetricsContext context = world_.metrics_context();
  context.web_stats = [] {
    return std::vector<serve::WebStats>{
        {.listener = "ops",
         .certificate_expiry = core::WallTime(std::chrono::seconds(1800000001)),
         .reload_failures = 2,
         .handshake_failures = 3},
        {.listener = "gate", .reload_failures = 4}};
  };
  const std::string text = serve::render_metrics(context);
  for (const char* line :
       {"rpoguard_web_certificate_expiry_timestamp_seconds{listener=\"ops\"} 1800000001\n",
        "rpoguard_web_config_reload_failures_total{listener=\"ops\"} 2\n",
        "rpoguard_web_handshake_failures_total{listener=\"ops\"} 3\n",
        "rpoguard_web_config_reload_failures_total{listener=\"gate\"} 4\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
  for (const char* plain :
       {"expiry_timestamp_seconds{listener=\"gate", "handshake_failures_total{listener=\"gate"})
    EXPECT_EQ(text.find(plain), std::string::npos) << plain;
  EXPECT_EQ(page().find("rpoguard_web_"), std::string::npos) << "without a file";
}

TEST_F(MetricsPage, has_the_agreed_shape) {
  const std::string actual = without_process(page());
  EXPECT_EQ(actual, golden("metrics.txt", actual));
}

TEST_F(MetricsPage, says_whether_lease_page_and_state_are_written) {
  EXPECT_EQ(value("rpoguard_lease_page_up"), "1");
  EXPECT_EQ(of_184("state_saved"), "1");
  auto view = mixed_view(world_.clock.now());
  view->lease_page_up = false;
  auto shard = *view->shards[0];
  shard.state_saved = false;
  view->shards[0] = std::make_shared<core::ShardView>(shard);
  world_.views.publish(view);
  EXPECT_EQ(value("rpoguard_lease_page_up"), "0");
  EXPECT_EQ(of_184("state_saved"), "0");
  EXPECT_EQ(value("rpoguard_state_saved{shard=\"186\"}"), "") << "not evaluated yet";
  auto without = mixed_view(world_.clock.now());
  without->lease_page_up.reset();
  world_.views.publish(without);
  EXPECT_EQ(value("rpoguard_lease_page_up"), "");
}

TEST_F(MetricsPage, satisfies_promtool_without_a_complaint) {
  const TempDir dir;
  write_file(dir / "page", page());
  const CommandResult result =
      run_command({.argv = {"sh", "-c", "promtool check metrics <" + (dir / "page").string()}});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(result.output, "");
}

TEST_F(MetricsPage, has_no_series_twice_and_one_type_per_name) {
  std::set<std::string> seen;
  for (const std::string& line : lines_of(page())) {
    const std::string key = line.starts_with("# ") ? line.substr(0, line.find(' ', 7))
                                                   : line.substr(0, line.rfind(' '));
    EXPECT_TRUE(seen.insert(key).second) << line;
  }
}

TEST_F(MetricsPage, is_valid_utf8_whatever_the_names_are) {
  const std::string text = page();
  EXPECT_EQ(text, base::sanitize_utf8(text));
}

TEST_F(MetricsPage, names_that_differ_only_in_invalid_bytes_stay_one_series) {
  auto view = healthy_view(world_.clock.now());
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  core::SlotFacts slot;
  slot.name = "a\xFE";
  slot.lag_bytes = 1;
  shard->nodes[0].slow->slots = {slot, slot};
  shard->nodes[0].slow->slots[1].name = "a\xFF";
  view->shards[0] = shard;
  world_.views.publish(view);
  const std::string text = page();
  const std::string series = "rpoguard_slot_lag_bytes{";
  EXPECT_NE(text.find(series), std::string::npos);
  EXPECT_EQ(text.find(series), text.rfind(series));
}

TEST_F(MetricsPage, time_runs_on_between_view_and_scrape) {
  EXPECT_EQ(of_184("rpo_exposure_seconds"), "0.7");
  EXPECT_EQ(of_184("rpo_budget_remaining_seconds"), "4.3");
  EXPECT_EQ(of_184("gate_open"), "1");
  EXPECT_EQ(of_184("gate_open_for_seconds"), "4.3");
  EXPECT_EQ(of_184("writes_usable"), "1");
  EXPECT_EQ(of_184("wal_archive_age_seconds"), "42");
  world_.clock.advance(4300ms);
  EXPECT_EQ(of_184("rpo_exposure_seconds"), "5");
  EXPECT_EQ(of_184("rpo_budget_remaining_seconds"), "0");
  EXPECT_EQ(of_184("gate_open"), "0");
  EXPECT_EQ(of_184("gate_open_for_seconds"), "0");
  EXPECT_EQ(of_184("writes_usable"), "0");
  EXPECT_EQ(value("rpoguard_gate_reason{shard=\"184\",reason=\"rpo_exceeded\"}"), "1");
  EXPECT_EQ(value("rpoguard_replica_lag_seconds{shard=\"184\",node=\"phx-a\",stage=\"replay\"}"),
            "6");
}

TEST_F(MetricsPage, timestamps_stay_where_they_are) {
  const std::string before = of_184("recovery_point_timestamp_seconds");
  EXPECT_EQ(before, "1767225599.3");
  world_.clock.advance(1h);
  EXPECT_EQ(of_184("recovery_point_timestamp_seconds"), before);
}

TEST_F(MetricsPage, an_unknown_value_is_absent_and_its_twin_says_so) {
  for (const char* name :
       {"rpo_exposure_seconds", "rpo_budget_remaining_seconds", "rpo_exposure_known_seconds",
        "rpo_at_risk_span_seconds", "recovery_point_timestamp_seconds", "wal_archive_age_seconds",
        "wal_archive_lag_bytes", "wal_archive_frontier_bytes", "wal_archive_ready_segments",
        "backup_age_seconds", "last_write_outage_seconds", "rpo_time_to_exhaustion_seconds"}) {
    EXPECT_EQ(of_broken(name), "") << name;
  }
  EXPECT_EQ(of_broken("rpo_exposure_is_known"), "0");
  EXPECT_EQ(of_184("rpo_exposure_is_known"), "1");
  EXPECT_EQ(of_broken("gate_open"), "0");
  EXPECT_EQ(of_broken("write_outage_seconds"), "90");
}

TEST_F(MetricsPage, counts_exposure_in_buckets_that_add_up_to_all_the_time) {
  const std::string name = "rpoguard_rpo_exposure_distribution_seconds";
  double previous = 0;
  int buckets = 0;
  for (const std::string& line : lines_of(page())) {
    if (!line.starts_with(name + "_bucket{shard=\"184\"")) continue;
    const double count = std::stod(line.substr(line.rfind(' ') + 1));
    EXPECT_GE(count, previous) << line;
    previous = count;
    ++buckets;
  }
  EXPECT_EQ(buckets, static_cast<int>(core::kExposureBuckets.size()) + 1);
  EXPECT_EQ(value(name + "_bucket{shard=\"184\",le=\"5\"}"), "3596");
  EXPECT_EQ(value(name + "_bucket{shard=\"184\",le=\"+Inf\"}"), "3600");
  EXPECT_EQ(value(name + "_count{shard=\"184\"}"), of_184("slo_seconds_total"));
  EXPECT_EQ(value(name + "_sum{shard=\"184\"}"), "3150.25");
}

TEST_F(MetricsPage, the_time_to_exhaustion_runs_down_to_zero) {
  EXPECT_EQ(of_184("rpo_time_to_exhaustion_seconds"), "8.6");
  world_.clock.advance(4s);
  EXPECT_EQ(of_184("rpo_time_to_exhaustion_seconds"), "0.6");
  world_.clock.advance(4s);
  EXPECT_EQ(of_184("rpo_time_to_exhaustion_seconds"), "0");
}

TEST_F(MetricsPage, shows_a_witness_only_where_one_is_configured_and_its_silence_as_down) {
  const auto witness = [](const std::string& metric, const std::string& shard,
                          const std::string& name) {
    return "rpoguard_witness_" + metric + "{shard=\"" + shard + "\",witness=\"" + name + "\"}";
  };
  const std::string broken = "we\\\"ird\\\\ <\xEF\xBF\xBD>";
  EXPECT_EQ(value(witness("up", "184", "epoch")), "1");
  EXPECT_EQ(value(witness("number", "184", "generation")), "12");
  EXPECT_EQ(value(witness("up", broken, "epoch")), "0");
  EXPECT_EQ(value(witness("number", broken, "epoch")), "");
  EXPECT_EQ(value(witness("up", broken, "generation")), "");
  EXPECT_EQ(value(witness("up", "186", "epoch")), "");
}

TEST_F(MetricsPage, a_witness_that_was_never_asked_is_down) {
  auto view = mixed_view(world_.clock.now());
  view->shards[0] = nullptr;
  world_.views.publish(view);
  EXPECT_EQ(value("rpoguard_witness_up{shard=\"184\",witness=\"epoch\"}"), "0");
  EXPECT_EQ(value("rpoguard_endpoint_on_writer{shard=\"184\",endpoint=\"writer\"}"), "");
  EXPECT_EQ(of_184("probe_interval_seconds"), "");
}

TEST_F(MetricsPage, an_endpoint_of_which_nothing_is_known_is_absent) {
  auto view = mixed_view(world_.clock.now());
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  shard->endpoint = core::EndpointView{};
  view->shards[0] = shard;
  world_.views.publish(view);
  EXPECT_EQ(value("rpoguard_endpoint_on_writer{shard=\"184\",endpoint=\"writer\"}"), "");
  EXPECT_EQ(value("rpoguard_endpoint_commit_seconds{shard=\"184\",endpoint=\"writer\"}"), "");
}

TEST_F(MetricsPage, a_downgrade_is_told_only_where_synchronous_durability_is_promised) {
  EXPECT_EQ(of_184("synchronous_downgraded"), "");
  auto view = mixed_view(world_.clock.now());
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  shard->synchronous.promised = true;
  view->shards[0] = shard;
  world_.views.publish(view);
  EXPECT_EQ(of_184("synchronous_downgraded"), "0");
  shard->synchronous.downgraded = true;
  EXPECT_EQ(of_184("synchronous_downgraded"), "1");
  shard->writer.reset();
  EXPECT_EQ(of_184("synchronous_downgraded"), "") << "nobody knows what the writer requires";
}

TEST_F(MetricsPage, tells_a_failing_look_only_where_the_repository_is_looked_at) {
  EXPECT_EQ(of_184("wal_archive_look_failing"), "0");
  EXPECT_EQ(of_broken("wal_archive_look_failing"), "1");
  world_.views.publish(healthy_view(world_.clock.now()));
  EXPECT_EQ(value("rpoguard_wal_archive_counted{shard=\"s0\"}"), "1");
  EXPECT_EQ(value("rpoguard_wal_archive_look_failing{shard=\"s0\"}"), "");
}

TEST_F(MetricsPage, verdict_series_exist_before_the_first_evaluation) {
  const std::string shard = "shard=\"186\"";
  EXPECT_EQ(value("rpoguard_gate_open{" + shard + "}"), "0");
  EXPECT_EQ(value("rpoguard_gate_reason{" + shard + ",reason=\"unproven\"}"), "1");
  EXPECT_EQ(value("rpoguard_gate_checks_total{" + shard + ",decision=\"closed\"}"), "0");
  EXPECT_EQ(value("rpoguard_slo_seconds_total{" + shard + "}"), "0");
  EXPECT_EQ(value("rpoguard_node_up{" + shard + ",node=\"iad-a\"}"), "0");
  EXPECT_EQ(value("rpoguard_node_info{" + shard +
                  ",node=\"phx-a\",node_region=\"phx\",role_wanted=\"reader\"}"),
            "1");
  EXPECT_EQ(value("rpoguard_writers{" + shard + "}"), "");
}

TEST_F(MetricsPage, reasons_and_states_are_one_hot_with_every_value_present) {
  int reasons = 0;
  int states = 0;
  double reason_sum = 0;
  double state_sum = 0;
  for (const std::string& line : lines_of(page())) {
    const double number = line.back() == '1' ? 1 : 0;
    if (line.starts_with("rpoguard_gate_reason{")) ++reasons, reason_sum += number;
    if (line.starts_with("rpoguard_node_state{")) ++states, state_sum += number;
  }
  EXPECT_EQ(reasons, 3 * static_cast<int>(core::kReasonCount));
  EXPECT_EQ(states, 9 * static_cast<int>(core::kNodeStateCount));
  EXPECT_EQ(reason_sum, 2);  // 184 is open
  EXPECT_EQ(state_sum, 9);
}

TEST_F(MetricsPage, shows_what_the_gate_answered) {
  const auto gate = serve::make_gate_handler(world_.gate_context());
  gate(request("/gate/184"));
  gate(request("/gate/184", {{"epoch", "6"}}));
  EXPECT_EQ(value("rpoguard_gate_checks_total{shard=\"184\",decision=\"open\"}"), "1");
  EXPECT_EQ(value("rpoguard_gate_checks_total{shard=\"184\",decision=\"closed\"}"), "1");
}

TEST_F(MetricsPage, the_gate_is_shown_closed_while_shutting_down) {
  world_.stopping = true;
  EXPECT_EQ(of_184("gate_open"), "0");
  EXPECT_EQ(of_184("gate_open_for_seconds"), "0");
}

TEST_F(MetricsPage, a_failed_reload_shows) {
  world_.reload_status.set({false, world_.clock.wall() - 2h});
  EXPECT_EQ(value("rpoguard_config_last_reload_successful"), "0");
  EXPECT_EQ(value("rpoguard_config_last_reload_success_timestamp_seconds"), "1767218400");
}

TEST_F(MetricsPage, stands_before_the_first_view) {
  World empty;
  const std::string text = serve::render_metrics(empty.metrics_context());
  EXPECT_NE(text.find("rpoguard_build_info"), std::string::npos);
  EXPECT_EQ(text.find("shard="), std::string::npos);
}

TEST(ProcessStats, are_those_of_a_living_process) {
  const serve::ProcessStats stats = serve::read_process_stats();
  EXPECT_GE(stats.cpu_seconds.value_or(-1), 0);
  EXPECT_GT(stats.resident_bytes.value_or(0), 100'000);
  EXPECT_GT(stats.virtual_bytes.value_or(0), stats.resident_bytes.value_or(1e18));
  EXPECT_GE(stats.open_fds.value_or(0), 3);
  EXPECT_GT(stats.start_time_seconds.value_or(0), 1e9);
}

}  // namespace
}  // namespace rpoguard::test
