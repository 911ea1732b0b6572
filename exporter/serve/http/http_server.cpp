// cpp-httplib 0.11.4 accepts, queues, parses and formats; everything it does badly is kept away
// from it. The seam is process_and_close_socket(): we read the head ourselves, with a deadline over
// the whole of it and a limit, since cpp-httplib's own deadline starts anew with each byte and it
// limits neither the length of a line nor the number of headers. We take the sting out of it
// (methods, Range), and hand it over as a stream that ends there, so that no body can be read: a
// chunked or compressed one may grow beyond every limit of the library.
#include "exporter/serve/http/http_server.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <httplib.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>

#include "exporter/base/check.hpp"
#include "exporter/base/text.hpp"
#include "exporter/serve/http/http_connection.hpp"
#include "exporter/serve/http/http_head.hpp"
#include "exporter/serve/http/http_limits.hpp"
#include "exporter/serve/http/http_target.hpp"
#include "exporter/serve/http/listen_error.hpp"
#include "exporter/serve/http/listen_host.hpp"
#include "exporter/serve/http/slow_clients.hpp"
#include "exporter/serve/http/web_guard.hpp"

#ifndef CPPHTTPLIB_OPENSSL_SUPPORT
#error "compile with the flags of pkg-config cpp-httplib: they are part of its ABI"
#endif

namespace rpoguard::serve {
namespace {

// cpp-httplib listens with a backlog of 5.
constexpr int kBacklog = 256;
// How long an unwanted body is thrown away, at most kLingerBytesMax of it.
constexpr std::chrono::milliseconds kLinger{200};

constexpr std::string_view kTooLarge =
    "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: "
    "0\r\n\r\n";
constexpr std::string_view kTooSlow =
    "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

// The head as something to read, the answer as something written in one go.
class HeadStream final : public httplib::Stream {
 public:
  HeadStream(std::string_view head, std::string remote_address)
      : head_(head), remote_address_(std::move(remote_address)) {}

  std::string_view answer() const { return answer_; }

  bool is_readable() const override { return !head_.empty(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* data, std::size_t size) override {
    const std::size_t count = std::min(size, head_.size());
    std::copy_n(head_.data(), count, data);
    head_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* data, std::size_t size) override {
    answer_.append(data, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = remote_address_;
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  // Only compared with FD_SETSIZE, for a select() that is not used with this stream.
  socket_t socket() const override { return 0; }

 private:
  std::string_view head_;
  std::string remote_address_;
  std::string answer_;
};

int make_eventfd() {
  const int descriptor = ::eventfd(0, EFD_CLOEXEC);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return descriptor;
}

// Counts the threads that are taken.
class Busy {
 public:
  explicit Busy(std::atomic<std::size_t>& count) : count_(count) { ++count_; }
  ~Busy() { --count_; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  std::atomic<std::size_t>& count_;
};

// cpp-httplib adds its own REMOTE_ADDR and the like to the client's headers, where a client can
// send them too; neither kind is passed on.
bool is_made_up(const std::string& lower_name) {
  return lower_name.starts_with(kRepeated) || lower_name == "remote_addr" ||
         lower_name == "remote_port" || lower_name == "local_addr" || lower_name == "local_port";
}

HttpRequest to_request(const httplib::Request& from, HttpTarget&& target) {
  HttpRequest request;
  request.method = from.method;
  request.path = std::move(target.path);
  request.query = std::move(target.query);
  request.path_cut = target.path_cut;
  request.remote_address = from.remote_addr;
  for (const auto& [name, value] : from.headers) {
    std::string lower_name = base::lower(name);
    if (!is_made_up(lower_name)) request.headers.emplace(std::move(lower_name), value);
  }
  if (!target.authority.empty()) request.headers["host"] = std::move(target.authority);
  return request;
}

// What follows what cpp-httplib makes of the current request, on this thread: it would copy it.
std::shared_ptr<const std::string>& rest_of_answer() {
  thread_local std::shared_ptr<const std::string> rest;
  return rest;
}

void fill(httplib::Response& to, HttpResponse&& from) {
  to.status = from.status;
  for (const auto& [name, value] : from.headers) to.set_header(name, value);
  to.set_header("Content-Type", from.content_type);
  to.body = std::move(from.body);
}

}  // namespace

class HttpServer::Impl final : public httplib::Server {
 public:
  Impl(HttpOptions options, HttpHandler handler)
      : options_(options),
        handler_(std::move(handler)),
        wake_(make_eventfd()),
        slow_clients_(std::max<std::size_t>(1, options.threads / 2)) {
    RPOGUARD_CHECK(options_.threads > 0);
    // Setters, not macros: the library is compiled with its own. ThreadPool, not a queue of our
    // own: the type of its jobs changes between versions.
    new_task_queue = [threads = options_.threads] { return new httplib::ThreadPool(threads); };
    set_socket_options([](socket_t socket) { set_options(socket); });
    set_default_headers({{"Cache-Control", "no-store"},
                         {"X-Content-Type-Options", "nosniff"},
                         {"Accept-Ranges", "none"}});
    // No routes, so that no regular expression ever sees a path.
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      HttpResponse answered = answer(request);
      if (answered.shared_body) {
        response.set_header("Content-Length", std::to_string(answered.shared_body->size()));
        if (request.method != "HEAD") rest_of_answer() = answered.shared_body;
      }
      fill(response, std::move(answered));
      return HandlerResponse::Handled;
    });
    // What an exception says is nobody's business out there: cpp-httplib would put it in a header.
    set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
          fill(response, text_response(500, "internal error\n"));
        });
  }

  ~Impl() override {
    stop_serving();
    ::close(wake_);
  }

  // Bound first, in the caller's thread: a port in use is an error at start.
  base::Result<void> open(const core::ListenSpec& listen) {
    for (const std::string& host : hosts_to_bind(listen)) {
      errno = 0;
      if (take_port(host, listen.port) || !lacks_ipv6(errno)) break;
    }
    if (port_ == 0) {
      const std::string why =
          errno == 0 ? std::string("no such address") : std::generic_category().message(errno);
      return listen_error(listen, why);
    }
    ::listen(svr_sock_, kBacklog);
    ::fcntl(svr_sock_, F_SETFD, FD_CLOEXEC);
    return {};
  }

  std::uint16_t port() const { return port_; }
  std::uint64_t given_up() const { return slow_clients_.given_up(); }

  void serve(std::function<void()> on_failure) {
    RPOGUARD_CHECK(!thread_.joinable());
    thread_ = std::thread([this, on_failure = std::move(on_failure)] {
      listen_after_bind();
      ended_ = true;
      if (!stopping_ && on_failure) on_failure();
    });
    // A stop() that comes before the loop runs would be lost.
    while (!is_running() && !ended_) std::this_thread::yield();
  }

  void stop_serving() {
    if (stopping_.exchange(true)) return;
    // Wakes every thread that waits for a client, which stop() alone would wait for; queued
    // connections are closed unread.
    const std::uint64_t one = 1;
    RPOGUARD_CHECK(::write(wake_, &one, sizeof(one)) == sizeof(one));
    if (thread_.joinable()) {
      stop();
      thread_.join();
    } else if (svr_sock_ != INVALID_SOCKET) {
      ::close(svr_sock_.exchange(INVALID_SOCKET));
    }
  }

 private:
  // 0: a free one.
  bool take_port(const std::string& host, std::uint16_t wanted) {
    const bool any = wanted == 0;
    const int port = any ? bind_to_any_port(host) : int{wanted};
    const bool bound = any ? port > 0 : bind_to_port(host, port);
    if (bound) port_ = static_cast<std::uint16_t>(port);
    return bound;
  }

  static void set_options(socket_t socket) {
    serve_both_families(socket);
    const int on = 1;
    // Not SO_REUSEPORT, which lets a second process take half of the connections.
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    // A client that says nothing does not get a thread for the first second.
    ::setsockopt(socket, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on));
  }

  bool process_and_close_socket(socket_t socket) override {
    const Busy busy(busy_);
    ::fcntl(socket, F_SETFD, FD_CLOEXEC);
    HttpConnection connection(socket, wake_,
                              options_.web == nullptr ? nullptr : options_.web->new_session());
    if (stopping_) return false;
    std::string head;
    switch (connection.read_head(head, kHeadBytesMax, [this] { return patience(); })) {
      case HttpConnection::Head::complete:
        break;
      case HttpConnection::Head::too_large:
        connection.send_all(kTooLarge, kLinger);
        connection.linger(kLinger, kLingerBytesMax);
        return false;
      case HttpConnection::Head::incomplete:
        if (!head.empty()) connection.send_all(kTooSlow, kLinger);
        return false;
      case HttpConnection::Head::no_handshake:
        options_.web->count_handshake_failure();
        connection.linger(kLinger, kLingerBytesMax);
        return false;
    }
    exchange(connection, head);
    return true;
  }

  // A client that takes its answer at once needs no place among those who do not.
  void send(HttpConnection& connection, std::string_view text,
            const std::shared_ptr<const std::string>& rest) {
    std::optional<SlowClients::Place> place;
    const auto given_up = [&] {
      if (!place) place.emplace(slow_clients_);
      return place->lost();
    };
    if (connection.send_all(text, kAnswerTimeout, given_up) && rest)
      connection.send_all(*rest, kAnswerTimeout, given_up);
  }

  // Later versions of cpp-httplib (Debian 13's 0.18) are told the addresses and ports of both ends;
  // those of Debian 12 ask the stream.
  template <typename Edit>
  void process(HeadStream& stream, const Edit& edit) {
    bool closed = false;
    if constexpr (requires { this->process_request(stream, true, closed, edit); }) {
      this->process_request(stream, true, closed, edit);
    } else {
      std::string peer;
      int port = 0;
      stream.get_remote_ip_and_port(peer, port);
      this->process_request(stream, peer, port, "", 0, true, closed, edit);
    }
  }

  void exchange(HttpConnection& connection, std::string& head) {
    const Withheld withheld = withhold(head);
    HeadStream stream(head, connection.remote_address());
    process(stream, [&](httplib::Request& request) {
      if (!withheld.method.empty()) request.method = withheld.method;
      // Nobody waits for a "100 Continue": the body is not wanted. Compression is off: brotli at
      // its highest level, as cpp-httplib does it, takes seconds for a large page.
      request.headers.erase("Expect");
      request.headers.erase("Accept-Encoding");
      if (withheld.range) request.headers.emplace(kRangeMark, "1");
      if (connection.client_is_verified()) request.headers.emplace(kVerifiedMark, "1");
    });
    send(connection, stream.answer(), std::exchange(rest_of_answer(), nullptr));
    connection.finish();
    if (withheld.body) connection.linger(all_busy() ? kNoLinger : kLinger, kLingerBytesMax);
  }

  HttpResponse answer(const httplib::Request& from) const {
    if (from.headers.count(kRangeMark) > 0) return text_response(416, "");
    HttpTarget target = parse_target(from.target);
    if (target.path_cut) return text_response(414, "the path is too long\n");
    HttpRequest request = to_request(from, std::move(target));
    request.authenticated = from.headers.count(kVerifiedMark) > 0;
    return handler_(request);
  }

  bool all_busy() const { return busy_ >= options_.threads; }
  std::chrono::milliseconds patience() const {
    return all_busy() ? kHeadTimeoutBusy : kHeadTimeout;
  }

  // Names that no client can send: they hold a character that ends header names.
  static constexpr const char* kRangeMark = "range:";
  static constexpr const char* kVerifiedMark = "verified:";
  static constexpr std::chrono::milliseconds kNoLinger{0};

  const HttpOptions options_;
  const HttpHandler handler_;
  const int wake_;
  SlowClients slow_clients_;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> busy_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

base::Result<std::unique_ptr<HttpServer>> HttpServer::bind(const core::ListenSpec& listen,
                                                           HttpOptions options,
                                                           HttpHandler handler) {
  auto impl = std::make_unique<Impl>(options, std::move(handler));
  const base::Result<void> opened = impl->open(listen);
  if (!opened) return opened.error();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;
std::uint16_t HttpServer::port() const {
  return impl_->port();
}
std::uint64_t HttpServer::given_up() const {
  return impl_->given_up();
}
void HttpServer::start(std::function<void()> on_failure) {
  impl_->serve(std::move(on_failure));
}
void HttpServer::stop() {
  impl_->stop_serving();
}

}  // namespace rpoguard::serve
