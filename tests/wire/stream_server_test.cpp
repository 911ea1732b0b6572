// Many connections on one thread: slow, silent, endless, too many of them, and at the end.
#include "exporter/serve/http/stream_server.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/support/eventually.hpp"
#include "tests/wire/http_socket.hpp"

namespace rpoguard::test {
namespace {

using namespace http;
using namespace std::chrono_literals;
using serve::Client;
using serve::Exchange;
using serve::StreamServer;

constexpr std::size_t kHuge = 8 * 1024 * 1024;

// Says each line back; "bye" ends the connection, "huge" is answered at length.
Exchange echo_back(std::string_view received, const Client& client) {
  const std::size_t end = received.find('\n');
  if (end == std::string_view::npos) return {};
  const std::string line(received.substr(0, end));
  Exchange exchange{end + 1, line + (client.last ? " last" : "") + "\n", line == "bye", false};
  if (line == "huge") exchange.answer.assign(kHuge, 'x');
  if (line == "who") exchange.answer = client.address + "\n";
  if (line == "post") exchange = {end + 1, "ok\n", true, true};
  return exchange;
}

serve::StreamOptions quick() {
  serve::StreamOptions options;
  options.request_timeout = 300ms;
  options.answer_timeout = 300ms;
  options.request_bytes_max = 100;
  options.too_slow = "slow\n";
  options.too_large = "large\n";
  return options;
}

class StreamServerTest : public ::testing::Test {
 protected:
  std::uint16_t listen(const serve::StreamOptions& options) {
    auto bound = StreamServer::bind({"127.0.0.1", 0}, options, echo_back);
    EXPECT_TRUE(bound.ok());
    server_ = std::move(bound).value();
    server_->start([] { ADD_FAILURE() << "the listener failed"; });
    return server_->port();
  }
  // One line back, while the connection goes on.
  static std::string line_of(const HttpSocket& socket) {
    std::string line;
    const bool whole = eventually(
        20s,
        [&] {
          for (char c = 0; socket.receive(c);) {
            line += c;
            if (c == '\n') return true;
          }
          return false;
        },
        1ms);
    EXPECT_TRUE(whole) << line;
    return line;
  }
  static std::string exchange(const HttpSocket& socket, const std::string& line) {
    EXPECT_TRUE(socket.send(line + "\n"));
    return line_of(socket);
  }
  static std::string rest_of(const HttpSocket& socket) {
    return socket.read_all(kAnswerDeadline).value_or("still open");
  }

  std::unique_ptr<StreamServer> server_;
};

TEST_F(StreamServerTest, a_connection_serves_one_request_after_the_other) {
  const HttpSocket socket(listen({}));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(exchange(socket, std::to_string(i)), std::to_string(i) + "\n");
  }
  EXPECT_EQ(exchange(socket, "who"), "127.0.0.1\n");
  socket.send("bye\nmore\n");
  EXPECT_EQ(rest_of(socket), "bye\n");
}

TEST_F(StreamServerTest, requests_that_come_in_one_go_are_answered_in_order) {
  const HttpSocket socket(listen({}));
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += std::to_string(i) + "\n";
  std::thread sender([&] { socket.send(lines + "bye\n"); });
  EXPECT_EQ(rest_of(socket), lines + "bye\n");
  sender.join();
}

TEST_F(StreamServerTest, a_request_in_pieces_is_one) {
  const HttpSocket socket(listen({}));
  for (const char c : std::string("hello")) {
    socket.send(std::string(1, c));
    EXPECT_FALSE(eventually(5ms, [&] { return socket.readable(); }));
  }
  EXPECT_EQ(exchange(socket, ""), "hello\n");
}

TEST_F(StreamServerTest, whoever_is_slow_is_told_so_and_cut_off) {
  const HttpSocket socket(listen(quick()));
  const Stopwatch watch;
  std::atomic<bool> over{false};
  std::thread dribble([&] {
    while (!eventually(20ms, [&] { return over.load(); }) && socket.send("x")) {
    }
  });
  EXPECT_EQ(rest_of(socket), "slow\n");
  EXPECT_GE(watch.elapsed(), 250ms);
  EXPECT_LT(watch.elapsed(), 5s);
  over = true;
  dribble.join();
}

TEST_F(StreamServerTest, an_endless_request_is_refused_early) {
  const HttpSocket socket(listen(quick()));
  socket.send(std::string(5000, 'x'));
  EXPECT_EQ(rest_of(socket), "large\n");
}

TEST_F(StreamServerTest, the_answer_is_not_lost_when_the_client_is_still_sending) {
  const std::uint16_t port = listen(quick());
  for (int round = 0; round < 20; ++round) {
    const HttpSocket socket(port);
    socket.send("post\n" + std::string(131'072, 'x'));
    EXPECT_EQ(rest_of(socket), "ok\n") << round;
  }
}

TEST_F(StreamServerTest, silence_ends_a_connection_only_after_the_idle_time) {
  serve::StreamOptions options = quick();
  options.idle_timeout = 600ms;
  options.too_silent = "silent\n";
  const HttpSocket never(listen(options));
  const HttpSocket once(server_->port());
  const Stopwatch watch;
  EXPECT_EQ(exchange(once, "a"), "a\n");
  EXPECT_EQ(rest_of(once), "silent\n");
  EXPECT_GE(watch.elapsed(), 550ms);
  EXPECT_EQ(rest_of(never), "silent\n");
}

TEST_F(StreamServerTest, a_client_that_does_not_take_its_answer_is_given_up) {
  const HttpSocket slow(listen(quick()));
  const HttpSocket other(server_->port());
  slow.send("huge\n");
  EXPECT_EQ(exchange(other, "a"), "a\n") << "meanwhile others are served";
  const Stopwatch watch;
  ASSERT_TRUE(eventually(20s, [&] { return !slow.send("x"); })) << "it is still connected";
  EXPECT_LT(watch.elapsed(), 10s);
}

TEST_F(StreamServerTest, a_huge_answer_arrives_whole) {
  const HttpSocket socket(listen({}));
  socket.send("huge\nbye\n");
  EXPECT_EQ(rest_of(socket).size(), kHuge + 4);
}

// Whoever has gone longest without a request makes room, so nobody can keep others out by waiting.
TEST_F(StreamServerTest, too_many_connections_cost_the_idlest_one) {
  serve::StreamOptions options;
  options.connections_max = 3;
  options.request_timeout = 600s;
  const HttpSocket first(listen(options));
  const HttpSocket second(server_->port());
  const HttpSocket half(server_->port());
  for (const HttpSocket* socket : {&half, &second, &first})
    EXPECT_EQ(exchange(*socket, "a"), "a\n");
  half.send("half");
  const HttpSocket fourth(server_->port());
  EXPECT_EQ(exchange(fourth, "b"), "b\n");
  EXPECT_EQ(rest_of(half), "");
  EXPECT_EQ(exchange(first, "c"), "c\n");
  const HttpSocket fifth(server_->port());
  EXPECT_EQ(exchange(fifth, "d"), "d\n");
  EXPECT_EQ(rest_of(second), "");
  EXPECT_EQ(exchange(first, "e"), "e\n");
}

TEST_F(StreamServerTest, without_descriptors_it_goes_on) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const HttpSocket socket(listen({}));
  EXPECT_EQ(exchange(socket, "a"), "a\n");
  const HttpSocket waiting(server_->port());  // evicts nobody yet
  EXPECT_EQ(exchange(waiting, "a"), "a\n");
  // A connection that is made by another process, as far as our descriptors go.
  rlimit none = before;
  none.rlim_cur = 3;
  const int late = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const sockaddr_in address = loopback(server_->port());
  EXPECT_EQ(::connect(late, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(rest_of(socket), "") << "the idlest made room";
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(::send(late, "x\n", 2, MSG_NOSIGNAL), 2);
  std::array<char, 2> answer{};
  EXPECT_EQ(::recv(late, answer.data(), answer.size(), MSG_WAITALL), 2);
  ::close(late);
}

TEST_F(StreamServerTest, on_every_address_serves_both_families) {
  auto bound = StreamServer::bind({"::", 0}, {}, echo_back);
  ASSERT_TRUE(bound.ok());
  server_ = std::move(bound).value();
  server_->start([] { ADD_FAILURE() << "the listener failed"; });
  EXPECT_EQ(exchange(HttpSocket(server_->port()), "who"), "127.0.0.1\n")
      << "as an operator writes it";
  EXPECT_EQ(exchange(HttpSocket(loopback6(server_->port())), "who"), "::1\n");
}

TEST_F(StreamServerTest, a_second_server_cannot_have_the_port) {
  const std::uint16_t port = listen({});
  const auto second = StreamServer::bind({"127.0.0.1", port}, {}, echo_back);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(port)), std::string::npos);
  EXPECT_FALSE(StreamServer::bind({"192.0.2.1", 0}, {}, echo_back).ok());
  EXPECT_FALSE(StreamServer::bind({"no.such.host.invalid", 0}, {}, echo_back).ok());
}

TEST_F(StreamServerTest, stop_answers_what_is_on_its_way_and_is_bounded) {
  const std::uint16_t port = listen({});
  std::vector<HttpSocket> clients;
  for (int i = 0; i < 30; ++i) {
    clients.emplace_back(port);
    if (i % 3 != 0) clients.back().send("half");
  }
  const HttpSocket reader(port);
  reader.send("huge\n");
  const HttpSocket asker(port);
  EXPECT_EQ(exchange(asker, "a"), "a\n");
  std::thread stopper([&] {
    const Stopwatch watch;
    server_->stop();
    EXPECT_LT(watch.elapsed(), 5s);
  });
  EXPECT_EQ(rest_of(reader).size(), kHuge);
  for (const HttpSocket& client : clients) EXPECT_NE(rest_of(client), "still open");
  stopper.join();
  server_->stop();
  EXPECT_THROW(HttpSocket{port}, std::runtime_error);
}

TEST_F(StreamServerTest, a_request_after_stop_is_the_last_of_its_connection) {
  const HttpSocket socket(listen({}));
  EXPECT_EQ(exchange(socket, "a"), "a\n");
  std::thread stopper([&] { server_->stop(); });
  // New connections are refused from the moment at which the stop has begun.
  ASSERT_TRUE(eventually(
      10s,
      [&] {
        try {
          HttpSocket{server_->port()};
          return false;
        } catch (const std::runtime_error&) {
          return true;
        }
      },
      1ms));
  socket.send("b\n");
  const std::string rest = rest_of(socket);
  EXPECT_TRUE(rest == "b last\n" || rest.empty()) << rest;
  stopper.join();
}

TEST_F(StreamServerTest, a_server_that_was_never_started_can_be_stopped_and_frees_its_port) {
  auto first = StreamServer::bind({"127.0.0.1", 0}, {}, echo_back);
  ASSERT_TRUE(first.ok());
  const std::uint16_t freed = first.value()->port();
  first.value()->stop();
  EXPECT_TRUE(StreamServer::bind({"127.0.0.1", freed}, {}, echo_back).ok());
  for (int round = 0; round < 20; ++round) {
    listen({});
    server_->stop();
  }
}

// Each has asked for an answer that it does not take, and goes on asking.
TEST_F(StreamServerTest, who_holds_much_and_takes_nothing_makes_room_for_others) {
  serve::StreamOptions options = quick();
  options.answer_timeout = 60s;
  options.held_bytes_max = 4 * kHuge;
  const std::uint16_t port = listen(options);
  const HttpSocket idle(port);
  EXPECT_EQ(exchange(idle, "before"), "before\n");
  std::vector<HttpSocket> greedy;
  for (int i = 0; i < 10; ++i) {
    greedy.emplace_back(port);
    ASSERT_TRUE(greedy.back().send("huge\nhuge\nhuge\n"));
  }
  ASSERT_TRUE(eventually(20s, [&] { return server_->given_up() >= 6; }));
  EXPECT_EQ(exchange(idle, "after"), "after\n") << "it holds nothing, so it stays";
  EXPECT_EQ(exchange(HttpSocket(port), "new"), "new\n");
  EXPECT_LT(server_->given_up(), 10U) << "those that fit stay";
}

}  // namespace
}  // namespace rpoguard::test
