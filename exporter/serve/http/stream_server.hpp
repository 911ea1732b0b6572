// Many TCP connections on one thread, with or without TLS: whoever is slow or silent costs memory,
// not time. Knows nothing of what is spoken.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "exporter/base/result.hpp"
#include "exporter/core/model/spec.hpp"

namespace rpoguard::serve {

/// What a protocol makes of the bytes received so far.
struct Exchange {
  std::size_t consumed = 0;  ///< 0: not a whole request yet
  std::string answer;
  bool close = false;   ///< after the answer
  bool unread = false;  ///< with close: the client is sending more, which nobody reads
};

struct Client {
  std::string address;    ///< numeric
  bool last = false;      ///< the connection ends after this answer, whatever the protocol says
  bool verified = false;  ///< it has shown a certificate, which was verified
};

/// Called on the server's own thread for the start of what a client has sent, until it consumes
/// nothing. Must be quick and must not throw.
using Protocol = std::function<Exchange(std::string_view received, const Client& client)>;

class WebGuard;

struct StreamOptions {
  /// Between requests, and before the first.
  std::chrono::milliseconds idle_timeout{75'000};
  /// From the first byte of a request to its last, however slowly it trickles in; also for a TLS
  /// handshake, from the connection on.
  std::chrono::milliseconds request_timeout{2'000};
  /// An answer must be taken within this time.
  std::chrono::milliseconds answer_timeout{5'000};
  std::size_t request_bytes_max = 32 * 1024;
  /// Beyond it, and beyond three quarters of the process's file descriptors, the connection that
  /// has gone longest without a whole request makes room for the new one.
  std::size_t connections_max = 4096;
  /// Of all connections together: requests that are not whole or not yet answered, and answers that
  /// are not yet taken. Beyond it the connection that has gone longest without a whole request, of
  /// those that hold any, is closed.
  std::size_t held_bytes_max = std::size_t{32} * 1024 * 1024;
  /// Where TLS comes from; must outlive the listener. Null: none.
  WebGuard* web = nullptr;
  // Last words to a client:
  std::string too_silent{};  ///< of which nothing came for idle_timeout
  std::string too_slow{};    ///< whose request was not whole in time
  std::string too_large{};   ///< whose request is larger than request_bytes_max
};

/// Requests that come in one go are answered in their order. Order of calls: bind start stop
class StreamServer {
 public:
  /// Binds at once; port 0 picks a free one. Fails if the address is in use.
  static base::Result<std::unique_ptr<StreamServer>> bind(const core::ListenSpec& listen,
                                                          StreamOptions options, Protocol protocol);
  ~StreamServer();  ///< stops
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  std::uint16_t port() const;
  /// Connections closed for what they held. Thread-safe.
  std::uint64_t given_up() const;
  /// Serves on a thread of its own. `on_failure` is called from it if accepting ends before stop();
  /// it must not call stop().
  void start(std::function<void()> on_failure);
  /// Accepts no more, answers what is on its way, and ends within about a second. Idempotent. Not
  /// to be called from the protocol.
  void stop();

 private:
  class Impl;
  explicit StreamServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rpoguard::serve
