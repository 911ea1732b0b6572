// Takes the way that clients take to the writer, and tells where it leads.
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

/// Where observations go. Called on the loop thread. Shard is an index into Spec::shards.
using EndpointSink = std::function<void(std::size_t shard, core::EndpointObservation)>;

/// Asks the writer endpoint of each shard that has one: once per EndpointSpec::interval, on a new
/// connection and after a new look-up of its name, because kept ones lead where the endpoint led
/// before. Simple protocol and no settings that outlive a transaction: the endpoint may be a pooler
/// in transaction mode. With a canary, a server that takes writes is also made to commit, as any
/// client's session does; commit_took is from sending that to its answer. Every try ends within
/// EndpointSpec::timeout, in an observation: facts, or a ProbeError, also when all but the commit
/// went well. Not thread-safe: construct, call and destroy it on the thread that runs the loop (or
/// before it runs). Order of calls: start() stop()?
class EndpointProber {
 public:
  EndpointProber(asio::io_context& loop, std::shared_ptr<const core::Spec> spec,
                 const core::Clock& clock, PasswordReader read_password, EndpointSink sink);
  ~EndpointProber();  ///< closes all connections; no sink call after it returns
  EndpointProber(const EndpointProber&) = delete;
  EndpointProber& operator=(const EndpointProber&) = delete;

  void start();
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace rpoguard::observe
