// Faults on real servers, and when people are told of them: the shipped rules in a real Prometheus,
// the example's routes in a real Alertmanager, a webhook for people.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/rules/webhook_receiver.hpp"
#include "tests/support/monitoring.hpp"

namespace rpoguard::test {

/// Prometheus with rpoguard.rules.yml and more. Windows longer than ten minutes are sixty times
/// shorter; all others are as shipped. Unless RPOGUARD_THOROUGH is set, no alert is held back for
/// longer than 20 s, and people are told two seconds later.
class Pager {
 public:
  /// Scrapes nothing until watch(), and may not have reached anybody.
  static Pager idle(const std::vector<std::string>& more_rules);
  /// Scrapes these ports. Returns when the watchdog has arrived: people can be reached.
  explicit Pager(const std::vector<std::uint16_t>& ports,
                 const std::vector<std::string>& more_rules = {});
  /// With a past in OpenMetrics' text, which the rules see in their full windows: only what
  /// alerts wait for is shorter.
  Pager(std::uint16_t port, const std::vector<std::string>& more_rules, const std::string& past);

  /// From now on it scrapes these ports. Returns when the watchdog has arrived.
  void watch(const std::vector<std::uint16_t>& ports);

  /// When people were told that an alert with these labels (at least) fires or is "resolved",
  /// after `since`.
  std::optional<std::chrono::steady_clock::time_point> told(
      const Labels& alert, const std::string& status,
      std::chrono::steady_clock::time_point since) const;
  /// It fires, but another alert tells of the fault.
  bool silenced(const Labels& alert) const;

  const Prometheus& prometheus() const { return *prometheus_; }
  std::uint16_t alertmanager_port() const { return alertmanager_.port(); }
  /// From the start of Prometheus to the watchdog's first arrival.
  std::chrono::duration<double> watchdog_after() const { return watchdog_after_; }
  std::string state() const;

 private:
  using Scaled = std::string (*)(const std::string& text, int factor, int from);
  Pager(const std::vector<std::string>& more_rules, Scaled scaled, const std::string& past);

  TempDir dir_;
  WebhookReceiver people_;
  Alertmanager alertmanager_;
  std::unique_ptr<Prometheus> prometheus_;
  std::chrono::steady_clock::time_point started_;
  std::chrono::duration<double> watchdog_after_{};
};

enum class Wanted { told, silenced };

struct ExpectedAlert {
  Labels labels{};  ///< at least these; alertname is one of them
  Wanted wanted = Wanted::told;
  bool resolves = true;  ///< once the fault is healed
};

struct Fault {
  std::string what{};
  std::vector<ExpectedAlert> alerts{};
  std::function<void()> inject{};
  std::function<void()> heal{};  ///< empty: it stays
  bool replayed = false;         ///< counters, not servers
};

/// Alert -> seconds from fault to notification. Thread-safe.
class AlertTable {
 public:
  struct Row {
    std::string alert{};
    std::string severity{};
    double told = 0;
    std::optional<double> resolved{};  ///< after the healing
    std::string how{};
  };
  void add(const Row& row);
  void print() const;
  std::set<std::string> alerts() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Row> rows_;
};

/// Injects the fault, waits for every alert, heals it and waits for their end. The test fails when
/// one has been told before the fault, or does not come, or does not end.
void play(const Pager& pager, const Fault& fault, AlertTable& table);

}  // namespace rpoguard::test
