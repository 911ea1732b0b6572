// Days in which an error budget was spent, replayed: they lie in Prometheus' storage when it
// starts, so that the rules see them in their full windows.
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/rules/faults.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr double kHour = 3600;
constexpr double kPast = 76 * kHour;

double now() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since_1970).count();
}

/// A shard that has been bad for part of its time, up to now and beyond.
struct Burning {
  std::string shard;
  double bad = 0;        ///< part of each second
  double for_hours = 0;  ///< 0: never
  double watched = 1;    ///< part of each second, for the last two hours
  double objective = 0.999;
};

/// Each burns too fast for one tier, and too short or too slowly for the tiers above it.
const std::vector<Burning> kShards = {{.shard = "one-hour", .bad = 0.02, .for_hours = 1.1},
                                      {.shard = "six-hours", .bad = 0.01, .for_hours = 6.5},
                                      {.shard = "one-day", .bad = 0.004, .for_hours = 25},
                                      {.shard = "three-days", .bad = 0.0015, .for_hours = 73},
                                      {.shard = "quiet", .bad = 0.0005, .for_hours = 73},
                                      {.shard = "unwatched", .watched = 0.5},
                                      {.shard = "modest", .objective = 0.9}};

struct Counters {
  double seconds;
  double bad;
};

Counters counters_at(const Burning& shard, double from, double time, double present) {
  const double watched_less = std::max(0.0, time - (present - 2 * kHour)) * (1 - shard.watched);
  const double burning = std::max(0.0, time - (present - shard.for_hours * kHour));
  return {time - from - watched_less, burning * shard.bad};
}

/// Everything until `present`, a sample a minute, as OpenMetrics: family by family.
std::string past_of(std::uint16_t port, double present) {
  const auto series = [&](const std::string& name, const Burning& shard, const std::string& more) {
    return fmt::format("{}{{job=\"rpoguard\",instance=\"127.0.0.1:{}\",shard=\"{}\"{}}}", name,
                       port, shard.shard, more);
  };
  fmt::memory_buffer text;
  const auto family = [&](const std::string& name, const std::string& type, const std::string& more,
                          const auto& value) {
    fmt::format_to(std::back_inserter(text), "# TYPE {} {}\n", name, type);
    const std::string suffix = type == "counter" ? "_total" : "";
    for (const Burning& shard : kShards) {
      const std::string head = series(name + suffix, shard, more);
      for (double time = present - kPast; time < present; time += 60)
        fmt::format_to(std::back_inserter(text), "{} {} {:.3f}\n", head, value(shard, time), time);
    }
  };
  const double from = present - kPast;
  family("rpoguard_slo_seconds", "counter", "", [&](const Burning& shard, double time) {
    return counters_at(shard, from, time, present).seconds;
  });
  family("rpoguard_slo_bad_seconds", "counter", ",reason=\"exceeded\"",
         [&](const Burning& shard, double time) {
           return counters_at(shard, from, time, present).bad;
         });
  family("rpoguard_slo_objective_ratio", "gauge", "",
         [](const Burning& shard, double) { return shard.objective; });
  family("rpoguard_shard_info", "gauge", "", [](const Burning&, double) { return 1.0; });
  return fmt::to_string(text) + "# EOF\n";
}

std::string page_at(double time, double present) {
  std::string page;
  for (const Burning& shard : kShards) {
    const Counters counters = counters_at(shard, present - kPast, time, present);
    page += fmt::format(
        "rpoguard_slo_seconds_total{{shard=\"{0}\"}} {1}\n"
        "rpoguard_slo_bad_seconds_total{{shard=\"{0}\",reason=\"exceeded\"}} {2}\n"
        "rpoguard_slo_objective_ratio{{shard=\"{0}\"}} {3}\nrpoguard_shard_info{{shard=\"{0}\"}} "
        "1\n",
        shard.shard, counters.seconds, counters.bad, shard.objective);
  }
  // Beside it an etcd, each of whose writes takes seconds to reach the disk.
  for (const char* bound : {"0.512", "8.192", "+Inf"}) {
    page += fmt::format("etcd_disk_wal_fsync_duration_seconds_bucket{{le=\"{}\"}} {}\n", bound,
                        bound == std::string("0.512") ? 0 : time - present);
  }
  return page;
}

/// A page of metrics that goes on where the past has ended, at the speed of the clock.
class GoingOn {
 public:
  explicit GoingOn(double present)
      : present_(present), server_(page_at(present, present)), thread_([this] {
          const auto said = [this] {
            server_.say(page_at(now(), present_));
            return over_.load();
          };
          (void)eventually(1h, said, 200ms);
        }) {}
  ~GoingOn() {
    over_ = true;
    thread_.join();
  }
  GoingOn(const GoingOn&) = delete;
  GoingOn& operator=(const GoingOn&) = delete;
  std::uint16_t port() const { return server_.port(); }

 private:
  double present_;
  std::atomic<bool> over_{false};
  JsonServer server_;
  std::thread thread_;
};

Labels burn(const std::string& shard, const std::string& longer) {
  return alert_of("RPOGuardErrorBudgetBurn", shard, {{"long", longer}});
}

Labels with_severity(Labels labels, const std::string& severity) {
  labels["severity"] = severity;
  return labels;
}

}  // namespace

void burn_the_budget(AlertTable& table) {
  const double present = std::floor(now());
  const GoingOn page(present);
  const Pager pager(page.port(), {"slo.rules.yml", "neighbours.rules.yml"},
                    past_of(page.port(), present));
  play(pager,
       {.what = "three days of a burning budget, slow disk of etcd",
        .alerts = {{with_severity(burn("one-hour", "1h"), "critical")},
                   {with_severity(burn("six-hours", "6h"), "critical")},
                   {with_severity(burn("one-day", "1d"), "warning")},
                   {with_severity(burn("three-days", "3d"), "warning")},
                   {alert_of("RPOGuardSLOCoverageLow", "unwatched")},
                   {alert_of("RPOGuardBurnAlertImpossible", "modest")},
                   {{{"alertname", "RPOGuardEtcdSlowDisk"}}}},
        .inject = [] {},
        .replayed = true},
       table);
  for (const Burning& shard : kShards) {
    for (const char* longer : {"1h", "6h", "1d", "3d"}) {
      const bool too_short = shard.shard == "one-hour" && std::string(longer) != "1h";
      if (shard.shard != "quiet" && !too_short) continue;
      EXPECT_FALSE(pager.told(burn(shard.shard, longer), "firing", {})) << shard.shard << longer;
    }
  }
}

}  // namespace rpoguard::test
