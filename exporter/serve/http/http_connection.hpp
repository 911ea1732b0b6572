// One accepted connection for one HTTP request, with or without TLS, with a deadline over the whole
// exchange, not per recv(), and limits on what is kept of it. Blocks the thread that uses it. POSIX
// sockets only, no HTTP library.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "exporter/serve/http/tls.hpp"

namespace rpoguard::serve {

/// Counts down on CLOCK_MONOTONIC. Network patience only, never a decision.
class Countdown {
 public:
  explicit Countdown(std::chrono::milliseconds patience);
  /// Time since construction.
  std::chrono::milliseconds elapsed() const;
  /// Never negative.
  std::chrono::milliseconds left() const;

 private:
  std::chrono::milliseconds patience_;
  std::chrono::milliseconds started_;
};

/// Owns the socket: shuts it down and closes it. Not thread-safe.
class HttpConnection {
 public:
  /// `wake` becomes readable when the connection is to be given up at once (an eventfd). `tls`:
  /// null for plain text.
  HttpConnection(int socket, int wake, std::unique_ptr<TlsSession> tls = nullptr)
      : socket_(socket), wake_(wake), tls_(std::move(tls)) {}
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  enum class Head {
    complete,
    incomplete,  ///< closed, given up, or not there in time
    too_large,
    no_handshake,  ///< the client does not speak our TLS, or its certificate is refused
  };
  /// Receives up to the empty line that ends a request head. `patience` is asked again and again,
  /// so that it may shrink while the head is waited for. What was received beyond the head is
  /// thrown away.
  Head read_head(std::string& head, std::size_t bytes_max,
                 const std::function<std::chrono::milliseconds()>& patience);

  /// False when not all of it was taken within `patience`, or before the client was given up.
  /// `given_up`, if there is one, is asked again and again while the client makes us wait.
  bool send_all(std::string_view data, std::chrono::milliseconds patience,
                const std::function<bool()>& given_up = {});

  /// Tells a TLS client that the answer was whole.
  void finish();

  /// Says that nothing more will be sent and throws away what the client is still sending, so that
  /// closing does not reset the connection before the client has read the answer. Bounded by
  /// `patience` and `bytes_max`.
  void linger(std::chrono::milliseconds patience, std::size_t bytes_max);

  /// Numeric; empty if unknown.
  std::string remote_address() const;
  bool client_is_verified() const { return tls_ != nullptr && tls_->client_is_verified(); }

 private:
  enum class Wait { ready, timed_out, given_up };
  Wait wait_for(short events, std::chrono::milliseconds patience) const;
  enum class Received { some, nothing_yet, end, no_handshake };
  Received receive(std::string& text);
  Received receive_tls(std::string_view wire, std::string& text);
  bool send_wire(std::string_view wire, std::chrono::milliseconds patience,
                 const std::function<bool()>& given_up = {});

  int socket_;
  int wake_;
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace rpoguard::serve
