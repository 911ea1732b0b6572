// A small HTTP client of its own: tests must not trust the library that they test.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rpoguard::test {

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers{};  ///< names in lower case
  std::string body{};
};

struct HttpCall {
  std::string method = "GET";
  std::string target = "/";                      ///< sent as it is
  std::map<std::string, std::string> headers{};  ///< added to Host and Connection: close
  std::string body{};
  std::chrono::nanoseconds deadline = std::chrono::seconds(10);  ///< for the whole exchange
};

/// One request to 127.0.0.1. Absent: refused, lost, malformed, or not complete within the deadline.
/// Thread-safe.
std::optional<HttpReply> http_call(std::uint16_t port, const HttpCall& call);
std::optional<HttpReply> http_get(std::uint16_t port, const std::string& target);

}  // namespace rpoguard::test
