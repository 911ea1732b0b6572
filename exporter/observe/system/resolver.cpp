#include "exporter/observe/system/resolver.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include <asio/post.hpp>
#include <netdb.h>
#include <sys/socket.h>

namespace rpoguard::observe {

namespace {

core::Result<Addresses> look_up(const std::string& host, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) return core::Error{"cannot resolve " + host + ": " + ::gai_strerror(error), {}};
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
  if (addresses.empty()) return core::Error{"no address for " + host, {}};
  return addresses;
}

}  // namespace

core::Result<Addresses> system_lookup(const std::string& host) {
  return look_up(host, 0);
}

// What the threads may touch. They are detached and own it: a look-up may hang for longer than the
// Resolver lives.
struct Resolver::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  Resolver* owner = nullptr;  // null: gone, and perhaps the loop as well
  Lookup lookup;
  std::size_t threads_max;
  std::size_t threads = 0;
  std::size_t idle = 0;
  std::deque<std::string> jobs;
};

Resolver::Resolver(asio::io_context& loop, const core::Clock& clock, Lookup lookup,
                   std::size_t threads_max, core::Duration ttl)
    : loop_(loop), clock_(clock), ttl_(ttl), shared_(std::make_shared<Shared>()) {
  shared_->owner = this;
  shared_->lookup = std::move(lookup);
  shared_->threads_max = threads_max;
}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->owner = nullptr;
  shared_->jobs.clear();
  shared_->changed.notify_all();
}

void Resolver::resolve(const std::string& host, OnAddresses done) {
  auto numeric = look_up(host, AI_NUMERICHOST);  // does not block
  if (numeric.ok()) return done(std::move(numeric));
  const auto known = known_.find(host);
  if (known != known_.end() && clock_.now() - known->second.learned < ttl_)
    return done(known->second.addresses);
  const auto [waiting, first] =
      waiting_.try_emplace(host, Waiting{asio::make_work_guard(loop_), {}});
  waiting->second.callers.push_back(std::move(done));
  if (!first) return;  // being looked up
  const std::lock_guard lock(shared_->mutex);
  shared_->jobs.push_back(host);
  if (shared_->idle < shared_->jobs.size() && shared_->threads < shared_->threads_max) {
    ++shared_->threads;
    std::thread([shared = shared_] { work(shared); }).detach();
  } else {
    shared_->changed.notify_one();
  }
}

void Resolver::finish(const std::string& host, core::Result<Addresses> answer) {
  if (answer.ok()) known_[host] = Known{answer.value(), clock_.now()};
  const auto node = waiting_.extract(host);
  if (node.empty()) return;
  for (const OnAddresses& done : node.mapped().callers) done(answer);
}

void Resolver::work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (true) {
    ++shared->idle;
    shared->changed.wait(lock, [&] { return shared->owner == nullptr || !shared->jobs.empty(); });
    --shared->idle;
    if (shared->owner == nullptr) return;
    const std::string host = std::move(shared->jobs.front());
    shared->jobs.pop_front();
    lock.unlock();
    auto answer = shared->lookup(host);
    lock.lock();
    if (shared->owner == nullptr) return;
    asio::post(shared->owner->loop_, [shared, host, answer = std::move(answer)]() mutable {
      Resolver* owner = nullptr;
      {
        const std::lock_guard held(shared->mutex);
        owner = shared->owner;  // stays: it is destroyed on this thread only
      }
      if (owner != nullptr) owner->finish(host, std::move(answer));
    });
  }
}

}  // namespace rpoguard::observe
