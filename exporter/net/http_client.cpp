#include "exporter/net/http_client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exporter/base/mutex.hpp"
#include "exporter/net/received.hpp"

#ifndef CPPHTTPLIB_OPENSSL_SUPPORT
#error "compile with the flags of pkg-config cpp-httplib: they are part of its ABI"
#endif

namespace rpoguard::net {
namespace {

// An exchange is looked at so often.
constexpr std::chrono::milliseconds kLookEvery{10};
// Of an answer, besides its body. TLS adds less than a tenth.
constexpr std::size_t kHeadBytesMax = 64 * 1024;

// cpp-httplib's time-outs are per recv(), so a peer that dribbles is never late. This thread
// ends the whole exchange. It ends it as well when the peer sends without an end: the library keeps
// every header, of every length.
class Watchdog {
 public:
  Watchdog(httplib::ClientImpl& client, std::chrono::milliseconds patience, std::size_t bytes_max)
      : thread_([this, &client, patience, bytes_max] { watch(client, patience, bytes_max); }) {}
  ~Watchdog() {
    {
      const base::MutexLock lock(mutex_);
      done_ = true;
    }
    changed_.notify_one();
    thread_.join();
    if (socket_ >= 0) ::close(socket_);
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Of the exchange. A second descriptor of its own: the library may close its at any moment.
  void take_socket(int socket) {
    const base::MutexLock lock(mutex_);
    if (socket_ >= 0) ::close(socket_);
    socket_ = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  }
  bool has_too_much() const {
    const base::MutexLock lock(mutex_);
    return too_much_;
  }

 private:
  void watch(httplib::ClientImpl& client, std::chrono::milliseconds patience,
             std::size_t bytes_max) {
    base::MutexLock lock(mutex_);
    const auto done = [this]() REQUIRES(mutex_) { return done_; };
    for (auto left = patience; left > std::chrono::milliseconds::zero() && !too_much_;
         left -= kLookEvery) {
      if (changed_.wait_for(lock, std::min(left, kLookEvery), done)) return;
      too_much_ = socket_ >= 0 && bytes_read(socket_).value_or(0) > bytes_max;
    }
    lock.unlock();
    client.stop();
    lock.lock();
  }

  mutable base::Mutex mutex_;
  base::Condition changed_;
  bool done_ GUARDED_BY(mutex_) = false;
  bool too_much_ GUARDED_BY(mutex_) = false;
  int socket_ GUARDED_BY(mutex_) = -1;
  std::thread thread_;  // last: it uses the others
};

// A peer that takes nothing is ended from outside, and the socket is ready then.
bool waits_for(socket_t socket, short what) {
  pollfd descriptor{.fd = socket, .events = what, .revents = 0};
  return ::poll(&descriptor, 1, -1) > 0;
}

/// A connected socket with its time-outs set; `ssl` is null without TLS. Both outlive it.
///
/// The library takes the status line of an answer apart with std::regex, which calls itself for
/// each character: a line of some ten thousand ends the process. So such a line has a longest,
/// there may be more than one (100 Continue), and where one is longer the peer has gone for the
/// library.
class BoundedStream final : public httplib::Stream {
 public:
  static constexpr std::size_t kStatusLineBytesMax = 1024;

  BoundedStream(socket_t socket, SSL* ssl) : socket_(socket), ssl_(ssl) {}

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* bytes, std::size_t size) override;
  ssize_t write(const char* bytes, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  bool has_unread() const { return taken_ < filled_; }
  ssize_t receive(char* bytes, std::size_t size) const;
  ssize_t take(char* bytes, std::size_t size);
  bool line_may_go_on(char byte);

  const socket_t socket_;
  SSL* const ssl_;
  std::array<char, 4096> buffer_{};
  std::size_t filled_ = 0;
  std::size_t taken_ = 0;
  std::size_t line_ = 0;       // bytes of the line that the library reads
  bool may_be_status_ = true;  // and it begins as a status line does
};

bool BoundedStream::is_readable() const {
  return has_unread() || (ssl_ != nullptr && SSL_pending(ssl_) > 0) || waits_for(socket_, POLLIN);
}

bool BoundedStream::is_writable() const {
  return waits_for(socket_, POLLOUT);
}

// Negative: it failed; 0: the peer has ended.
ssize_t BoundedStream::receive(char* bytes, std::size_t size) const {
  if (ssl_ != nullptr) return SSL_read(ssl_, bytes, static_cast<int>(size));
  ssize_t received = 0;
  do {
    received = ::recv(socket_, bytes, size, 0);
  } while (received < 0 && errno == EINTR);
  return received;
}

bool BoundedStream::line_may_go_on(char byte) {
  constexpr std::string_view kStatus = "HTTP/";
  if (byte == '\n') {
    line_ = 0;
    may_be_status_ = true;
    return true;
  }
  if (line_ < kStatus.size() && byte != kStatus[line_]) may_be_status_ = false;
  return ++line_ <= kStatusLineBytesMax || !may_be_status_;
}

ssize_t BoundedStream::take(char* bytes, std::size_t size) {
  const std::size_t taken = std::min(size, filled_ - taken_);
  std::copy_n(buffer_.data() + taken_, taken, bytes);
  taken_ += taken;
  return static_cast<ssize_t>(taken);
}

// The library reads lines byte by byte, and nothing else.
ssize_t BoundedStream::read(char* bytes, std::size_t size) {
  if (!has_unread()) {
    if (size >= buffer_.size()) return receive(bytes, size);
    const ssize_t received = receive(buffer_.data(), buffer_.size());
    if (received <= 0) return received;
    filled_ = static_cast<std::size_t>(received);
    taken_ = 0;
  }
  const ssize_t taken = take(bytes, size);
  return size > 1 || line_may_go_on(*bytes) ? taken : -1;
}

ssize_t BoundedStream::write(const char* bytes, std::size_t size) {
  if (ssl_ != nullptr) return SSL_write(ssl_, bytes, static_cast<int>(size));
  ssize_t sent = 0;
  do {
    sent = ::send(socket_, bytes, size, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

// Nobody asks a client for these.
void BoundedStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

void BoundedStream::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

/// `Client` is httplib::ClientImpl or httplib::SSLClient: what the library says and reads of one
/// exchange goes through a BoundedStream.
template <typename Client>
class BoundedClient final : public Client {
 public:
  using Client::Client;

 private:
  bool process_socket(const typename Client::Socket& socket,
                      std::function<bool(httplib::Stream&)> callback) override {
    BoundedStream stream(socket.sock, socket.ssl);
    return callback(stream);
  }
};

std::string where(const HttpGet& get) {
  return get.host + ":" + std::to_string(get.port);
}

HttpFailure failure_of(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout:
      return HttpFailure::cannot_connect;
    case httplib::Error::SSLConnection:
    case httplib::Error::SSLLoadingCerts:
    case httplib::Error::SSLServerVerification:
      return HttpFailure::tls_failed;
    default:
      // Later versions tell more kinds apart: Debian 13's 0.18 a certificate for another host.
      return httplib::to_string(error).starts_with("SSL") ? HttpFailure::tls_failed
                                                          : HttpFailure::cut_short;
  }
}

std::unique_ptr<httplib::ClientImpl> make_client(const HttpGet& get) {
  std::unique_ptr<httplib::ClientImpl> client;
  if (get.tls) {
    client = std::make_unique<BoundedClient<httplib::SSLClient>>(get.host, int{get.port},
                                                                 get.cert_file, get.key_file);
    client->enable_server_certificate_verification(true);
    if (!get.ca_file.empty()) client->set_ca_cert_path(get.ca_file);
  } else {
    client = std::make_unique<BoundedClient<httplib::ClientImpl>>(get.host, int{get.port});
  }
  if (!get.address.empty()) client->set_hostname_addr_map({{get.host, get.address}});
  client->set_connection_timeout(get.timeout);
  client->set_read_timeout(get.timeout);
  client->set_write_timeout(get.timeout);
  client->set_follow_location(false);
  client->set_keep_alive(false);
  return client;
}

// An IPv6 address needs its brackets back; the library would leave them out.
std::string host_header(const HttpGet& get) {
  const std::string host =
      get.host.find(':') == std::string::npos ? get.host : "[" + get.host + "]";
  return get.port == (get.tls ? 443 : 80) ? host : host + ":" + std::to_string(get.port);
}

bool printable(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

std::pair<std::string, std::string> basic(const std::string& credentials) {
  const std::size_t colon = std::min(credentials.find(':'), credentials.size());
  const std::string password = credentials.substr(std::min(colon + 1, credentials.size()));
  return httplib::make_basic_authentication_header(credentials.substr(0, colon), password);
}

std::variant<HttpAnswer, HttpFailure> exchange(const HttpGet& to, httplib::Request request) {
  if (!printable(to.bearer_token)) return HttpFailure::bad_token;
  request.path = to.path;
  request.headers.emplace("Accept-Encoding", "identity");
  request.headers.emplace("Host", host_header(to));
  if (!to.bearer_token.empty())
    request.headers.emplace("Authorization", "Bearer " + to.bearer_token);
  if (!to.credentials.empty()) request.headers.insert(basic(to.credentials));
  HttpAnswer answer;
  bool too_large = false;
  request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    too_large = answer.body.size() + size > to.body_bytes_max;
    if (!too_large) answer.body.append(data, size);
    return !too_large;
  };
  const auto client = make_client(to);
  Watchdog watchdog(*client, to.timeout, to.body_bytes_max + to.body_bytes_max / 8 + kHeadBytesMax);
  client->set_socket_options([&watchdog](socket_t socket) { watchdog.take_socket(socket); });
  const httplib::Result result = client->send(request);
  if (too_large || watchdog.has_too_much()) return HttpFailure::too_large;
  if (!result) return failure_of(result.error());
  answer.status = result->status;
  answer.retry_after = result->get_header_value("Retry-After");
  return answer;
}

}  // namespace

const char* text_of(HttpFailure failure) {
  switch (failure) {
    case HttpFailure::cannot_connect:
      return "cannot connect";
    case HttpFailure::cut_short:
      return "the answer was cut short or took too long";
    case HttpFailure::too_large:
      return "the answer is too large";
    case HttpFailure::tls_failed:
      return "no TLS connection, or a certificate that is not trusted";
    case HttpFailure::bad_token:
      return "the token holds a character that no header may hold";
  }
  return "";
}

std::variant<HttpAnswer, HttpFailure> http_exchange(const HttpGet& get) {
  httplib::Request request;
  request.method = "GET";
  return exchange(get, std::move(request));
}

std::variant<HttpAnswer, HttpFailure> http_post(const HttpPost& post) {
  httplib::Request request;
  request.method = "POST";
  request.body = post.body;
  request.headers.emplace("Content-Type", post.content_type);
  for (const auto& [name, value] : post.headers) request.headers.emplace(name, value);
  return exchange(post.to, std::move(request));
}

base::Result<HttpAnswer> http_get(const HttpGet& get) {
  auto outcome = http_exchange(get);
  if (auto* answer = std::get_if<HttpAnswer>(&outcome)) return std::move(*answer);
  return base::Error{
      "no answer from " + where(get) + ": " + text_of(std::get<HttpFailure>(outcome)),
      "is rpoguard running, and is this its address?"};
}

}  // namespace rpoguard::net
