// Plain TCP against an HTTP listener, for clients that misbehave.
#pragma once

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rpoguard::test::http {

/// Time since construction, for bounds that a test asserts.
class Stopwatch {
 public:
  std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 start_);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline sockaddr_in6 loopback6(std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  return address;
}

/// A connection to 127.0.0.1, closed by the destructor. Not thread-safe.
class HttpSocket {
 public:
  /// Throws std::runtime_error when it cannot connect.
  explicit HttpSocket(std::uint16_t port) : HttpSocket(AF_INET, loopback(port)) {}
  /// The same to [::1].
  explicit HttpSocket(const sockaddr_in6& address) : HttpSocket(AF_INET6, address) {}
  ~HttpSocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  HttpSocket(HttpSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  HttpSocket& operator=(HttpSocket&&) = delete;

  /// False when the peer no longer takes all of it.
  bool send(std::string_view data) const {
    while (!data.empty()) {
      const ssize_t count = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  /// There is something to receive, or the end of the connection.
  bool readable() const {
    pollfd watched{fd_, POLLIN, 0};
    return ::poll(&watched, 1, 0) > 0;
  }
  /// Appends what is there now; false at the end of the connection.
  bool receive_some(std::string& text) const {
    std::array<char, 65536> buffer;
    const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
  }
  /// One byte, if there is one.
  bool receive(char& byte) const { return ::recv(fd_, &byte, 1, MSG_DONTWAIT) == 1; }

  /// Appends what comes until `text` ends like this; false when the connection ends first.
  bool read_until(std::string_view end, std::string& text) const {
    std::array<char, 4096> buffer;
    while (!text.ends_with(end)) {
      const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (count <= 0) return false;
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return true;
  }

  /// Everything up to the end of the connection; nullopt when it has not ended by the deadline.
  std::optional<std::string> read_all(std::chrono::milliseconds deadline) const {
    const Stopwatch watch;
    std::string text;
    std::array<char, 65536> buffer;
    while (watch.elapsed() < deadline) {
      pollfd watched{fd_, POLLIN, 0};
      if (::poll(&watched, 1, 20) <= 0) continue;
      const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (count <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return std::nullopt;
  }

 private:
  template <typename Address>
  HttpSocket(int family, const Address& address)
      : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      ::close(fd_);
      throw std::runtime_error("cannot connect");
    }
  }

  int fd_;
};

/// What came back for one raw request.
struct RawAnswer {
  int status = 0;  ///< 0: no answer
  std::string head;
  std::string body;

  bool has_header(const std::string& line) const {
    return head.find("\r\n" + line + "\r\n") != std::string::npos;
  }
};

inline RawAnswer parse_answer(const std::optional<std::string>& text) {
  RawAnswer answer;
  if (!text || !text->starts_with("HTTP/1.1 ")) return answer;
  const std::size_t end = text->find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  answer.status = std::stoi(text->substr(9, 3));
  answer.head = text->substr(0, end + 2);
  answer.body = text->substr(end + 4);
  return answer;
}

inline constexpr std::chrono::milliseconds kAnswerDeadline{20000};

/// Sends the raw text and reads what comes until the listener closes.
inline RawAnswer send_raw(std::uint16_t port, std::string_view raw) {
  const HttpSocket socket(port);
  socket.send(raw);
  return parse_answer(socket.read_all(kAnswerDeadline));
}

inline RawAnswer ask(std::uint16_t port, const std::string& target,
                     const std::string& method = "GET", const std::string& headers = "") {
  return send_raw(port, method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
}

}  // namespace rpoguard::test::http
