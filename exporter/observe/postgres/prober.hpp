// Asks every PostgreSQL node on its own clock and yields facts. Takes no decisions.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include <asio/io_context.hpp>

#include "exporter/core/model/clock.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/observe/system/password_reader.hpp"

namespace rpoguard::observe {

/// Where observations go. Called on the loop thread. Shard and node are indices into Spec::shards
/// and ::nodes.
struct Sink {
  std::function<void(std::size_t shard, std::size_t node, core::NodeObservation)> fast;
  std::function<void(std::size_t shard, std::size_t node, core::SlowObservation)> slow;
};

/// Probes all nodes of a Spec on one io_context: one connection per node, one light statement per
/// node and tick, a slow one every ProbeSpec::slow_interval. In each tick the shard's writer is
/// asked first and the other nodes shortly after, whether or not it has answered; a dead or hung
/// node delays nobody, and skips the ticks until its probe has ended. Every probe ends within
/// ProbeSpec::timeout, in an observation: facts or a ProbeError. Not thread-safe: construct, call
/// and destroy it on the thread that runs the loop (or before it runs). Order of calls: start()
/// (set_writer() | set_interval())* stop()?
class Prober {
 public:
  Prober(asio::io_context& loop, std::shared_ptr<const core::Spec> spec, const core::Clock& clock,
         PasswordReader read_password, Sink sink);
  ~Prober();  ///< closes all connections; no sink call after it returns
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  void start();
  /// Which node of the shard to ask first; nullopt: unknown, ask all at once.
  void set_writer(std::size_t shard, std::optional<std::size_t> node);
  /// The run of the shard's confirmed writer: from now on all looks tell whether the nodes hold its
  /// mark, and the writer gets it. Absent: no writer is confirmed.
  void expect_mark(std::size_t shard, std::size_t writer, const std::optional<core::RunId>& run);
  /// How often to probe the shard from now on; ProbeSpec::interval until it is called. The next
  /// tick comes no later than `interval` after the last. REQUIRES: interval > 0.
  void set_interval(std::size_t shard, core::Duration interval);
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace rpoguard::observe
