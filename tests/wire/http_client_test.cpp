// The command line's HTTP client against peers that do not behave.
#include "exporter/net/http_client.hpp"

#include <atomic>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "exporter/serve/http/http_server.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"
#include "tests/wire/http_socket.hpp"

namespace rpoguard::test {
namespace {

using namespace http;

using namespace std::chrono_literals;

// Accepts one connection and does with it what the test says.
class Peer {
 public:
  using Behaviour = std::function<void(int socket, const std::atomic<bool>& over)>;

  explicit Peer(Behaviour behaviour) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, behaviour = std::move(behaviour)] {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      std::array<char, 4096> request;
      if (::recv(socket, request.data(), request.size(), 0) > 0) behaviour(socket, over_);
      ::close(socket);
    });
  }
  ~Peer() {
    over_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  net::HttpGet get() const {
    net::HttpGet get;
    get.host = "127.0.0.1";
    get.port = port_;
    get.path = "/x";
    get.timeout = 500ms;
    return get;
  }

 private:
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

void say(int socket, std::string_view text) {
  ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
}

TEST(HttpClient, an_answer_is_handed_over_whole_whatever_its_status) {
  auto bound = serve::HttpServer::bind({"127.0.0.1", 0}, {}, [](const serve::HttpRequest& request) {
    serve::HttpResponse response;
    response.status = 503;
    response.body = request.query.begin()->second + std::string(200'000, 'x');
    return response;
  });
  ASSERT_TRUE(bound.ok());
  bound.value()->start([] {});
  const auto answer = net::http_get({"127.0.0.1", bound.value()->port(), "/v?shard=a%20b", 10s});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer.value().status, 503);
  EXPECT_EQ(answer.value().body, "a b" + std::string(200'000, 'x'));
}

TEST(HttpClient, nobody_there_is_an_error_that_names_the_address) {
  const std::uint16_t port = free_port();
  const auto answer = net::http_get({"127.0.0.1", port, "/", 2s});
  ASSERT_FALSE(answer.ok());
  EXPECT_NE(answer.error().message.find("127.0.0.1:" + std::to_string(port)), std::string::npos);
  EXPECT_NE(answer.error().message.find("cannot connect"), std::string::npos);
}

TEST(HttpClient, a_mute_peer_is_given_up) {
  const Peer peer([](int, const std::atomic<bool>& over) {
    EXPECT_TRUE(eventually(60s, [&] { return over.load(); }));
  });
  const Stopwatch watch;
  EXPECT_FALSE(net::http_get(peer.get()).ok());
  EXPECT_LT(watch.elapsed(), 5s);
}

// The library keeps them all, as long as they come.
TEST(HttpClient, a_peer_whose_head_has_no_end_is_cut_off) {
  for (const std::string& piece :
       {std::string("x: y\r\n"), std::string("x"), std::string("HTTP/1.1 100 Continue\r\n\r\n")}) {
    std::atomic<std::size_t> sent{0};
    const Peer peer([&](int socket, const std::atomic<bool>& over) {
      std::string many = "HTTP/1.1 200 OK\r\nX: ";
      if (piece.starts_with("HTTP")) many.clear();
      while (many.size() < 60'000) many += piece;
      // A client that is gone may leave this end without a word, and no room to send.
      const timeval patience{0, 100'000};
      ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
      while (!over && ::send(socket, many.data(), many.size(), MSG_NOSIGNAL) > 0) {
        sent += many.size();
        many = many.substr(many.find(piece));
      }
    });
    net::HttpGet get = peer.get();
    get.timeout = 60s;
    get.body_bytes_max = 1000;
    const auto outcome = net::http_exchange(get);
    const auto* failure = std::get_if<net::HttpFailure>(&outcome);
    ASSERT_NE(failure, nullptr) << piece;
    EXPECT_EQ(*failure, net::HttpFailure::too_large) << piece;
    EXPECT_LT(sent, 100'000'000U) << piece;
  }
}

// The library takes that line apart by recursion: without a bound the process would end here.
TEST(HttpClient, a_status_line_that_is_too_long_is_no_answer) {
  for (const std::size_t length : {2'000U, 60'000U, 500'000U, 5'000'000U}) {
    for (const auto& [before, end] :
         {std::pair("", "\r\nContent-Length: 0\r\n\r\n"), std::pair("", ""),
          std::pair("HTTP/1.1 100 Continue\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n")}) {
      const Peer peer([&](int socket, const std::atomic<bool>&) {
        say(socket, before + ("HTTP/1.1 200 " + std::string(length, 'O')) + end);
      });
      net::HttpGet get = peer.get();
      get.timeout = 10s;
      EXPECT_FALSE(net::http_get(get).ok()) << length;
    }
  }
}

TEST(HttpClient, a_status_line_of_a_thousand_bytes_is_one_and_a_header_may_be_longer) {
  const Peer peer([](int socket, const std::atomic<bool>&) {
    say(socket, "HTTP/1.1 200 " + std::string(1000, 'O') + "\r\nX: " + std::string(6000, 'H') +
                    "\r\nContent-Length: 2\r\n\r\nok");
  });
  EXPECT_TRUE(net::http_get(peer.get()).ok());
}

// Each byte comes well within the time-out of a single read.
TEST(HttpClient, a_peer_that_dribbles_its_head_is_given_up) {
  const Peer peer([](int socket, const std::atomic<bool>& over) {
    say(socket, "HTTP/1.1 200 OK\r\nX: ");
    while (!eventually(20ms, [&] { return over.load(); })) say(socket, "x");
  });
  const Stopwatch watch;
  EXPECT_FALSE(net::http_get(peer.get()).ok());
  EXPECT_LT(watch.elapsed(), 5s);
}

TEST(HttpClient, a_peer_that_dribbles_its_body_is_given_up) {
  const Peer peer([](int socket, const std::atomic<bool>& over) {
    say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (!eventually(20ms, [&] { return over.load(); })) say(socket, "x");
  });
  const Stopwatch watch;
  EXPECT_FALSE(net::http_get(peer.get()).ok());
  EXPECT_LT(watch.elapsed(), 5s);
}

TEST(HttpClient, a_body_that_is_too_large_is_an_error) {
  const Peer peer([](int socket, const std::atomic<bool>&) {
    say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'x'));
  });
  net::HttpGet get = peer.get();
  get.body_bytes_max = 1999;
  get.timeout = 10s;
  const auto answer = net::http_get(get);
  ASSERT_FALSE(answer.ok());
  EXPECT_NE(answer.error().message.find("too large"), std::string::npos);
}

TEST(HttpClient, a_body_that_is_cut_short_is_an_error) {
  const Peer peer([](int socket, const std::atomic<bool>&) {
    say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\nxxx");
  });
  net::HttpGet get = peer.get();
  get.timeout = 10s;
  EXPECT_FALSE(net::http_get(get).ok());
}

TEST(HttpClient, a_redirect_is_not_followed) {
  const Peer peer([](int socket, const std::atomic<bool>&) {
    say(socket, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  });
  net::HttpGet get = peer.get();
  get.timeout = 10s;
  const auto answer = net::http_get(get);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer.value().status, 302);
}

}  // namespace
}  // namespace rpoguard::test
