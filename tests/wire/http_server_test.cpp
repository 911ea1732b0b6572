// HttpServer against clients that do not behave.
#include "exporter/serve/http/http_server.hpp"

#include <atomic>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/wire/http_socket.hpp"

namespace rpoguard::test {
namespace {

using namespace http;

using namespace std::chrono_literals;
using serve::HttpRequest;
using serve::HttpResponse;
using serve::HttpServer;

// Says back what reached it.
HttpResponse echo(const HttpRequest& request) {
  HttpResponse response;
  response.body = request.method + " " + request.path + (request.path_cut ? " cut" : "");
  for (const auto& [key, value] : request.query) response.body += " " + key + "=" + value;
  for (const auto& [name, value] : request.headers) {
    if (name.starts_with("x-") || name.starts_with("remote")) {
      response.body += " " + name + ":" + value;
    }
  }
  if (request.path == "/address") response.body = request.remote_address;
  if (request.path == "/throw") throw std::runtime_error("secret password=abc");
  if (request.path == "/header") response.headers.emplace_back("X-Answer", "yes");
  return response;
}

class HttpServerTest : public ::testing::Test {
 protected:
  static std::unique_ptr<HttpServer> listen(serve::HttpOptions options = {}) {
    auto bound = HttpServer::bind({"127.0.0.1", 0}, options, echo);
    EXPECT_TRUE(bound.ok());
    auto server = std::move(bound).value();
    server->start([] { ADD_FAILURE() << "the listener failed"; });
    return server;
  }

  void TearDown() override {
    if (server_) server_->stop();
  }

  std::uint16_t port() {
    if (!server_) server_ = listen();
    return server_->port();
  }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, a_request_is_answered_and_the_connection_closed) {
  const RawAnswer answer = ask(port(), "/a/b?x=1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "GET /a/b x=1");
  EXPECT_TRUE(answer.has_header("Connection: close"));
  EXPECT_TRUE(answer.has_header("Cache-Control: no-store"));
  EXPECT_TRUE(answer.has_header("Content-Type: text/plain; charset=utf-8"));
  EXPECT_TRUE(answer.has_header("Content-Length: 12"));
}

// An answer that no socket's buffers take whole.
HttpResponse large_or_small(const HttpRequest& request) {
  HttpResponse response;
  response.body = "small";
  if (request.path != "/large") return response;
  static const auto large = std::make_shared<const std::string>(32 * 1024 * 1024, 'x');
  response.body.clear();
  response.shared_body = large;
  return response;
}

TEST(HttpServer, clients_that_do_not_read_their_answers_keep_nobody_waiting) {
  auto bound = HttpServer::bind({"127.0.0.1", 0}, {.threads = 4}, large_or_small);
  ASSERT_TRUE(bound.ok());
  const auto server = std::move(bound).value();
  server->start([] { ADD_FAILURE() << "the listener failed"; });
  std::vector<HttpSocket> silent;
  for (int i = 0; i < 40; ++i) {
    silent.emplace_back(server->port());
    ASSERT_TRUE(silent.back().send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  const Stopwatch watch;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(server->port(), "/small").body, "small");
  EXPECT_LT(watch.elapsed(), 10s) << "each of them might keep a thread for five seconds";
  EXPECT_GE(server->given_up(), 36U);
  const RawAnswer whole = ask(server->port(), "/large");
  EXPECT_EQ(whole.body.size(), 32U * 1024 * 1024) << "who reads gets it";
  EXPECT_TRUE(whole.has_header("Content-Length: 33554432"));
  EXPECT_TRUE(whole.has_header("Content-Type: text/plain; charset=utf-8"));
  EXPECT_EQ(ask(server->port(), "/large", "HEAD").body, "");
  server->stop();
}

TEST_F(HttpServerTest, keep_alive_is_declined) {
  const RawAnswer answer = ask(port(), "/", "GET", "Connection: keep-alive\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.has_header("Connection: close"));
}

TEST_F(HttpServerTest, head_has_the_headers_of_get_and_no_body) {
  const RawAnswer get = ask(port(), "/header");
  const RawAnswer head = ask(port(), "/header", "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_TRUE(head.has_header("X-Answer: yes"));
  EXPECT_TRUE(head.has_header("Content-Length: " + std::to_string(get.body.size() + 1)));
}

TEST_F(HttpServerTest, the_query_reaches_the_handler_whole) {
  EXPECT_EQ(ask(port(), "/?e=a=b=c&e=2&f=x%20y+z").body, "GET / e=a=b=c e=2 f=x y z");
}

TEST_F(HttpServerTest, headers_are_lower_case_and_the_first_of_each) {
  const RawAnswer answer = ask(port(), "/", "GET", "X-One: 1\r\nx-one: 2\r\nX-TWO:3\r\n");
  EXPECT_EQ(answer.body, "GET / x-one:1 x-two:3");
}

TEST_F(HttpServerTest, a_client_cannot_say_where_it_comes_from) {
  EXPECT_EQ(ask(port(), "/address", "GET", "REMOTE_ADDR: 6.6.6.6\r\n").body, "127.0.0.1");
  EXPECT_EQ(ask(port(), "/", "GET", "Remote_Addr: 6.6.6.6\r\nREMOTE_PORT: 1\r\n").body, "GET /");
}

TEST(HttpServer, on_every_address_serves_both_families) {
  auto bound = HttpServer::bind({"::", 0}, {}, echo);
  ASSERT_TRUE(bound.ok());
  auto server = std::move(bound).value();
  server->start([] { ADD_FAILURE() << "the listener failed"; });
  EXPECT_EQ(ask(server->port(), "/address").body, "127.0.0.1") << "as an operator writes it";
  const HttpSocket over_ipv6(loopback6(server->port()));
  over_ipv6.send("GET /address HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(parse_answer(over_ipv6.read_all(kAnswerDeadline)).body, "::1");
  const auto second = HttpServer::bind({"::", server->port()}, {}, echo);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("[::]:" + std::to_string(server->port())),
            std::string::npos)
      << second.error().message;
  server->stop();
}

TEST_F(HttpServerTest, every_method_reaches_the_handler_and_none_has_its_body_read) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI",
                             "PROPFIND", "M-SEARCH", "get"}) {
    const RawAnswer answer = ask(port(), "/p", method, "Transfer-Encoding: chunked\r\nX-A: b\r\n");
    EXPECT_EQ(answer.status, 200) << method;
    EXPECT_EQ(answer.body, std::string(method) + " /p x-a:b") << method;
  }
}

// The answer comes although not a byte of the announced body was sent.
TEST_F(HttpServerTest, post_with_body_is_refused_unread) {
  const Stopwatch watch;
  EXPECT_EQ(ask(port(), "/", "POST", "Content-Length: 1073741824\r\n").status, 200);
  EXPECT_EQ(ask(port(), "/", "POST", "Content-Length: 9\r\nExpect: 100-continue\r\n").status, 200);
  EXPECT_LT(watch.elapsed(), 3s);
}

TEST_F(HttpServerTest, the_answer_is_not_lost_when_the_client_is_still_sending) {
  const std::string head = "POST / HTTP/1.1\r\nContent-Length: 131072\r\n\r\n";
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(send_raw(port(), head + std::string(131072, 'x')).status, 200) << round;
  }
}

TEST_F(HttpServerTest, range_is_refused) {
  std::string ranges = "Range: bytes=0-";
  for (int i = 0; i < 2000; ++i) ranges += ",0-";
  EXPECT_EQ(ask(port(), "/", "GET", "Range: bytes=0-4\r\n").status, 416);
  EXPECT_EQ(ask(port(), "/", "GET", "rAnGe:bytes=0-4\r\n").status, 416);
  const RawAnswer answer = ask(port(), "/", "GET", ranges + "\r\n");
  EXPECT_EQ(answer.status, 416);
  EXPECT_EQ(answer.body, "");
}

TEST_F(HttpServerTest, a_header_that_only_contains_range_is_none) {
  EXPECT_EQ(ask(port(), "/", "GET", "X-Range: bytes=0-4\r\nIf-Range: x\r\n").status, 200);
}

TEST_F(HttpServerTest, long_path_is_414) {
  EXPECT_EQ(ask(port(), "/" + std::string(255, 'a')).status, 200);
  EXPECT_EQ(ask(port(), "/" + std::string(256, 'a')).status, 414);
  EXPECT_EQ(ask(port(), "/" + std::string(8000, 'a')).status, 414);
  EXPECT_EQ(ask(port(), "/" + std::string(20000, 'a')).status, 414);
}

TEST_F(HttpServerTest, exception_text_stays_inside) {
  const RawAnswer answer = ask(port(), "/throw");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, "internal error\n");
  EXPECT_EQ(answer.head.find("secret"), std::string::npos);
  EXPECT_EQ(ask(port(), "/").status, 200);
}

TEST_F(HttpServerTest, nothing_is_compressed) {
  const RawAnswer answer = ask(port(), "/a", "GET", "Accept-Encoding: gzip, br\r\n");
  EXPECT_EQ(answer.body, "GET /a");
  EXPECT_EQ(answer.head.find("Content-Encoding"), std::string::npos);
}

TEST_F(HttpServerTest, garbage_is_a_bad_request) {
  for (const char* garbage : {"\r\n\r\n", "hello\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n",
                              "GET / HTTP/9.9\r\n\r\n", "G\x01T / HTTP/1.1\r\n\r\n"}) {
    EXPECT_EQ(send_raw(port(), garbage).status, 400) << garbage;
  }
  EXPECT_EQ(ask(port(), "/").status, 200);
}

// Neither an endless line nor endless lines are kept.
TEST_F(HttpServerTest, an_endless_head_is_refused_early) {
  EXPECT_EQ(ask(port(), "/", "GET", "X: " + std::string(5'000'000, 'x') + "\r\n").status, 431);
  std::string lines;
  for (int i = 0; i < 20000; ++i) lines += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(ask(port(), "/", "GET", lines).status, 431);
}

TEST_F(HttpServerTest, second_instance_fails_to_bind) {
  const auto second = HttpServer::bind({"127.0.0.1", port()}, {}, echo);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(port())), std::string::npos);
}

TEST_F(HttpServerTest, an_address_of_somebody_else_fails_to_bind) {
  EXPECT_FALSE(HttpServer::bind({"192.0.2.1", 0}, {}, echo).ok());
  EXPECT_FALSE(HttpServer::bind({"no.such.host.invalid", 0}, {}, echo).ok());
}

TEST_F(HttpServerTest, a_server_that_was_never_started_can_be_stopped_and_frees_its_port) {
  auto first = HttpServer::bind({"127.0.0.1", 0}, {}, echo);
  ASSERT_TRUE(first.ok());
  const std::uint16_t freed = first.value()->port();
  first.value()->stop();
  EXPECT_TRUE(HttpServer::bind({"127.0.0.1", freed}, {}, echo).ok());
}

// Silent clients, three times as many as there are threads.
TEST_F(HttpServerTest, idle_clients_do_not_delay_a_scrape) {
  server_ = listen({.threads = 4});
  std::vector<HttpSocket> idle;
  for (int i = 0; i < 12; ++i) idle.emplace_back(port());
  const Stopwatch watch;
  EXPECT_EQ(ask(port(), "/").status, 200);
  EXPECT_LT(watch.elapsed(), 1500ms);
}

// Clients that have begun to speak hold a thread, but not for long.
TEST_F(HttpServerTest, half_requests_delay_a_scrape_by_little) {
  server_ = listen({.threads = 4});
  std::vector<HttpSocket> slow;
  for (int i = 0; i < 12; ++i) {
    slow.emplace_back(port());
    slow.back().send("GET / HT");
  }
  const Stopwatch watch;
  EXPECT_EQ(ask(port(), "/").status, 200);
  EXPECT_LT(watch.elapsed(), 3s);
}

TEST_F(HttpServerTest, a_dribbling_client_is_cut_off) {
  const HttpSocket socket(port());
  const Stopwatch watch;
  std::atomic<bool> over{false};
  std::thread dribble([&] {
    while (!eventually(50ms, [&] { return over.load(); }) && socket.send("x")) {
    }
  });
  const RawAnswer answer = parse_answer(socket.read_all(kAnswerDeadline));
  EXPECT_EQ(answer.status, 408);
  EXPECT_GE(watch.elapsed(), 1500ms);
  EXPECT_LT(watch.elapsed(), 6s);
  over = true;
  dribble.join();
}

TEST_F(HttpServerTest, stop_is_bounded) {
  server_ = listen({.threads = 2});
  std::vector<HttpSocket> clients;
  for (int i = 0; i < 30; ++i) {
    clients.emplace_back(port());
    if (i % 3 != 0) clients.back().send("GET / HTTP/1.1\r\nX: ");
  }
  const Stopwatch watch;
  server_->stop();
  EXPECT_LT(watch.elapsed(), 2s);
  server_->stop();
  EXPECT_THROW(HttpSocket{port()}, std::runtime_error);
}

// The two calls in quick succession, where cpp-httplib loses the second.
TEST_F(HttpServerTest, stop_right_after_start_is_not_lost) {
  for (int round = 0; round < 50; ++round) listen()->stop();
}

// Ends accepting behind the server's back: its socket is the one that listens on that port.
void shut_listening_socket(std::uint16_t port) {
  for (int fd = 3; fd < 1024; ++fd) {
    sockaddr_in address{};
    socklen_t length = sizeof(address);
    int listening = 0;
    socklen_t size = sizeof(listening);
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
        address.sin_family == AF_INET && ntohs(address.sin_port) == port &&
        ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening == 1) {
      ::shutdown(fd, SHUT_RDWR);
    }
  }
}

TEST_F(HttpServerTest, a_listener_that_fails_says_so) {
  auto bound = HttpServer::bind({"127.0.0.1", 0}, {}, echo);
  ASSERT_TRUE(bound.ok());
  server_ = std::move(bound).value();
  std::atomic<int> failures{0};
  server_->start([&] { ++failures; });
  shut_listening_socket(server_->port());
  EXPECT_TRUE(eventually(10s, [&] { return failures == 1; }));
  server_->stop();
  EXPECT_EQ(failures, 1);
}

}  // namespace
}  // namespace rpoguard::test
