// Hundreds of clients that only keep the gate busy, and how long it takes to answer meanwhile.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/support/eventually.hpp"
#include "tests/wire/http_socket.hpp"

namespace rpoguard::test::http {

using Latency = std::chrono::nanoseconds;

inline constexpr std::size_t kIdle = 500;
inline constexpr std::size_t kSlow = 50;

/// Where client and server are one process: two descriptors for each connection.
inline void allow_many_descriptors() {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_GE(limit.rlim_max, 2048U);
  limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, 2048);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/// One more request on this connection, answered by an open gate.
inline bool gate_answers(const HttpSocket& socket, std::string_view request) {
  std::string text;
  return socket.send(request) && socket.read_until("\"rpo_seconds\":5}\n", text) &&
         text.starts_with("HTTP/1.1 200 ");
}

/// Of a thousand answers, one after the other on one connection.
inline Latency p99_of_gate(std::uint16_t port, std::string_view request) {
  constexpr int kAsked = 1000;
  std::vector<Latency> all;
  const HttpSocket socket(port);
  for (int i = 0; i < kAsked; ++i) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(gate_answers(socket, request));
    all.push_back(std::chrono::steady_clock::now() - start);
  }
  std::ranges::nth_element(all, all.begin() + kAsked * 99 / 100);
  return all[kAsked * 99 / 100];
}

/// Everybody has asked once and stays connected; the slow ones send a byte a second.
class Crowd {
 public:
  explicit Crowd(std::uint16_t port) : port_(port) {
    for (std::size_t i = 0; i < kIdle; ++i) idle_.emplace_back(port);
    for (std::size_t i = 0; i < kSlow; ++i) slow_.push_back(std::make_unique<HttpSocket>(port));
    thread_ = std::thread([this] { dribble(); });
  }
  ~Crowd() {
    over_ = true;
    thread_.join();
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  const std::vector<HttpSocket>& idle() const { return idle_; }

 private:
  // One of the fifty each 20 ms. Whoever was cut off comes back.
  void dribble() {
    for (std::size_t i = 0; !eventually(
             std::chrono::milliseconds(20), [&] { return over_.load(); },
             std::chrono::milliseconds(20));
         ++i) {
      auto& socket = slow_[i % kSlow];
      if (!socket->send("G")) socket = std::make_unique<HttpSocket>(port_);
    }
  }

  std::uint16_t port_;
  std::vector<HttpSocket> idle_;
  std::vector<std::unique_ptr<HttpSocket>> slow_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace rpoguard::test::http
