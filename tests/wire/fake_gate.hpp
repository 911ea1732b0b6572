// A gate whose answers a test dictates.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "demo/tools/net.hpp"
#include <arpa/inet.h>
#include <netinet/in.h>

namespace rpoguard::test {

/// What the gate says. `silent`: it reads the question and never answers.
struct GateScript {
  int status = 200;
  std::string body{};
  std::string headers{};  ///< whole lines, each ending in CR LF
  bool silent = false;
  std::chrono::milliseconds delay{0};
};

inline GateScript open_gate(const std::string& writer, std::int64_t epoch, int open_for_ms) {
  return {.body = R"({"shard":"184","open":true,"open_for_ms":)" + std::to_string(open_for_ms) +
                  R"(,"epoch":)" + std::to_string(epoch) +
                  R"(,"generation":null,"writer":{"node":")" + writer +
                  R"(","region":"iad"},"exposure_seconds":0.5,"rpo_seconds":5})"};
}

inline GateScript closed_gate(const std::string& reason, std::int64_t epoch) {
  return {.status = 503,
          .body = R"({"shard":"184","open":false,"open_for_ms":0,"epoch":)" +
                  std::to_string(epoch) +
                  R"(,"writer":null,"code":"writer_unavailable","reason":")" + reason +
                  R"(","retryable":true})",
          .headers = "Retry-After: 1\r\n"};
}

/// Serves one connection after the other on its own thread. Thread-safe.
class FakeGate {
 public:
  explicit FakeGate(GateScript script) : script_(std::move(script)), thread_([this] { serve(); }) {}
  ~FakeGate() {
    stop_ = true;
    thread_.join();
  }
  FakeGate(const FakeGate&) = delete;
  FakeGate& operator=(const FakeGate&) = delete;

  demo::Address address() const {
    sockaddr_in name{};
    socklen_t size = sizeof(name);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&name), &size);
    return {"127.0.0.1", ntohs(name.sin_port)};
  }
  void say(GateScript script) {
    const std::lock_guard lock(mutex_);
    script_ = std::move(script);
  }
  /// A caller that names another epoch than this one is refused as stale.
  void require_epoch(std::int64_t epoch) { required_epoch_ = epoch; }
  /// First lines of the requests so far.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (!stop_) {
      const demo::Fd client =
          demo::accept_one(listener_, demo::boot_now() + std::chrono::milliseconds(20));
      if (client) answer(client);
    }
  }

  void answer(const demo::Fd& client) {
    const auto deadline = demo::boot_now() + std::chrono::seconds(5);
    const auto request = demo::receive_http(client, false, 0, deadline);
    if (!request) return;
    GateScript script = remember(request->first_line);
    const auto until = demo::boot_now() + script.delay;
    std::string ignored;
    while (!stop_ && (script.silent || demo::boot_now() < until)) {
      // Ends when the caller gives up.
      if (!demo::receive_some(client, ignored, demo::boot_now() + std::chrono::milliseconds(10)) &&
          gone(client)) {
        return;
      }
    }
    demo::send_all(client,
                   "HTTP/1.1 " + std::to_string(script.status) + " X\r\n" + script.headers +
                       "Content-Length: " + std::to_string(script.body.size()) + "\r\n\r\n" +
                       script.body,
                   deadline);
  }

  static bool gone(const demo::Fd& client) {
    char byte = 0;
    return ::recv(client.get(), &byte, 1, MSG_PEEK) == 0;
  }

  GateScript remember(const std::string& first_line) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(first_line);
    const std::int64_t required = required_epoch_;
    const bool names_epoch = first_line.find("?epoch=") != std::string::npos;
    const std::string wanted = "?epoch=" + std::to_string(required) + " ";
    if (required >= 0 && names_epoch && first_line.find(wanted) == std::string::npos) {
      return closed_gate("stale_epoch", required);
    }
    return script_;
  }

  demo::Fd listener_ = demo::listen_tcp({"127.0.0.1", 0});
  mutable std::mutex mutex_;
  GateScript script_;
  std::vector<std::string> requests_;
  std::atomic<std::int64_t> required_epoch_{-1};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace rpoguard::test
