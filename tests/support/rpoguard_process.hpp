// The real program against real servers.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/http.hpp"
#include "tests/support/metrics.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {

struct NodeConfig {
  std::string name{};
  std::string region{};
  std::uint16_t port = 0;
  std::string host = "127.0.0.1";
  std::string extra{};  ///< more keys in flow style, e.g. "durability_target: false"
};

struct ShardConfig {
  std::string id = "184";
  std::string home_region = "iad";
  std::vector<NodeConfig> nodes{};
  std::string extra{};  ///< more keys, one "key: value" a line
};

/// What becomes rpoguard.yml.
struct RpoguardConfig {
  std::vector<ShardConfig> shards{};
  std::string rpo = "5s";
  std::string epoch_source = "timeline";  ///< or table
  std::string probe_interval = "200ms";
  std::string probe_timeout = "150ms";
  std::string connect = "dbname: postgres, user: postgres";  ///< flow style
  std::string defaults{};   ///< more keys of defaults, one "key: value" a line
  std::string process{};    ///< more keys of the whole process, one "key: value" a line
  std::string agent{};      ///< listen.agent
  std::string health{};     ///< listen.health
  std::string state_dir{};  ///< that exists; empty: one of its own
  std::map<std::string, std::string> env{};  ///< of the process
  std::vector<std::string> launcher{};       ///< command that becomes the program, e.g. nice
  std::vector<std::string> arguments{};      ///< of serve, besides --config.file
};

/// `rpoguard serve` with its own free ports and state_dir. Not thread-safe. Throws
/// std::runtime_error with the end of its log when it does not do what is asked. That it ends
/// unasked fails the test, with the log, even if the test looks at nothing that would show it.
class Rpoguard {
 public:
  /// Starts it; wait_until_serving() next.
  explicit Rpoguard(const RpoguardConfig& config);
  ~Rpoguard();
  Rpoguard(const Rpoguard&) = delete;
  Rpoguard& operator=(const Rpoguard&) = delete;

  /// Until both listeners answer and a first view is out (/readyz says 200).
  void wait_until_serving(std::chrono::nanoseconds deadline = std::chrono::seconds(30));
  void start();              ///< again, after it has ended: same ports, same state_dir
  [[nodiscard]] int stop();  ///< SIGTERM; the exit code
  void kill9();
  /// It is meant to end by itself: the exit code, absent when it still runs after `deadline`.
  [[nodiscard]] std::optional<int> ends(std::chrono::nanoseconds deadline);
  void sigstop() { process_->signal(SIGSTOP); }
  void sigcont() { process_->signal(SIGCONT); }
  void sighup() { process_->signal(SIGHUP); }
  pid_t pid() const { return process_->pid(); }

  std::uint16_t ops_port() const { return ops_port_; }
  std::uint16_t gate_port() const { return gate_port_; }
  std::string config_path() const { return dir_ / "rpoguard.yml"; }
  const std::string& state_dir() const { return state_dir_; }
  std::string log() const { return read_file(log_path()); }
  /// Writes the file anew; SIGHUP is up to the caller.
  void write_config(const RpoguardConfig& config) const;

  std::optional<HttpReply> ops(const std::string& target) const;
  std::optional<HttpReply> gate(const std::string& target) const;
  /// The answer's JSON. Throws when there is none.
  nlohmann::json ops_json(const std::string& target) const;
  nlohmann::json gate_json(const std::string& target) const;
  Metrics metrics() const;
  std::optional<double> metric(const std::string& name, const Labels& labels = {}) const;
  /// 200 from /gate/SHARD; false is 503. Throws NoAnswer (eventually.hpp) when there is none, and
  /// std::runtime_error on any other one, e.g. of a shard that it does not know.
  bool gate_open(const std::string& shard) const;
  /// The code of the reason in the answer's header; empty when open. Throws as gate_open().
  std::string gate_reason(const std::string& shard) const;

 private:
  std::string log_path() const { return dir_ / "log"; }
  std::string what_happened(const std::string& what) const;
  [[noreturn]] void fail(const std::string& what) const;
  HttpReply gate_verdict(const std::string& shard) const;
  void expect_no_end_unasked();

  TempDir dir_;
  const std::string state_dir_;
  const std::map<std::string, std::string> env_;
  const std::vector<std::string> launcher_;
  const std::vector<std::string> arguments_;
  std::uint16_t ops_port_;
  std::uint16_t gate_port_;
  std::unique_ptr<Process> process_;
  bool may_end_ = false;
};

/// The YAML text that Rpoguard writes.
std::string render_config(const RpoguardConfig& config, std::uint16_t ops_port,
                          std::uint16_t gate_port, const std::string& state_dir);

}  // namespace rpoguard::test
