// Real Prometheus and Alertmanager beside the real program.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/metrics.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {

/// An Alertmanager. Throws std::runtime_error when it does not come up, NoAnswer (eventually.hpp)
/// when it does not answer. Not thread-safe.
class Alertmanager {
 public:
  /// Keeps every alert and tells nobody, unless given another configuration.
  explicit Alertmanager(
      const std::string& config = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n");
  std::uint16_t port() const { return port_; }
  /// The labels of every alert: "active", or "suppressed" by another one.
  std::vector<Labels> alerts() const;
  std::vector<Labels> alerts(const std::string& state) const;

 private:
  TempDir dir_;
  std::uint16_t port_;
  std::unique_ptr<Process> process_;
};

struct PrometheusOptions {
  std::uint16_t scrape_port = 0;  ///< /metrics of this port on 127.0.0.1, every second
                                  ///< 0: none yet
  std::string scrape_access{};    ///< more keys of the scrape in flow style: scheme, tls_config
  std::vector<std::string> rule_files{};  ///< evaluated every second
  std::uint16_t alertmanager_port = 0;    ///< 0: none
  std::string past{};                     ///< samples from before it starts, as OpenMetrics
};

/// As above.
class Prometheus {
 public:
  explicit Prometheus(const PrometheusOptions& options);
  std::uint16_t port() const { return port_; }
  /// From now on these ports; it takes a few seconds until it has noticed. Thread-safe.
  void scrape(const std::vector<std::uint16_t>& ports) const;
  /// The instant vector of a PromQL expression; what it refuses is a std::runtime_error.
  std::vector<Sample> query(const std::string& expression) const;
  /// Value of the only sample; absent unless there is exactly one.
  std::optional<double> value(const std::string& expression) const;
  std::string config_path() const { return dir_ / "prometheus.yml"; }
  /// GET /api/v1/ENDPOINT with these parameters: the JSON of the answer, also of a refusal.
  nlohmann::json ask(const std::string& endpoint,
                     const std::map<std::string, std::string>& parameters) const;
  std::string log() const { return read_file(dir_ / "log"); }

 private:
  TempDir dir_;
  std::uint16_t port_;
  std::unique_ptr<Process> process_;
};

}  // namespace rpoguard::test
