// Asks the witnesses of all shards over HTTP, each on its own clock.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include <asio/io_context.hpp>

#include "exporter/core/model/clock.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/observe/system/password_reader.hpp"

namespace rpoguard::observe {

/// Which witness of a shard: ShardSpec::epoch_witness or ::generation_witness.
enum class WitnessKind { epoch, generation };

/// Where observations go. Called on the loop thread.
using WitnessSink =
    std::function<void(std::size_t shard, WitnessKind kind, core::WitnessObservation)>;

/// One request per witness and interval, on a connection of its own. Each ends within its time-out,
/// the name look-up included, in an observation. The requests block on threads, a few for each
/// HOST:PORT, so a witness that hangs delays only those of its address. Not thread-safe: construct,
/// call and destroy it on the thread that runs the loop (or before it runs). Order of calls:
/// start() stop()?
class WitnessProber {
 public:
  /// How many requests to one HOST:PORT may run at once.
  static constexpr std::size_t kRequestsMax = 4;

  /// `read_token` is called for WitnessSpec::token_file at each request, on any thread: it may
  /// outlive the prober while a request hangs.
  WitnessProber(asio::io_context& loop, std::shared_ptr<const core::Spec> spec,
                const core::Clock& clock, PasswordReader read_token, WitnessSink sink);
  ~WitnessProber();  ///< no sink call after it returns; may wait WorkerPool::kPatience
  WitnessProber(const WitnessProber&) = delete;
  WitnessProber& operator=(const WitnessProber&) = delete;

  void start();
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace rpoguard::observe
