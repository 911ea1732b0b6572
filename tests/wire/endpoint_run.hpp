// Runs an EndpointProber in the test's own thread and keeps what it says.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporter/observe/outside/endpoint_prober.hpp"

#include "tests/wire/pg_probe_run.hpp"

namespace rpoguard::test {

/// One shard, 184, with this endpoint, tried as long as a run() is going on.
class EndpointRun {
 public:
  explicit EndpointRun(const core::EndpointSpec& endpoint) {
    auto spec = std::make_shared<core::Spec>();
    spec->shards.resize(2);  // the first has no endpoint
    spec->shards[1].id = "184";
    spec->shards[1].endpoint = endpoint;
    prober_ = std::make_unique<observe::EndpointProber>(
        loop_, std::move(spec), clock_,
        [](const core::PasswordSource&) { return base::Result<std::string>(std::string()); },
        [this](std::size_t shard, core::EndpointObservation seen) {
          EXPECT_EQ(shard, 1U);
          seen_.push_back(std::move(seen));
        });
    prober_->start();
  }

  /// Runs until `count` more observations have come.
  [[nodiscard]] bool run(std::size_t count = 1) {
    const std::size_t wanted = seen_.size() + count;
    return run_until(loop_, std::chrono::seconds(30), [&] { return seen_.size() >= wanted; });
  }

  const std::vector<core::EndpointObservation>& seen() const { return seen_; }
  /// Of the last observation; null: a failure.
  const core::EndpointFacts* facts() const {
    return std::get_if<core::EndpointFacts>(&seen_.back().outcome);
  }
  /// Of the last observation: its failure, or "facts".
  std::string error() const {
    const auto* error = std::get_if<core::ProbeError>(&seen_.back().outcome);
    return error == nullptr ? "facts" : core::name_of(error->reason) + (": " + error->message);
  }
  observe::EndpointProber& prober() { return *prober_; }
  asio::io_context& loop() { return loop_; }

 private:
  asio::io_context loop_;
  BootTimeClock clock_;
  std::vector<core::EndpointObservation> seen_;
  std::unique_ptr<observe::EndpointProber> prober_;
};

}  // namespace rpoguard::test
