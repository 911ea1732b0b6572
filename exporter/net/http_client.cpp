#include "exporter/net/http_client.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include <httplib.h>

#ifndef CPPHTTPLIB_OPENSSL_SUPPORT
#error "compile with the flags of pkg-config cpp-httplib: they are part of its ABI (B2)"
#endif

namespace rpoguard::net {
namespace {

// H17: cpp-httplib's time-outs are per recv(), so a peer that dribbles is never late. This thread
// ends the whole exchange.
class Watchdog {
 public:
  Watchdog(httplib::Client& client, std::chrono::milliseconds patience)
      : thread_([this, &client, patience] { watch(client, patience); }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void watch(httplib::Client& client, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [this] { return done_; })) client.stop();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;  // last: it uses the others
};

std::string where(const HttpGet& get) {
  return get.host + ":" + std::to_string(get.port);
}

const char* reason(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "cannot connect";
    case httplib::Error::ConnectionTimeout:
      return "connecting took too long";
    default:
      return "the answer was cut short or took too long";
  }
}

}  // namespace

core::Result<HttpAnswer> http_get(const HttpGet& get) {
  httplib::Client client(get.host, int{get.port});
  client.set_connection_timeout(get.timeout);
  client.set_read_timeout(get.timeout);
  client.set_write_timeout(get.timeout);
  client.set_follow_location(false);
  client.set_keep_alive(false);

  HttpAnswer answer;
  bool too_large = false;
  const auto receive = [&](const char* data, std::size_t size) {
    too_large = answer.body.size() + size > get.body_bytes_max;
    if (!too_large) answer.body.append(data, size);
    return !too_large;
  };
  const Watchdog watchdog(client, get.timeout);
  const httplib::Result result =
      client.Get(get.path, httplib::Headers{{"Accept-Encoding", "identity"}}, receive);
  if (too_large) return core::Error{"the answer of " + where(get) + " is too large", ""};
  if (!result) {
    return core::Error{"no answer from " + where(get) + ": " + reason(result.error()),
                       "is rpoguard running, and is this its address?"};
  }
  answer.status = result->status;
  return answer;
}

}  // namespace rpoguard::net
