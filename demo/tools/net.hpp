// Blocking sockets with a deadline, and as much HTTP/1.1 as the demo's own programs need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "exporter/core/model/units.hpp"

namespace rpoguard::demo {

/// CLOCK_BOOTTIME, the clock of rpoguard's leases. Thread-safe.
core::Instant boot_now();

/// Owns a file descriptor; -1 = none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Where a server listens. `host` is an IPv4 address.
struct Address {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
};
/// Parses "host:port". nullopt on anything else.
std::optional<Address> parse_address(std::string_view text);

/// All calls below give up at the deadline; an invalid Fd, false or nullopt is any failure.
Fd connect_tcp(const Address& address, core::Instant deadline);
Fd connect_unix(const std::string& path, core::Instant deadline);
Fd listen_tcp(const Address& address);
/// Replaces a stale socket file. Only this user may connect.
Fd listen_unix(const std::string& path);
/// The next connection, or an invalid Fd at the deadline.
Fd accept_one(const Fd& listener, core::Instant deadline);
bool send_all(const Fd& fd, std::string_view bytes, core::Instant deadline);
/// Appends what is there; false at the end of the stream, on an error and at the deadline.
bool receive_some(const Fd& fd, std::string& bytes, core::Instant deadline);

struct HttpMessage {
  std::string first_line;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  /// Of a response; 0 if there is none.
  int status() const;
};
/// Reads one message with a body of at most `body_limit` bytes, by Content-Length or up to the end
/// of the stream (`until_end`, for responses).
std::optional<HttpMessage> receive_http(const Fd& fd, bool until_end, std::size_t body_limit,
                                        core::Instant deadline);
/// GET on a connection of its own.
std::optional<HttpMessage> http_get(const Address& address, const std::string& target,
                                    core::Instant deadline);

}  // namespace rpoguard::demo
