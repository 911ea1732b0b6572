#include "exporter/observe/system/resolver.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <netdb.h>
#include <sys/socket.h>

namespace rpoguard::observe {

namespace {

base::Result<Addresses> look_up(const std::string& host, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) return base::Error{"cannot resolve " + host + ": " + ::gai_strerror(error)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  Addresses addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) != 0)
      continue;
    const std::string address = text.data();
    const bool known = std::find(addresses.begin(), addresses.end(), address) != addresses.end();
    if (!known && addresses.size() < kAddressesMax) addresses.push_back(address);
  }
  if (addresses.empty()) return base::Error{"no address for " + host};
  return addresses;
}

}  // namespace

base::Result<Addresses> system_lookup(const std::string& host) {
  return look_up(host, 0);
}

HostResolver::HostResolver(asio::io_context& loop, const core::Clock& clock, Lookup lookup,
                           std::size_t threads_max, core::Duration ttl)
    : loop_(loop),
      clock_(clock),
      ttl_(ttl),
      lookup_(std::move(lookup)),
      way_back_(std::make_shared<WayBack<HostResolver>>(loop, *this)),
      pool_(threads_max, std::chrono::milliseconds::zero()) {}

HostResolver::~HostResolver() {
  way_back_->close();
}

void HostResolver::resolve(const std::string& host, OnAddresses done) {
  auto numeric = look_up(host, AI_NUMERICHOST);  // does not block
  if (numeric.ok()) return done(std::move(numeric));
  const auto known = known_.find(host);
  if (known != known_.end() && clock_.now() - known->second.learned < ttl_)
    return done(known->second.addresses);
  const auto [waiting, first] =
      waiting_.try_emplace(host, Waiting{asio::make_work_guard(loop_), {}});
  waiting->second.callers.push_back(std::move(done));
  if (!first) return;  // being looked up
  pool_.run([host, lookup = lookup_, way_back = way_back_] {
    way_back->call([host, answer = lookup(host)](HostResolver& self) mutable {
      self.finish(host, std::move(answer));
    });
  });
}

void HostResolver::finish(const std::string& host, base::Result<Addresses> answer) {
  if (answer.ok()) known_[host] = Known{answer.value(), clock_.now()};
  const auto node = waiting_.extract(host);
  if (node.empty()) return;
  for (const OnAddresses& done : node.mapped().callers) done(answer);
}

}  // namespace rpoguard::observe
