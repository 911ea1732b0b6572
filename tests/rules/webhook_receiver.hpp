// Who is paged in a test: what Alertmanager posts, by the path it posts to.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "demo/tools/net.hpp"
#include <nlohmann/json.hpp>

namespace rpoguard::test {

struct Notification {
  std::string receiver{};  ///< the path without its slash
  nlohmann::json body{};
  std::chrono::steady_clock::time_point at{};
};

/// Listens on a free port of 127.0.0.1 and accepts everything. Thread-safe.
class WebhookReceiver {
 public:
  WebhookReceiver();
  ~WebhookReceiver();
  WebhookReceiver(const WebhookReceiver&) = delete;
  WebhookReceiver& operator=(const WebhookReceiver&) = delete;

  std::uint16_t port() const { return port_; }
  /// All that this receiver was sent so far.
  std::vector<Notification> sent_to(const std::string& receiver) const;

 private:
  void serve();
  void take(const demo::Fd& client);

  std::uint16_t port_;
  demo::Fd listener_;
  mutable std::mutex mutex_;
  std::vector<Notification> notifications_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace rpoguard::test
