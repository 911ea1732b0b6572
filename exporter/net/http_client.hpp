// A small blocking HTTP client. Not for the probing loop: call it on a thread that may wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "exporter/core/result.hpp"

namespace rpoguard::net {

struct HttpGet {
  std::string host;
  std::uint16_t port = 0;
  std::string path;                         ///< with its query, percent-encoded
  std::chrono::milliseconds timeout{3000};  ///< for the whole exchange, the name look-up apart
  std::size_t body_bytes_max = 64 * 1024 * 1024;  ///< a longer body is an error
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

/// Any status is an answer; no answer, a cut one or one too large is an error. Follows no
/// redirects. Thread-safe.
core::Result<HttpAnswer> http_get(const HttpGet& get);

}  // namespace rpoguard::net
