#include "exporter/serve/http/http_connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exporter/serve/http/http_limits.hpp"
#include "exporter/serve/http/listen_host.hpp"

namespace rpoguard::serve {
namespace {

using std::chrono::milliseconds;

// How often a waiting reader looks whether its patience has shrunk.
constexpr milliseconds kSlice{50};
constexpr std::size_t kTlsPieceBytes = 64 * 1024;
// A flight of a TLS handshake is a few KiB: it waits only for a client that does not read.
constexpr milliseconds kFlightTimeout{200};

milliseconds monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::duration_cast<milliseconds>(std::chrono::seconds(now.tv_sec) +
                                                  std::chrono::nanoseconds(now.tv_nsec));
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

Countdown::Countdown(milliseconds patience) : patience_(patience), started_(monotonic()) {}

milliseconds Countdown::elapsed() const {
  return monotonic() - started_;
}

milliseconds Countdown::left() const {
  return std::max(milliseconds(0), patience_ - elapsed());
}

HttpConnection::~HttpConnection() {
  ::shutdown(socket_, SHUT_RDWR);
  ::close(socket_);
}

HttpConnection::Wait HttpConnection::wait_for(short events, milliseconds patience) const {
  std::array<pollfd, 2> watched{pollfd{socket_, events, 0}, pollfd{wake_, POLLIN, 0}};
  const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(patience.count()));
  if (watched[1].revents != 0) return Wait::given_up;
  if (ready <= 0) return Wait::timed_out;
  return Wait::ready;
}

HttpConnection::Received HttpConnection::receive(std::string& text) {
  std::array<char, 4096> buffer;
  const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && would_block()) return Received::nothing_yet;
  if (count <= 0) return Received::end;
  const std::string_view wire(buffer.data(), static_cast<std::size_t>(count));
  if (tls_) return receive_tls(wire, text);
  text.append(wire);
  return Received::some;
}

HttpConnection::Received HttpConnection::receive_tls(std::string_view wire, std::string& text) {
  const std::size_t before = text.size();
  const TlsSession::State state = tls_->receive(wire, text);
  // A flight of a handshake, or the alert that says why there is none.
  const bool sent = send_wire(tls_->take_wire(), kFlightTimeout);
  if (text.size() > before) return Received::some;
  if (state == TlsSession::State::failed && !tls_->established()) return Received::no_handshake;
  return state == TlsSession::State::open && sent ? Received::nothing_yet : Received::end;
}

HttpConnection::Head HttpConnection::read_head(std::string& head, std::size_t bytes_max,
                                               const std::function<milliseconds()>& patience) {
  const Countdown since(milliseconds(0));
  for (;;) {
    // The end may straddle two pieces.
    const std::size_t overlap = std::min(head.size(), kHeadEnd.size() - 1);
    const std::size_t searched = head.size() - overlap;
    switch (receive(head)) {
      case Received::some: {
        const std::size_t end = head.find(kHeadEnd, searched);
        if (end != std::string::npos) head.resize(end + kHeadEnd.size());
        if (head.size() > bytes_max) return Head::too_large;
        if (end != std::string::npos) return Head::complete;
        break;
      }
      case Received::nothing_yet:
        break;
      case Received::end:
        return Head::incomplete;
      case Received::no_handshake:
        return Head::no_handshake;
    }
    const milliseconds left = patience() - since.elapsed();
    if (left <= milliseconds(0)) return Head::incomplete;
    if (wait_for(POLLIN, std::min(left, kSlice)) == Wait::given_up) return Head::incomplete;
  }
}

bool HttpConnection::send_all(std::string_view data, milliseconds patience,
                              const std::function<bool()>& given_up) {
  if (!tls_) return send_wire(data, patience, given_up);
  if (!tls_->established()) return false;
  // In pieces: what is encrypted is a copy.
  const Countdown deadline(patience);
  while (!data.empty()) {
    const std::string_view piece = data.substr(0, kTlsPieceBytes);
    tls_->send(piece);
    if (!send_wire(tls_->take_wire(), deadline.left(), given_up)) return false;
    data.remove_prefix(piece.size());
  }
  return true;
}

void HttpConnection::finish() {
  if (!tls_) return;
  tls_->finish();
  send_wire(tls_->take_wire(), milliseconds(0));
}

bool HttpConnection::send_wire(std::string_view data, milliseconds patience,
                               const std::function<bool()>& given_up) {
  const Countdown deadline(patience);
  while (!data.empty()) {
    const ssize_t count = ::send(socket_, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
      data.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    if (!would_block()) return false;
    const milliseconds left = deadline.left();
    if (left <= milliseconds(0) || (given_up && given_up())) return false;
    if (wait_for(POLLOUT, std::min(left, kSlice)) == Wait::given_up) return false;
  }
  return true;
}

void HttpConnection::linger(milliseconds patience, std::size_t bytes_max) {
  ::shutdown(socket_, SHUT_WR);
  const Countdown deadline(patience);
  std::array<char, 4096> buffer;
  std::size_t thrown_away = 0;
  while (thrown_away < bytes_max) {
    const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && !would_block())) return;
    if (count > 0) {
      thrown_away += static_cast<std::size_t>(count);
      continue;
    }
    const milliseconds left = deadline.left();
    if (left <= milliseconds(0) || wait_for(POLLIN, left) == Wait::given_up) return;
  }
}

std::string HttpConnection::remote_address() const {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (::getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  std::array<char, NI_MAXHOST> text{};
  const int failed = ::getnameinfo(reinterpret_cast<sockaddr*>(&address), length, text.data(),
                                   text.size(), nullptr, 0, NI_NUMERICHOST);
  return failed == 0 ? plain_address(text.data()) : std::string();
}

}  // namespace rpoguard::serve
