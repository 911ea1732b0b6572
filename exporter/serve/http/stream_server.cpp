#include "exporter/serve/http/stream_server.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <fcntl.h>
#include <sys/resource.h>

#include "exporter/base/check.hpp"
#include "exporter/serve/http/http_limits.hpp"
#include "exporter/serve/http/listen_error.hpp"
#include "exporter/serve/http/listen_host.hpp"
#include "exporter/serve/http/web_guard.hpp"

namespace rpoguard::serve {
namespace {

using asio::ip::tcp;
using std::chrono::milliseconds;

// Deadlines are counted in ticks: one timer for all connections, and no clock to read.
using Ticks = std::uint64_t;
constexpr milliseconds kTick{100};
// Requests and answers that are on their way at stop() have so long.
constexpr Ticks kLastRequest = 2;
constexpr Ticks kLastAnswer = 8;
// How long what nobody reads is thrown away, at most kLingerBytesMax of it.
constexpr Ticks kLinger = 3;
// Of requests that came in one go, so many bytes of answers are made before they are sent.
constexpr std::size_t kBatchBytes = 64 * 1024;
// After accept() has failed for want of descriptors or memory.
constexpr milliseconds kAcceptPause{50};

// Rounded up, and one more, since the current tick has begun already.
Ticks ticks(milliseconds time) {
  return static_cast<Ticks>((time + kTick - milliseconds(1)) / kTick) + 1;
}

// The rest of the process needs descriptors too.
std::size_t most_of_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  return std::max<std::size_t>(1, limit.rlim_cur / 4 * 3);
}

// A command that hangs would keep the port, or a client waiting.
void keep_from_children(int socket) {
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
}

// Passes by itself. By number: Asio's category knows nothing of std::errc.
bool is_shortage(std::error_code error) {
  const int number = error.value();
  return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

struct StreamConnection {
  explicit StreamConnection(tcp::socket its) : socket(std::move(its)) {}

  enum class State { reading, writing, lingering, closed };

  bool in_handshake() const { return tls && !tls->established(); }

  tcp::socket socket;
  std::unique_ptr<TlsSession> tls;  // null: plain text
  Client client;
  State state = State::reading;
  Ticks deadline = 0;
  bool answered = false;    // `out` is more than TLS's own talk, which buys no time
  bool close = false;       // once `out` is sent
  bool linger = false;      // before that
  bool peer_ended = false;  // it has said so by TLS
  std::size_t thrown_away = 0;
  std::string in;
  std::string out;
  std::size_t held = 0;  // as it was counted last
  std::array<char, 2048> buffer;
  std::list<std::shared_ptr<StreamConnection>>::iterator place;
};
using Shared = std::shared_ptr<StreamConnection>;
using State = StreamConnection::State;

}  // namespace

class StreamServer::Impl {
 public:
  Impl(StreamOptions options, Protocol protocol)
      : options_(std::move(options)),
        protocol_(std::move(protocol)),
        connections_max_(std::min(options_.connections_max, most_of_descriptors())) {}

  ~Impl() { stop(); }

  base::Result<void> open(const core::ListenSpec& listen) {
    std::error_code error;
    for (const std::string& host : hosts_to_bind(listen)) {
      open(host, listen.port, error);
      if (!error) return {};
      if (!lacks_ipv6(error.value())) break;
    }
    return listen_error(listen, error.message());
  }

  std::uint16_t port() const { return port_; }
  std::uint64_t given_up() const { return given_up_; }

  void start(std::function<void()> on_failure) {
    RPOGUARD_CHECK(!thread_.joinable());
    on_failure_ = std::move(on_failure);
    accept();
    arm_timer();
    thread_ = std::thread([this] { io_.run(); });
  }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    if (!thread_.joinable()) return close_acceptor();
    asio::post(io_, [this] { begin_to_stop(); });
    thread_.join();
  }

 private:
  void open(const std::string& host, std::uint16_t port, std::error_code& error) {
    const auto found = tcp::resolver(io_).resolve(
        host, std::to_string(port), tcp::resolver::passive | tcp::resolver::numeric_service, error);
    for (const auto& entry : found) {
      bind(entry.endpoint(), error);
      if (!error) return;
    }
  }

  void bind(const tcp::endpoint& endpoint, std::error_code& error) {
    close_acceptor();
    acceptor_.open(endpoint.protocol(), error);
    // Not SO_REUSEPORT, which lets a second process take half of the connections.
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) serve_both_families(acceptor_.native_handle());
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) keep_from_children(acceptor_.native_handle());
    if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
  }

  void close_acceptor() {
    std::error_code ignored;
    acceptor_.close(ignored);
  }

  void accept() {
    acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
      if (stopping_) return;
      if (!error) {
        take(std::move(socket));
      } else if (is_shortage(error)) {
        return accept_later();
      } else if (error != asio::error::connection_aborted) {
        close_acceptor();
        if (on_failure_) on_failure_();
        return;
      }
      accept();
    });
  }

  void accept_later() {
    if (!connections_.empty()) close(Shared(connections_.front()));
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](std::error_code error) {
      if (!error && !stopping_) accept();
    });
  }

  void take(tcp::socket socket) {
    keep_from_children(socket.native_handle());
    std::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.set_option(tcp::no_delay(true), ignored);
    while (connections_.size() >= connections_max_) close(Shared(connections_.front()));
    const auto connection = std::make_shared<StreamConnection>(std::move(socket));
    connection->client.address =
        plain_address(connection->socket.remote_endpoint(ignored).address().to_string());
    connection->place = connections_.insert(connections_.end(), connection);
    if (options_.web != nullptr) connection->tls = options_.web->new_session();
    connection->deadline =
        now_ + ticks(connection->tls ? options_.request_timeout : options_.idle_timeout);
    read(connection);
  }

  void read(const Shared& connection) {
    connection->socket.async_read_some(
        asio::buffer(connection->buffer),
        [this, connection](std::error_code error, std::size_t count) {
          if (connection->state == State::closed) return;
          if (error) return close(connection);
          if (connection->state == State::lingering) return throw_away(connection, count);
          const std::string_view wire(connection->buffer.data(), count);
          if (connection->tls) return receive_tls(connection, wire);
          if (connection->in.empty()) connection->deadline = until(options_.request_timeout);
          connection->in.append(wire);
          answer(connection);
        });
  }

  // Who speaks while the listener stops buys no time either.
  Ticks until(milliseconds patience) const {
    return now_ + (stopping_ ? kLastRequest : ticks(patience));
  }

  void receive_tls(const Shared& connection, std::string_view wire) {
    const bool was_empty = connection->in.empty();
    const bool was_in_handshake = connection->in_handshake();
    const TlsSession::State state = connection->tls->receive(wire, connection->in);
    if (state == TlsSession::State::failed) return fail_tls(connection);
    connection->client.verified = connection->tls->client_is_verified();
    connection->peer_ended = state == TlsSession::State::closed;
    if (was_empty && !connection->in.empty()) {
      connection->deadline = until(options_.request_timeout);
    } else if (was_in_handshake && !connection->in_handshake()) {
      connection->deadline = until(options_.idle_timeout);
    }
    answer(connection);
  }

  // The alert says why.
  void fail_tls(const Shared& connection) {
    if (connection->in_handshake()) options_.web->count_handshake_failure();
    connection->answered = !connection->in_handshake();
    connection->close = connection->linger = true;
    connection->out = connection->tls->take_wire();
    if (connection->out.empty()) return close(connection);
    write(connection);
  }

  // Everything that is there and whole.
  void answer(const Shared& connection) {
    std::size_t done = 0;
    connection->client.last = stopping_ || connection->peer_ended ||
                              (connection->tls && options_.web->is_outdated(*connection->tls));
    while (!connection->close && connection->out.size() < kBatchBytes) {
      const std::string_view rest = std::string_view(connection->in).substr(done);
      if (rest.empty()) break;
      const Exchange exchange = protocol_(rest, connection->client);
      if (exchange.consumed == 0) break;
      done += exchange.consumed;
      connection->out += exchange.answer;
      connection->close = exchange.close || connection->client.last;
      connection->linger = exchange.unread;
    }
    connection->in.erase(0, done);
    if (done > 0) {
      connections_.splice(connections_.end(), connections_, connection->place);
    } else if (connection->in.size() > options_.request_bytes_max) {
      refuse(connection, options_.too_large);
    }
    connection->answered = done > 0 || connection->close;
    if (connection->tls) encrypt(connection);
    if (connection->out.empty() && connection->peer_ended) return close(connection);
    if (connection->out.empty()) {
      count_held(connection);
      if (connection->state != State::closed) read(connection);
      return;
    }
    write(connection);
  }

  // What is empty keeps no memory: most connections wait for their next request.
  static std::size_t held_by(StreamConnection& connection) {
    for (std::string* text : {&connection.in, &connection.out})
      if (text->empty()) *text = std::string();
    return connection.in.capacity() + connection.out.capacity();
  }

  void count_held(const Shared& connection) {
    const std::size_t held = held_by(*connection);
    held_ += held - connection->held;
    connection->held = held;
    for (auto next = connections_.begin(); held_ > options_.held_bytes_max;) {
      if (next == connections_.end()) return;
      const Shared oldest = *next++;
      if (oldest->held <= sizeof(std::string)) continue;
      ++given_up_;
      close(oldest);
    }
  }

  // Also what is left of the handshake goes first.
  static void encrypt(const Shared& connection) {
    if (!connection->out.empty()) connection->tls->send(connection->out);
    if (connection->close) connection->tls->finish();
    connection->out = connection->tls->take_wire();
  }

  static void refuse(const Shared& connection, const std::string& last_words) {
    connection->out = last_words;
    connection->close = connection->linger = true;
  }

  void write(const Shared& connection) {
    connection->state = State::writing;
    std::error_code error;
    const std::size_t sent = connection->socket.write_some(asio::buffer(connection->out), error);
    if (error && error != asio::error::would_block) return close(connection);
    if (sent == connection->out.size()) return written(connection);
    connection->out.erase(0, sent);
    if (connection->answered)
      connection->deadline = now_ + (stopping_ ? kLastAnswer : ticks(options_.answer_timeout));
    count_held(connection);
    if (connection->state == State::closed) return;
    asio::async_write(connection->socket, asio::buffer(connection->out),
                      [this, connection](std::error_code failed, std::size_t) {
                        if (connection->state == State::closed) return;
                        if (failed) return close(connection);
                        written(connection);
                      });
  }

  void written(const Shared& connection) {
    connection->out.clear();
    count_held(connection);
    if (connection->state == State::closed) return;
    if (connection->close && connection->linger) return begin_to_linger(connection);
    if (connection->close) return close(connection);
    connection->state = State::reading;
    if (!connection->answered) return read(connection);
    const milliseconds patience =
        connection->in.empty() ? options_.idle_timeout : options_.request_timeout;
    connection->deadline = until(patience);
    // What came in one go may hold more requests than one batch has answered.
    if (!connection->in.empty()) {
      return asio::post(io_, [this, connection] {
        if (connection->state == State::reading) answer(connection);
      });
    }
    read(connection);
  }

  void begin_to_linger(const Shared& connection) {
    std::error_code ignored;
    connection->socket.shutdown(tcp::socket::shutdown_send, ignored);
    connection->state = State::lingering;
    connection->deadline = now_ + kLinger;
    read(connection);
  }

  void throw_away(const Shared& connection, std::size_t count) {
    connection->thrown_away += count;
    if (connection->thrown_away > kLingerBytesMax) return close(connection);
    read(connection);
  }

  void close(const Shared& connection) {
    if (std::exchange(connection->state, State::closed) == State::closed) return;
    std::error_code ignored;
    connection->socket.close(ignored);
    connections_.erase(connection->place);
    held_ -= std::exchange(connection->held, 0);
    end_if_done();
  }

  void end_if_done() {
    if (stopping_ && connections_.empty()) timer_.cancel();
  }

  void arm_timer() {
    timer_.expires_after(kTick);
    timer_.async_wait([this](std::error_code error) {
      if (error) return;
      ++now_;
      for (auto next = connections_.begin(); next != connections_.end();) {
        const Shared connection = *next++;
        if (now_ > connection->deadline) expire(connection);
      }
      arm_timer();
      end_if_done();
    });
  }

  void expire(const Shared& connection) {
    if (connection->state == State::reading) {
      if (connection->in_handshake()) return close(connection);
      connection->out = connection->in.empty() ? options_.too_silent : options_.too_slow;
      connection->close = true;
      if (connection->tls) encrypt(connection);
      std::error_code ignored;
      connection->socket.write_some(asio::buffer(connection->out), ignored);
    }
    close(connection);
  }

  void begin_to_stop() {
    stopping_ = true;
    close_acceptor();
    pause_.cancel();
    for (const Shared& connection : connections_) {
      const bool writing = connection->state == State::writing;
      connection->deadline =
          std::min(connection->deadline, now_ + (writing ? kLastAnswer : kLastRequest));
    }
    end_if_done();
  }

  const StreamOptions options_;
  const Protocol protocol_;
  const std::size_t connections_max_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer timer_{io_};
  asio::steady_timer pause_{io_};
  std::uint16_t port_ = 0;
  std::function<void()> on_failure_;
  std::list<Shared> connections_;  // the one that was answered longest ago first
  std::size_t held_ = 0;           // by all of them
  std::atomic<std::uint64_t> given_up_{0};
  Ticks now_ = 0;
  bool stopping_ = false;  // of the server's thread
  bool stopped_ = false;   // of the caller's
  std::thread thread_;
};

base::Result<std::unique_ptr<StreamServer>> StreamServer::bind(const core::ListenSpec& listen,
                                                               StreamOptions options,
                                                               Protocol protocol) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(protocol));
  const base::Result<void> opened = impl->open(listen);
  if (!opened) return opened.error();
  return std::unique_ptr<StreamServer>(new StreamServer(std::move(impl)));
}

StreamServer::StreamServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StreamServer::~StreamServer() = default;
std::uint16_t StreamServer::port() const {
  return impl_->port();
}
std::uint64_t StreamServer::given_up() const {
  return impl_->given_up();
}
void StreamServer::start(std::function<void()> on_failure) {
  impl_->start(std::move(on_failure));
}
void StreamServer::stop() {
  impl_->stop();
}

}  // namespace rpoguard::serve
