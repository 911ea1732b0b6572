// A small HTTP server that says what a test tells it to: somebody else's service.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rpoguard::test {

/// Listens on a free port of 127.0.0.1. Thread-safe.
class JsonServer {
 public:
  explicit JsonServer(const std::string& body);
  ~JsonServer();
  JsonServer(const JsonServer&) = delete;
  JsonServer& operator=(const JsonServer&) = delete;

  void say(const std::string& body);         ///< from now on, with status 200
  void say_status(const std::string& line);  ///< "503 Service Unavailable", without a body
  void fall_silent();                        ///< takes requests and answers none, until say()

  std::uint16_t port() const { return port_; }
  std::string url(const std::string& path = "/") const;
  int requests() const { return requests_; }
  std::string last_request() const;         ///< its head
  std::vector<std::string> bodies() const;  ///< of all requests that have one, in their order

 private:
  void serve();
  void answer(int socket);

  int listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::string reply_;  // empty: none
  std::string last_request_;
  std::vector<std::string> bodies_;
  std::vector<int> unanswered_;
  std::atomic<int> requests_{0};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace rpoguard::test
