#include "tests/support/http.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <sstream>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rpoguard::test {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;

class Socket {
 public:
  Socket() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  bool connect_to(std::uint16_t port, TimePoint deadline) const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
    if (errno != EINPROGRESS || !ready(POLLOUT, deadline)) return false;
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
  }

  bool send_all(const std::string& text, TimePoint deadline) const {
    for (std::size_t sent = 0; sent < text.size();) {
      if (!ready(POLLOUT, deadline)) return false;
      const ssize_t n = send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n < 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }

  /// Until the peer closes; a reset after some bytes also ends it. False: deadline.
  bool receive_all(std::string& text, TimePoint deadline) const {
    std::array<char, 65536> buffer{};
    while (ready(POLLIN, deadline)) {
      const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
      if (n <= 0) return true;
      text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return false;
  }

 private:
  bool ready(short events, TimePoint deadline) const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd descriptor{fd_, events, 0};
    return poll(&descriptor, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) > 0;
  }

  int fd_;
};

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// The content of a chunked body; absent when it is cut short or malformed.
std::optional<std::string> joined_chunks(std::string_view text) {
  std::string body;
  while (true) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length, 16);
    const std::size_t content = text.find("\r\n");
    if (error != std::errc() || content == std::string_view::npos) return std::nullopt;
    if (length == 0) return body;
    text.remove_prefix(content + 2);
    if (text.size() < length + 2) return std::nullopt;
    body += text.substr(0, length);
    text.remove_prefix(length + 2);
  }
}

std::optional<HttpReply> parse_reply(const std::string& text, bool has_body) {
  const std::size_t head_end = text.find("\r\n\r\n");
  if (head_end == std::string::npos || !text.starts_with("HTTP/1.") || text.size() < 12) {
    return std::nullopt;
  }
  HttpReply reply;
  std::from_chars(text.data() + 9, text.data() + 12, reply.status);
  reply.body = text.substr(head_end + 4);
  std::istringstream head(text.substr(0, head_end));
  std::string line;
  std::getline(head, line);
  while (std::getline(head, line)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) return std::nullopt;
    const std::size_t begin = line.find_first_not_of(' ', colon + 1);
    std::string value = begin == std::string::npos ? "" : line.substr(begin);
    if (value.ends_with('\r')) value.pop_back();
    reply.headers[lower_case(line.substr(0, colon))] = value;
  }
  if (reply.headers["transfer-encoding"] == "chunked") {
    std::optional<std::string> body = joined_chunks(reply.body);
    if (!body) return std::nullopt;
    reply.body = *body;
    return reply;
  }
  // A body cut short is not an answer.
  const auto length = reply.headers.find("content-length");
  if (has_body && length != reply.headers.end() &&
      length->second != std::to_string(reply.body.size())) {
    return std::nullopt;
  }
  return reply;
}

}  // namespace

std::optional<HttpReply> http_call(std::uint16_t port, const HttpCall& call) {
  const TimePoint deadline = std::chrono::steady_clock::now() + call.deadline;
  std::string request = call.method + " " + call.target +
                        " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                        "\r\nConnection: close\r\n";
  for (const auto& [name, value] : call.headers) request += name + ": " + value + "\r\n";
  if (!call.body.empty()) request += "Content-Length: " + std::to_string(call.body.size()) + "\r\n";
  request += "\r\n" + call.body;

  const Socket socket;
  std::string answer;
  if (!socket.connect_to(port, deadline) || !socket.send_all(request, deadline) ||
      !socket.receive_all(answer, deadline)) {
    return std::nullopt;
  }
  return parse_reply(answer, call.method != "HEAD");
}

std::optional<HttpReply> http_get(std::uint16_t port, const std::string& target) {
  HttpCall call;
  call.target = target;
  return http_call(port, call);
}

}  // namespace rpoguard::test
