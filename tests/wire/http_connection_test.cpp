// One connection at a time, over a socket pair.
#include "exporter/serve/http/http_connection.hpp"

#include <memory>
#include <thread>

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "tests/wire/http_socket.hpp"

namespace rpoguard::test {
namespace {

using namespace http;
using namespace std::chrono_literals;
using serve::HttpConnection;

class HttpConnectionTest : public ::testing::Test {
 protected:
  HttpConnectionTest() : wake_(::eventfd(0, EFD_CLOEXEC)) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    client_ = ends[0];
    connection_ = std::make_unique<HttpConnection>(ends[1], wake_);
  }
  ~HttpConnectionTest() override {
    connection_.reset();
    if (client_ >= 0) ::close(client_);
    ::close(wake_);
  }

  void say(std::string_view text) const {
    EXPECT_EQ(::send(client_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  HttpConnection::Head read(std::chrono::milliseconds patience = 20s,
                            std::size_t bytes_max = 1000) {
    return connection_->read_head(head_, bytes_max, [=] { return patience; });
  }
  void wake() const {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(wake_, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  }

  int wake_;
  int client_ = -1;
  std::unique_ptr<HttpConnection> connection_;
  std::string head_;
};

TEST_F(HttpConnectionTest, a_head_ends_with_its_empty_line_and_the_rest_is_dropped) {
  say("GET / HTTP/1.1\r\nA: b\r\n\r\nbody");
  EXPECT_EQ(read(), HttpConnection::Head::complete);
  EXPECT_EQ(head_, "GET / HTTP/1.1\r\nA: b\r\n\r\n");
}

TEST_F(HttpConnectionTest, a_head_that_comes_byte_by_byte_is_put_together) {
  std::thread client([this] {
    for (const char c : std::string_view("GET / HTTP/1.1\r\n\r\nx")) say({&c, 1});
  });
  EXPECT_EQ(read(), HttpConnection::Head::complete);
  EXPECT_EQ(head_, "GET / HTTP/1.1\r\n\r\n");
  client.join();
}

TEST_F(HttpConnectionTest, a_head_beyond_the_limit_is_too_large_with_or_without_its_end) {
  say(std::string(1001, 'x'));
  EXPECT_EQ(read(), HttpConnection::Head::too_large);
  head_.clear();
  say(std::string(1000, 'x') + "\r\n\r\n");
  EXPECT_EQ(read(), HttpConnection::Head::too_large);
}

TEST_F(HttpConnectionTest, a_client_that_leaves_is_noticed_at_once) {
  say("GET /");
  ::close(std::exchange(client_, -1));
  const Stopwatch watch;
  EXPECT_EQ(read(), HttpConnection::Head::incomplete);
  EXPECT_LT(watch.elapsed(), 10s);
}

TEST_F(HttpConnectionTest, patience_covers_the_whole_head_and_may_shrink) {
  const Stopwatch watch;
  const auto shrinking = [&] { return watch.elapsed() < 100ms ? 60000ms : 200ms; };
  EXPECT_EQ(connection_->read_head(head_, 1000, shrinking), HttpConnection::Head::incomplete);
  EXPECT_LT(watch.elapsed(), 20s);
}

TEST_F(HttpConnectionTest, waking_ends_the_wait) {
  wake();
  const Stopwatch watch;
  EXPECT_EQ(read(60s), HttpConnection::Head::incomplete);
  EXPECT_LT(watch.elapsed(), 20s);
}

TEST_F(HttpConnectionTest, an_answer_that_nobody_takes_is_given_up) {
  const std::string answer(64 * 1024 * 1024, 'x');
  const Stopwatch watch;
  EXPECT_FALSE(connection_->send_all(answer, 100ms));
  EXPECT_LT(watch.elapsed(), 20s);
}

TEST_F(HttpConnectionTest, an_answer_arrives_whole_though_it_does_not_fit_into_the_buffers) {
  const std::string answer(4 * 1024 * 1024, 'x');
  std::size_t received = 0;
  std::thread client([&] {
    std::array<char, 65536> buffer;
    for (ssize_t n = 0; (n = ::recv(client_, buffer.data(), buffer.size(), 0)) > 0;) {
      received += static_cast<std::size_t>(n);
    }
  });
  EXPECT_TRUE(connection_->send_all(answer, 60s));
  connection_.reset();
  client.join();
  EXPECT_EQ(received, answer.size());
}

TEST_F(HttpConnectionTest, lingering_ends_with_its_patience_its_limit_or_the_client) {
  const Stopwatch watch;
  connection_->linger(100ms, 1000);
  say(std::string(2000, 'x'));
  connection_->linger(60s, 1000);
  ::close(std::exchange(client_, -1));
  connection_->linger(60s, 1'000'000);
  EXPECT_LT(watch.elapsed(), 20s);
}

}  // namespace
}  // namespace rpoguard::test
