// Runs a Prober in the test's own thread and keeps what it says.
#pragma once

#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <asio/io_context.hpp>

#include "exporter/core/model/clock.hpp"
#include "exporter/observe/postgres/prober.hpp"

namespace rpoguard::test {

/// The machine's own clock.
class BootTimeClock final : public core::Clock {
 public:
  core::Instant now() const override {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return core::Instant(std::chrono::seconds(time.tv_sec) +
                         std::chrono::nanoseconds(time.tv_nsec));
  }
  core::WallTime wall() const override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
  }
};

/// Runs `loop` until `predicate` holds; false when the deadline passes first.
template <typename Predicate>
[[nodiscard]] bool run_until(asio::io_context& loop, std::chrono::nanoseconds deadline,
                             Predicate&& predicate) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  loop.restart();
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    loop.run_one_for(std::chrono::milliseconds(20));
  }
  return true;
}

inline core::NodeSpec probe_node(const std::string& name, std::uint16_t port,
                                 const std::string& host = "127.0.0.1") {
  core::NodeSpec node;
  node.name = name;
  node.region = "iad";
  node.connect.host = host;
  node.connect.port = port;
  node.connect.user = "postgres";
  return node;
}

struct ProbeRunOptions {
  core::ProbeSpec timing{.interval = std::chrono::milliseconds(600),
                         .timeout = std::chrono::milliseconds(500),
                         .slow_interval = std::chrono::hours(1)};
  core::EpochSource epoch_source = core::EpochSource::table;
  std::string password{};
  std::string epoch_query{};
};

/// One shard of the given nodes, probed as long as a run() is going on.
class ProbeRun {
 public:
  using Fast = std::vector<core::NodeObservation>;
  using Slow = std::vector<core::SlowObservation>;

  explicit ProbeRun(std::vector<core::NodeSpec> nodes, ProbeRunOptions options = {})
      : fast_(nodes.size()), slow_(nodes.size()) {
    auto spec = std::make_shared<core::Spec>();
    spec->probe = options.timing;
    core::ShardSpec shard;
    shard.id = "184";
    shard.nodes = std::move(nodes);
    shard.epoch_source = options.epoch_source;
    shard.epoch_query = options.epoch_query;
    shard.archive.interval = options.timing.slow_interval;
    spec->shards.push_back(std::move(shard));
    prober_ = std::make_unique<observe::Prober>(
        loop_, std::move(spec), clock_,
        [password = options.password](const core::PasswordSource&) {
          return base::Result<std::string>(password);
        },
        observe::Sink{
            .fast = [this](std::size_t, std::size_t node,
                           core::NodeObservation seen) { fast_[node].push_back(std::move(seen)); },
            .slow = [this](
                        std::size_t, std::size_t node,
                        core::SlowObservation seen) { slow_[node].push_back(std::move(seen)); }});
    prober_->start();
  }

  template <typename Predicate>
  [[nodiscard]] bool run(std::chrono::nanoseconds deadline, Predicate&& predicate) {
    return run_until(loop_, deadline, std::forward<Predicate>(predicate));
  }

  const Fast& fast(std::size_t node) const { return fast_[node]; }
  const Slow& slow(std::size_t node) const { return slow_[node]; }
  observe::Prober& prober() { return *prober_; }
  core::Instant now() const { return clock_.now(); }
  asio::io_context& loop() { return loop_; }

  /// Of the last observation; null: none yet, or a failure.
  const core::NodeFacts* facts(std::size_t node) const {
    return fast_[node].empty() ? nullptr : facts_of(fast_[node].back());
  }
  /// Of the last observation; null: none yet, or facts.
  const core::ProbeError* error(std::size_t node) const {
    return fast_[node].empty() ? nullptr
                               : std::get_if<core::ProbeError>(&fast_[node].back().outcome);
  }
  static const core::NodeFacts* facts_of(const core::NodeObservation& seen) {
    return std::get_if<core::NodeFacts>(&seen.outcome);
  }

 private:
  asio::io_context loop_;
  BootTimeClock clock_;
  std::vector<Fast> fast_;
  std::vector<Slow> slow_;
  std::unique_ptr<observe::Prober> prober_;
};

}  // namespace rpoguard::test
