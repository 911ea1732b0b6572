#include "tests/support/rpoguard_process.hpp"

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

constexpr std::size_t kProgramLogTail = 4000;

std::string indented(const std::string& lines, const std::string& indentation) {
  std::istringstream in(lines);
  std::string result;
  for (std::string line; std::getline(in, line);) result += indentation + line + "\n";
  return result;
}

nlohmann::json parse_json(const std::optional<HttpReply>& reply, const std::string& target) {
  if (!reply) throw std::runtime_error("no answer to " + target);
  return nlohmann::json::parse(reply->body);
}

}  // namespace

std::string render_config(const RpoguardConfig& config, std::uint16_t ops_port,
                          std::uint16_t gate_port, const std::string& state_dir) {
  std::ostringstream out;
  out << "listen: {ops: \"127.0.0.1:" << ops_port << "\", gate: \"127.0.0.1:" << gate_port
      << "\", agent: \"" << config.agent << "\", health: \"" << config.health << "\"}\n"
      << indented(config.process, "") << "state_dir: " << state_dir << "\n"
      << "probe: {interval: " << config.probe_interval << ", timeout: " << config.probe_timeout
      << "}\n"
      << "defaults:\n  rpo: " << config.rpo << "\n  epoch: {source: " << config.epoch_source
      << "}\n  connect: {" << config.connect << "}\n"
      << indented(config.defaults, "  ") << "shards:\n";
  for (const ShardConfig& shard : config.shards) {
    out << "  - id: \"" << shard.id << "\"\n    home_region: " << shard.home_region << "\n"
        << indented(shard.extra, "    ") << "    nodes:\n";
    for (const NodeConfig& node : shard.nodes) {
      out << "      - {name: " << node.name << ", region: " << node.region
          << ", host: " << node.host << ", port: " << node.port << (node.extra.empty() ? "" : ", ")
          << node.extra << "}\n";
    }
  }
  return out.str();
}

Rpoguard::Rpoguard(const RpoguardConfig& config)
    : state_dir_(config.state_dir.empty() ? (dir_ / "state").string() : config.state_dir),
      env_(config.env),
      launcher_(config.launcher),
      arguments_(config.arguments),
      ops_port_(free_port()),
      gate_port_(free_port()) {
  std::filesystem::create_directory(state_dir());
  write_config(config);
  start();
}

Rpoguard::~Rpoguard() {
  expect_no_end_unasked();
}

void Rpoguard::expect_no_end_unasked() {
  if (!process_ || may_end_ || process_->running()) return;
  const int code = process_->wait(std::chrono::seconds(0)).value_or(-1);
  ADD_FAILURE() << what_happened("ended by itself with " + std::to_string(code));
}

void Rpoguard::write_config(const RpoguardConfig& config) const {
  write_file(config_path(), render_config(config, ops_port_, gate_port_, state_dir()));
}

void Rpoguard::start() {
  expect_no_end_unasked();
  may_end_ = false;
  std::vector<std::string> argv = launcher_;
  argv.insert(argv.end(), {RPOGUARD_BINARY, "serve", "--config.file=" + config_path()});
  argv.insert(argv.end(), arguments_.begin(), arguments_.end());
  process_ = std::make_unique<Process>(
      SpawnOptions{.argv = argv, .env = env_, .output = log_path(), .directory = dir_.path()});
}

int Rpoguard::stop() {
  expect_no_end_unasked();
  may_end_ = true;
  process_->signal(SIGTERM);
  const std::optional<int> code = process_->wait(std::chrono::seconds(15));
  if (!code) fail("did not stop after SIGTERM");
  return *code;
}

void Rpoguard::kill9() {
  expect_no_end_unasked();
  may_end_ = true;
  process_->kill_tree();
}

std::optional<int> Rpoguard::ends(std::chrono::nanoseconds deadline) {
  may_end_ = true;
  return process_->wait(deadline);
}

void Rpoguard::wait_until_serving(std::chrono::nanoseconds deadline) {
  const bool serving = eventually(deadline, [this] {
    if (!process_->running()) return true;
    const auto ready = ops("/readyz");
    return ready && ready->status == 200 && gate("/gate").has_value();
  });
  if (!serving) fail("is not ready in time");
  if (process_->running()) return;
  may_end_ = true;  // this tells of it
  fail("ended");
}

std::string Rpoguard::what_happened(const std::string& what) const {
  const std::string all = log();
  const std::size_t from = all.size() > kProgramLogTail ? all.size() - kProgramLogTail : 0;
  return "rpoguard " + what + "; its log ends with:\n" + all.substr(from);
}

void Rpoguard::fail(const std::string& what) const {
  throw std::runtime_error(what_happened(what));
}

std::optional<HttpReply> Rpoguard::ops(const std::string& target) const {
  return http_get(ops_port_, target);
}

std::optional<HttpReply> Rpoguard::gate(const std::string& target) const {
  return http_get(gate_port_, target);
}

nlohmann::json Rpoguard::ops_json(const std::string& target) const {
  return parse_json(ops(target), target);
}

nlohmann::json Rpoguard::gate_json(const std::string& target) const {
  return parse_json(gate(target), target);
}

Metrics Rpoguard::metrics() const {
  const auto page = ops("/metrics");
  if (!page || page->status != 200) fail("has no metrics page");
  return Metrics(page->body);
}

std::optional<double> Rpoguard::metric(const std::string& name, const Labels& labels) const {
  return metrics().value(name, labels);
}

HttpReply Rpoguard::gate_verdict(const std::string& shard) const {
  const auto reply = gate("/gate/" + shard);
  if (!reply) throw NoAnswer("the gate of " + shard);
  if (reply->status != 200 && reply->status != 503)
    fail("answers " + std::to_string(reply->status) + " at the gate of " + shard);
  return *reply;
}

bool Rpoguard::gate_open(const std::string& shard) const {
  return gate_verdict(shard).status == 200;
}

std::string Rpoguard::gate_reason(const std::string& shard) const {
  const HttpReply reply = gate_verdict(shard);
  const auto reason = reply.headers.find("rpoguard-reason");
  return reason == reply.headers.end() ? "" : reason->second;
}

}  // namespace rpoguard::test
