// Host names to addresses, off the loop: getaddrinfo blocks for as long as it likes.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include "exporter/base/result.hpp"
#include "exporter/core/model/clock.hpp"
#include "exporter/core/model/limits.hpp"
#include "exporter/observe/system/way_back.hpp"
#include "exporter/observe/system/worker_pool.hpp"

namespace rpoguard::observe {

/// Numeric addresses in order of preference; never empty.
using Addresses = std::vector<std::string>;
/// Blocks; called on several threads at once. May outlive the HostResolver while it blocks, so it
/// must own what it uses.
using Lookup = std::function<base::Result<Addresses>(const std::string& host)>;

/// getaddrinfo for stream sockets, at most kAddressesMax different addresses.
base::Result<Addresses> system_lookup(const std::string& host);
inline constexpr std::size_t kAddressesMax = 8;

/// Several threads (started when needed), so that one dead name does not block the others; one
/// look-up per name at a time; a good answer is good for `ttl`. Not thread-safe: use and
/// destroy it on the loop's thread. The destructor does not wait for look-ups that hang; nothing is
/// called after it.
class HostResolver {
 public:
  static constexpr std::size_t kThreadsMax = 8;
  using OnAddresses = std::function<void(base::Result<Addresses>)>;

  HostResolver(asio::io_context& loop, const core::Clock& clock, Lookup lookup = system_lookup,
               std::size_t threads_max = kThreadsMax, core::Duration ttl = core::limits::kDnsTtl);
  ~HostResolver();
  HostResolver(const HostResolver&) = delete;
  HostResolver& operator=(const HostResolver&) = delete;

  /// `done` is called once from the loop: before this returns if the host is a numeric address or
  /// its answer is still good, else later.
  void resolve(const std::string& host, OnAddresses done);

 private:
  struct Known {
    Addresses addresses;
    core::Instant learned;
  };
  /// Keeps the loop running for those who wait.
  struct Waiting {
    asio::executor_work_guard<asio::io_context::executor_type> loop_stays;
    std::vector<OnAddresses> callers;
  };
  void finish(const std::string& host, base::Result<Addresses> answer);

  asio::io_context& loop_;
  const core::Clock& clock_;
  const core::Duration ttl_;
  std::map<std::string, Known> known_;
  std::map<std::string, Waiting> waiting_;
  const Lookup lookup_;
  const std::shared_ptr<WayBack<HostResolver>> way_back_;
  WorkerPool pool_;
};

}  // namespace rpoguard::observe
