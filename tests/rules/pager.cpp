#include "tests/rules/pager.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/rules/example_routes.hpp"
#include "tests/rules/rule_files.hpp"
#include "tests/rules/scaled_rules.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kLongWindow = 601;
constexpr int kFactor = 60;
// The longest "for" that is not scaled is 5 min.
constexpr std::chrono::seconds kToldWithin{420};
constexpr std::chrono::seconds kResolvedWithin{180};

bool has(const nlohmann::json& labels, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && *found == label.second;
  });
}

std::string name_of(const Labels& alert) {
  std::string name = alert.at("alertname");
  for (const auto& [label, value] : alert) {
    if (label != "alertname") name += " " + label + "=" + value;
  }
  return name;
}

double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Pager Pager::idle(const std::vector<std::string>& more_rules) {
  return Pager(more_rules, scaled_rules, "");
}

Pager::Pager(const std::vector<std::uint16_t>& ports, const std::vector<std::string>& more_rules)
    : Pager(more_rules, scaled_rules, "") {
  watch(ports);
}

Pager::Pager(std::uint16_t port, const std::vector<std::string>& more_rules,
             const std::string& past)
    : Pager(more_rules, scaled_holds, past) {
  watch({port});
}

Pager::Pager(const std::vector<std::string>& more_rules, Scaled scaled, const std::string& past)
    : alertmanager_(with_webhooks(people_.port(), "5s", holds_as_shipped() ? "10s" : "2s")) {
  PrometheusOptions options{.alertmanager_port = alertmanager_.port(), .past = past};
  std::vector<std::string> files = more_rules;
  files.emplace_back("rpoguard.rules.yml");
  for (const std::string& file : files) {
    const std::string text = read_file(std::string(RPOGUARD_SOURCE_DIR) + "/rules/" + file);
    const std::string shorter = scaled(text, kFactor, kLongWindow);
    write_file(dir_ / file, holds_as_shipped() ? shorter : hasty_rules(shorter));
    options.rule_files.push_back(dir_ / file);
  }
  started_ = Clock::now();
  prometheus_ = std::make_unique<Prometheus>(options);
}

void Pager::watch(const std::vector<std::uint16_t>& ports) {
  prometheus_->scrape(ports);
  if (!eventually(90s, [&] { return !people_.sent_to("dead_man").empty(); }))
    throw std::runtime_error("nobody can be reached: " + prometheus_->log());
  watchdog_after_ = people_.sent_to("dead_man").front().at - started_;
}

std::optional<Clock::time_point> Pager::told(const Labels& alert, const std::string& status,
                                             Clock::time_point since) const {
  for (const char* receiver : {"page", "ticket"}) {
    for (const Notification& notification : people_.sent_to(receiver)) {
      if (notification.at < since) continue;
      for (const auto& each : notification.body["alerts"]) {
        if (each["status"] == status && has(each["labels"], alert)) return notification.at;
      }
    }
  }
  return std::nullopt;
}

bool Pager::silenced(const Labels& alert) const {
  const auto all = alertmanager_.alerts("suppressed");
  return std::any_of(all.begin(), all.end(), [&](const Labels& each) { return has(each, alert); });
}

std::string Pager::state() const {
  std::string text;
  for (const char* state : {"active", "suppressed"}) {
    for (const Labels& alert : alertmanager_.alerts(state))
      text += std::string(state) + ": " + name_of(alert) + "\n";
  }
  return text;
}

void AlertTable::add(const Row& row) {
  const std::lock_guard lock(mutex_);
  rows_.push_back(row);
}

std::set<std::string> AlertTable::alerts() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> names;
  for (const Row& row : rows_) names.insert(row.alert + " " + row.severity);
  return names;
}

void AlertTable::print() const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> rows = rows_;
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.alert < b.alert; });
  std::printf("%-28s %-8s %8s %8s  %s\n", "alert", "severity", "told/s", "over/s", "fault");
  for (const Row& row : rows) {
    const std::string resolved =
        row.resolved ? std::to_string(static_cast<int>(*row.resolved + 0.5)) : "-";
    std::printf("%-28s %-8s %8.1f %8s  %s\n", row.alert.c_str(), row.severity.c_str(), row.told,
                resolved.c_str(), row.how.c_str());
  }
  std::fflush(stdout);
}

namespace {

/// When it was told, or seen silenced by another alert.
std::optional<Clock::time_point> noticed(const Pager& pager, const ExpectedAlert& alert,
                                         Clock::time_point since) {
  if (alert.wanted == Wanted::told) return pager.told(alert.labels, "firing", since);
  if (pager.silenced(alert.labels)) return Clock::now();
  return std::nullopt;
}

/// The moment for each alert, in their order; absent: not within the time.
template <typename Look>
std::vector<std::optional<Clock::time_point>> wait_for_all(const std::vector<ExpectedAlert>& alerts,
                                                           std::chrono::seconds within, Look look) {
  std::vector<std::optional<Clock::time_point>> moments(alerts.size());
  (void)eventually(
      within,
      [&] {
        bool all = true;
        for (std::size_t i = 0; i < alerts.size(); ++i) {
          if (!moments[i]) moments[i] = look(alerts[i]);
          all = all && moments[i];
        }
        return all;
      },
      200ms);
  return moments;
}

std::string severity_of(const Labels& wanted) {
  const auto given = wanted.find("severity");
  if (given != wanted.end()) return given->second;
  for (const AlertRule& rule : shipped_rules().alerts) {
    if (rule.name == wanted.at("alertname")) return rule.labels.at("severity");
  }
  throw std::runtime_error("no such alert: " + wanted.at("alertname"));
}

AlertTable::Row row_of(const ExpectedAlert& alert, const Fault& fault) {
  AlertTable::Row row{.alert = alert.labels.at("alertname"),
                      .severity = severity_of(alert.labels),
                      .how = fault.what};
  if (alert.wanted == Wanted::silenced) row.how += " (fires; another alert tells of it)";
  const auto window = alert.labels.find("long");
  if (window != alert.labels.end()) row.how += ", tier of " + window->second;
  if (fault.replayed) row.how += " (replayed)";
  return row;
}

}  // namespace

void play(const Pager& pager, const Fault& fault, AlertTable& table) {
  for (const ExpectedAlert& alert : fault.alerts)
    EXPECT_FALSE(noticed(pager, alert, {})) << name_of(alert.labels) << " before: " << fault.what;
  const auto begun = Clock::now();
  fault.inject();
  const auto told = wait_for_all(fault.alerts, kToldWithin, [&](const ExpectedAlert& alert) {
    return noticed(pager, alert, begun);
  });
  const auto healed = Clock::now();
  if (fault.heal) fault.heal();
  std::vector<ExpectedAlert> ending;
  for (const ExpectedAlert& alert : fault.alerts) {
    if (fault.heal && alert.resolves && alert.wanted == Wanted::told) ending.push_back(alert);
  }
  const auto over = wait_for_all(ending, kResolvedWithin, [&](const ExpectedAlert& alert) {
    return pager.told(alert.labels, "resolved", begun);
  });
  for (std::size_t i = 0, j = 0; i < fault.alerts.size(); ++i) {
    const ExpectedAlert& alert = fault.alerts[i];
    EXPECT_TRUE(told[i]) << name_of(alert.labels) << " after: " << fault.what << "\n"
                         << pager.state();
    const bool ends = j < ending.size() && ending[j].labels == alert.labels;
    const auto end = ends ? over[j++] : std::nullopt;
    if (ends) {
      EXPECT_TRUE(end) << name_of(alert.labels) << " goes on after: " << fault.what << "\n"
                       << pager.state();
    }
    if (!told[i]) continue;
    AlertTable::Row row = row_of(alert, fault);
    row.told = seconds(*told[i] - begun);
    if (end) row.resolved = std::max(0.0, seconds(*end - healed));
    table.add(row);
  }
}

}  // namespace rpoguard::test
