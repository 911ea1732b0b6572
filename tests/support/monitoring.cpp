#include "tests/support/monitoring.hpp"

#include <cctype>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/support/eventually.hpp"
#include "tests/support/http.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

constexpr std::chrono::seconds kMonitoringStart{60};

std::string percent_encoded(const std::string& text) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      result += c;
    } else {
      result += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return result;
}

std::unique_ptr<Process> start_and_wait(const SpawnOptions& options, std::uint16_t port) {
  auto process = std::make_unique<Process>(options);
  const bool ready = eventually(kMonitoringStart, [&] {
    const auto reply = http_get(port, "/-/ready");
    return !process->running() || (reply && reply->status == 200);
  });
  if (!ready || !process->running()) {
    throw std::runtime_error(options.argv.front() + " is not up: " + read_file(options.output));
  }
  return process;
}

Labels labels_of(const nlohmann::json& object) {
  Labels labels;
  for (const auto& [name, value] : object.items()) labels[name] = value.get<std::string>();
  return labels;
}

std::string targets_of(const std::vector<std::uint16_t>& ports) {
  nlohmann::json targets = nlohmann::json::array();
  for (const std::uint16_t port : ports) targets.push_back("127.0.0.1:" + std::to_string(port));
  return nlohmann::json::array({{{"targets", targets}}}).dump();
}

std::string prometheus_config(const PrometheusOptions& options, const std::string& targets) {
  std::ostringstream out;
  out << "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
      << "scrape_configs:\n"
      << "  - {job_name: rpoguard, file_sd_configs: [{files: [" << targets
      << "], refresh_interval: 1s}]" << (options.scrape_access.empty() ? "" : ", ")
      << options.scrape_access << "}\n"
      << "rule_files:\n";
  for (const std::string& file : options.rule_files) out << "  - " << file << "\n";
  if (options.alertmanager_port != 0) {
    out << "alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:"
        << options.alertmanager_port << "']}]}]}\n";
  }
  return out.str();
}

}  // namespace

Alertmanager::Alertmanager(const std::string& config) : port_(free_port()) {
  write_file(dir_ / "alertmanager.yml", config);
  process_ = start_and_wait(
      {.argv = {"prometheus-alertmanager", "--config.file=" + (dir_ / "alertmanager.yml").string(),
                "--storage.path=" + (dir_ / "data").string(), "--cluster.listen-address=",
                "--web.listen-address=127.0.0.1:" + std::to_string(port_)},
       .output = dir_ / "log"},
      port_);
}

std::vector<Labels> Alertmanager::alerts() const {
  return alerts("");
}

std::vector<Labels> Alertmanager::alerts(const std::string& state) const {
  std::vector<Labels> all;
  const auto reply = http_get(port_, "/api/v2/alerts");
  if (!reply || reply->status != 200) throw NoAnswer("Alertmanager: " + read_file(dir_ / "log"));
  for (const auto& alert : nlohmann::json::parse(reply->body)) {
    if (state.empty() || alert["status"]["state"] == state)
      all.push_back(labels_of(alert["labels"]));
  }
  return all;
}

Prometheus::Prometheus(const PrometheusOptions& options) : port_(free_port()) {
  write_file(dir_ / "prometheus.yml", prometheus_config(options, dir_ / "targets.json"));
  scrape(options.scrape_port == 0 ? std::vector<std::uint16_t>{}
                                  : std::vector{options.scrape_port});
  if (!options.past.empty()) {
    write_file(dir_ / "past", options.past);
    const CommandResult made = run_command({.argv = {"promtool", "tsdb", "create-blocks-from",
                                                     "openmetrics", dir_ / "past", dir_ / "data"}});
    if (made.exit_code != 0) throw std::runtime_error("no past: " + made.output);
  }
  process_ = start_and_wait(
      {.argv = {"prometheus", "--config.file=" + (dir_ / "prometheus.yml").string(),
                "--storage.tsdb.path=" + (dir_ / "data").string(),
                // It finds Alertmanager only after 5 s: what fires before is told again.
                "--rules.alert.resend-delay=5s",
                "--web.listen-address=127.0.0.1:" + std::to_string(port_)},
       .output = dir_ / "log"},
      port_);
}

void Prometheus::scrape(const std::vector<std::uint16_t>& ports) const {
  // In one step: it must never read half a file.
  write_file(dir_ / "targets.new", targets_of(ports));
  std::filesystem::rename(dir_ / "targets.new", dir_ / "targets.json");
}

std::vector<Sample> Prometheus::query(const std::string& expression) const {
  const nlohmann::json answer = ask("query", {{"query", expression}});
  if (answer["status"] != "success") {
    throw std::runtime_error("Prometheus refuses " + expression + ": " + answer.dump());
  }
  std::vector<Sample> samples;
  for (const auto& result : answer["data"]["result"]) {
    Sample sample;
    sample.labels = labels_of(result["metric"]);
    sample.name = sample.labels["__name__"];
    sample.value = parse_value(result["value"][1]);
    samples.push_back(sample);
  }
  return samples;
}

nlohmann::json Prometheus::ask(const std::string& endpoint,
                               const std::map<std::string, std::string>& parameters) const {
  std::string target = "/api/v1/" + endpoint + "?";
  for (const auto& [name, value] : parameters)
    target += percent_encoded(name) + "=" + percent_encoded(value) + "&";
  const auto reply = http_get(port_, target);
  if (!reply) throw NoAnswer("Prometheus: " + log());
  return nlohmann::json::parse(reply->body);
}

std::optional<double> Prometheus::value(const std::string& expression) const {
  const std::vector<Sample> samples = query(expression);
  if (samples.size() != 1) return std::nullopt;
  return samples.front().value;
}

}  // namespace rpoguard::test
