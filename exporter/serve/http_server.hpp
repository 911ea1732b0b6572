// HTTP as a function from request to response. Hides cpp-httplib and its traps.
//
// One request per connection: no keep-alive, no compression, no ranges, no routes. A request head
// must arrive whole within kHeadTimeout and kHeadBytesMax; a body is never read.
// The process should give its threads 8 MiB of stack (pthread_setattr_default_np at the top of
// main): cpp-httplib uses std::regex, which recurses (H5, H6).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporter/core/result.hpp"
#include "exporter/core/spec.hpp"

namespace rpoguard::serve {

struct HttpRequest {
  std::string method;
  std::string path;  ///< decoded, without the query, at most limits::kHttpPathBytesMax bytes
  std::multimap<std::string, std::string> query;  ///< decoded; keys may repeat
  std::map<std::string, std::string> headers;     ///< names in lower case; the first of each
  std::string remote_address;
  bool path_cut = false;       ///< `path` is only the start of a longer one (gate only)
  bool authenticated = false;  ///< by a password or a verified client certificate (web_guard.hpp)
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Must be thread-safe and quick; called on the listener's own threads. Must not throw (a throw is
/// a plain 500). Sees every method, also unknown ones, and answers 405 itself; for HEAD it answers
/// as for GET, the body is left out here.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

class WebGuard;

struct HttpOptions {
  std::size_t threads = 4;
  /// Where TLS comes from; must outlive the listener. Null: none.
  WebGuard* web = nullptr;
};

/// A request head, and the TLS handshake before it, must be complete within this time of its
/// connection being taken up, however slowly it trickles in ...
inline constexpr std::chrono::milliseconds kHeadTimeout{2000};
/// ... or within this time while no thread of the listener is free.
inline constexpr std::chrono::milliseconds kHeadTimeoutBusy{250};
/// An answer must be taken within this time.
inline constexpr std::chrono::milliseconds kAnswerTimeout{5000};
/// A longer head is refused with 431, a single longer line of 8 KiB with 400.
inline constexpr std::size_t kHeadBytesMax = 32 * 1024;

/// One listener with its own threads. Bodies are never read.
/// Order of calls: bind start stop
class HttpServer {
 public:
  /// Binds at once; port 0 picks a free one. Fails if the address is in use: no silent sharing.
  static core::Result<std::unique_ptr<HttpServer>> bind(const core::ListenSpec& listen,
                                                        HttpOptions options, HttpHandler handler);
  ~HttpServer();  ///< stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
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
