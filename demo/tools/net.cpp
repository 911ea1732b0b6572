#include "demo/tools/net.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "exporter/base/number.hpp"
#include "exporter/base/text.hpp"

namespace rpoguard::demo {
namespace {

constexpr std::size_t kHeadBytesMax = 16 * 1024;

/// False at the deadline.
bool wait_for(int fd, short events, core::Instant deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - boot_now()).count();
    if (left <= 0) return false;
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min<long>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

Fd open_socket(int family) {
  return Fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

bool fill(sockaddr_in& name, const Address& address) {
  name = {};
  name.sin_family = AF_INET;
  name.sin_port = htons(address.port);
  return ::inet_pton(AF_INET, address.host.c_str(), &name.sin_addr) == 1;
}

bool fill(sockaddr_un& name, const std::string& path) {
  name = {};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof(name.sun_path)) return false;
  std::copy(path.begin(), path.end(), name.sun_path);
  return true;
}

template <typename Name>
Fd connect_to(Fd fd, const Name& name, core::Instant deadline) {
  if (!fd) return fd;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0) return fd;
  if (errno != EINPROGRESS || !wait_for(fd.get(), POLLOUT, deadline)) return Fd();
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? std::move(fd) : Fd();
}

HttpMessage parse_head(std::string_view head) {
  HttpMessage message;
  message.first_line = head.substr(0, head.find("\r\n"));
  std::size_t at = message.first_line.size();
  while (at < head.size()) {
    at += 2;
    const std::size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view line = head.substr(at, end - at);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      std::string_view value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      message.headers[base::lower(line.substr(0, colon))] = value;
    }
    at = end;
  }
  return message;
}

/// nullopt: no usable header.
std::optional<std::size_t> content_length(const HttpMessage& message) {
  const auto found = message.headers.find("content-length");
  if (found == message.headers.end()) return std::nullopt;
  return base::parse_number<std::size_t>(found->second);
}

}  // namespace

core::Instant boot_now() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return core::Instant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const auto port = base::parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port) return std::nullopt;
  Address address{std::string(text.substr(0, colon)), *port};
  sockaddr_in name{};
  return fill(name, address) ? std::optional(std::move(address)) : std::nullopt;
}

Fd connect_tcp(const Address& address, core::Instant deadline) {
  sockaddr_in name{};
  if (!fill(name, address)) return Fd();
  Fd fd = connect_to(open_socket(AF_INET), name, deadline);
  const int on = 1;
  if (fd) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

Fd connect_unix(const std::string& path, core::Instant deadline) {
  sockaddr_un name{};
  if (!fill(name, path)) return Fd();
  return connect_to(open_socket(AF_UNIX), name, deadline);
}

Fd listen_tcp(const Address& address) {
  sockaddr_in name{};
  Fd fd = open_socket(AF_INET);
  const int on = 1;
  if (!fd || !fill(name, address)) return Fd();
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0 ||
      ::listen(fd.get(), 64) != 0) {
    return Fd();
  }
  return fd;
}

Fd listen_unix(const std::string& path) {
  sockaddr_un name{};
  Fd fd = open_socket(AF_UNIX);
  if (!fd || !fill(name, path)) return Fd();
  ::unlink(path.c_str());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0 ||
      ::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || ::listen(fd.get(), 16) != 0) {
    return Fd();
  }
  return fd;
}

Fd accept_one(const Fd& listener, core::Instant deadline) {
  if (!wait_for(listener.get(), POLLIN, deadline)) return Fd();
  return Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

bool send_all(const Fd& fd, std::string_view bytes, core::Instant deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (!would_block() || !wait_for(fd.get(), POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

bool receive_some(const Fd& fd, std::string& bytes, core::Instant deadline) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (count > 0) {
      bytes.append(buffer.data(), static_cast<std::size_t>(count));
      return true;
    }
    if (count == 0 || !would_block() || !wait_for(fd.get(), POLLIN, deadline)) return false;
  }
}

int HttpMessage::status() const {
  std::string_view rest = first_line;
  base::take_until(rest, ' ');
  return base::take_number<int>(rest).value_or(0);
}

std::optional<HttpMessage> receive_http(const Fd& fd, bool until_end, std::size_t body_limit,
                                        core::Instant deadline) {
  std::string bytes;
  std::size_t head_end = std::string::npos;
  while (head_end == std::string::npos) {
    if (bytes.size() > kHeadBytesMax || !receive_some(fd, bytes, deadline)) return std::nullopt;
    head_end = bytes.find("\r\n\r\n");
  }
  HttpMessage message = parse_head(std::string_view(bytes).substr(0, head_end));
  message.body = bytes.substr(head_end + 4);
  const std::optional<std::size_t> length = content_length(message);
  if (length.value_or(0) > body_limit) return std::nullopt;
  if (!length && !until_end) return message;
  while (!length || message.body.size() < *length) {
    if (message.body.size() > body_limit) return std::nullopt;
    if (!receive_some(fd, message.body, deadline)) {
      const bool complete = !length && boot_now() < deadline;
      if (!complete) return std::nullopt;
      break;
    }
  }
  return message;
}

std::optional<HttpMessage> http_get(const Address& address, const std::string& target,
                                    core::Instant deadline) {
  const Fd fd = connect_tcp(address, deadline);
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: " + address.host + ":" +
                              std::to_string(address.port) + "\r\nConnection: close\r\n\r\n";
  if (!fd || !send_all(fd, request, deadline)) return std::nullopt;
  return receive_http(fd, true, 256 * 1024, deadline);
}

}  // namespace rpoguard::demo
