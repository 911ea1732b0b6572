#include "tests/support/json_server.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace rpoguard::test {
namespace {

// A client that sends nothing holds the next one up for so long.
constexpr timeval kPatience{1, 0};

std::string receive_head(int socket) {
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  std::string head;
  std::array<char, 4096> buffer{};
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t n = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (n <= 0) break;
    head.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return head;
}

// Reads on until the body that the head announces is there; cuts it off from `request`.
std::string receive_body(int socket, std::string& request) {
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t end = std::min(request.find("\r\n\r\n"), request.size());
  std::string body = request.substr(std::min(end + 4, request.size()));
  request.resize(end);
  const std::size_t at = request.find(kLength);
  std::size_t length = 0;
  if (at != std::string::npos)
    std::from_chars(request.data() + at + kLength.size(), request.data() + end, length);
  std::array<char, 4096> buffer{};
  while (body.size() < length) {
    const ssize_t n = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (n <= 0) break;
    body.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return body;
}

std::string reply_of(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

}  // namespace

JsonServer::JsonServer(const std::string& body)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  say(body);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    ::close(listener_);
    throw std::runtime_error("cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

JsonServer::~JsonServer() {
  over_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
  for (const int socket : unanswered_) ::close(socket);
}

void JsonServer::say(const std::string& body) {
  const std::lock_guard lock(mutex_);
  reply_ = reply_of("200 OK", body);
}

void JsonServer::say_status(const std::string& line) {
  const std::lock_guard lock(mutex_);
  reply_ = reply_of(line, "");
}

void JsonServer::fall_silent() {
  const std::lock_guard lock(mutex_);
  reply_.clear();
}

std::string JsonServer::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

std::string JsonServer::last_request() const {
  const std::lock_guard lock(mutex_);
  return last_request_;
}

std::vector<std::string> JsonServer::bodies() const {
  const std::lock_guard lock(mutex_);
  return bodies_;
}

void JsonServer::serve() {
  while (!over_) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket >= 0) answer(socket);
  }
}

void JsonServer::answer(int socket) {
  std::string head = receive_head(socket);
  std::string body = receive_body(socket, head);
  const std::lock_guard lock(mutex_);
  if (!body.empty()) bodies_.push_back(std::move(body));
  ++requests_;
  last_request_ = head;
  if (reply_.empty()) {
    unanswered_.push_back(socket);
    return;
  }
  ::send(socket, reply_.data(), reply_.size(), MSG_NOSIGNAL);
  ::close(socket);
}

}  // namespace rpoguard::test
