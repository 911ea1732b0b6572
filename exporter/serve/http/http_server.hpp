// A listener that answers by an HttpHandler, one request per connection. Hides cpp-httplib and its
// traps.
//
// Half of the threads may wait for clients that take their answers slowly, and no more: whoever has
// waited longest is given up for the next one.
// No keep-alive, no compression, no ranges, no routes. A request head must arrive whole within
// kHeadTimeout and kHeadBytesMax, and a line of more than 8 KiB is refused with 400.
// The process should give its threads 8 MiB of stack (pthread_setattr_default_np at the top of
// main): cpp-httplib parses with std::regex, which recurses once per character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "exporter/base/result.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/serve/http/http_message.hpp"

namespace rpoguard::serve {

class WebGuard;

struct HttpOptions {
  std::size_t threads = 4;
  /// Where TLS comes from; must outlive the listener. Null: none.
  WebGuard* web = nullptr;
};

/// One listener with its own threads. Bodies are never read.
/// Order of calls: bind start stop
class HttpServer {
 public:
  /// Binds at once; port 0 picks a free one. Fails if the address is in use: no silent sharing.
  static base::Result<std::unique_ptr<HttpServer>> bind(const core::ListenSpec& listen,
                                                        HttpOptions options, HttpHandler handler);
  ~HttpServer();  ///< stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  /// Clients that were given up for others. Thread-safe.
  std::uint64_t given_up() const;
  /// Serves on own threads; returns when it does. `on_failure` is called from one of them if
  /// accepting ends before stop(); it must not call stop().
  void start(std::function<void()> on_failure);
  /// Bounded: at most about two seconds, also with idle or silent clients. Idempotent. Not to be
  /// called from a handler.
  void stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rpoguard::serve
