// TLS on both kinds of listener: slow, broken and many handshakes.
#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "exporter/serve/gate/gate_http.hpp"
#include "exporter/serve/http/http_message.hpp"
#include "exporter/serve/http/http_server.hpp"
#include "exporter/serve/http/stream_server.hpp"
#include "exporter/serve/http/web_guard.hpp"

#include "tests/support/certificates.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tls_client.hpp"
#include "tests/wire/http_socket.hpp"

namespace rpoguard::test {
namespace {

using namespace http;
using namespace std::chrono_literals;

constexpr const char* kGet = "GET /small HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kGetHuge = "GET /huge HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::size_t kHugeAnswer = 8 * 1024 * 1024;

serve::HttpResponse say_hello(const serve::HttpRequest& request) {
  return serve::text_response(200,
                              request.path == "/huge" ? std::string(kHugeAnswer, 'x') : "small\n");
}

bool accepts(std::uint16_t port) {
  try {
    const HttpSocket socket(port);
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

// TLS over a real connection.
class TlsSocket {
 public:
  explicit TlsSocket(std::uint16_t port) : socket_(port) { socket_.send(client_.turn("")); }
  bool shake_hands() {
    return eventually(
               20s, [&] { return receive() || client_.established(); }, 1ms) &&
           client_.established();
  }
  void send(const std::string& text) { socket_.send(client_.say(text)); }
  bool hears(const std::string& end) {
    return eventually(
               20s, [&] { return receive() || client_.heard().ends_with(end); }, 1ms) &&
           client_.heard().ends_with(end);
  }
  // False: the connection has ended.
  bool rekey() { return socket_.send(client_.rekey()) && !receive(); }
  TlsClient& client() { return client_; }

 private:
  // True at the end of the connection.
  bool receive() {
    std::string wire;
    const bool ended = !socket_.receive_some(wire);
    if (!wire.empty()) socket_.send(client_.turn(wire));
    return ended && wire.empty();
  }
  HttpSocket socket_;
  TlsClient client_;
};

class TlsListeners : public ::testing::Test {
 protected:
  TlsListeners() {
    make_authority(dir_.path(), "a");
    spec_.tls.emplace();
    spec_.tls->certificate = read_file(dir_ / "a.crt");
    spec_.tls->key = read_file(dir_ / "a.key");
    EXPECT_TRUE(guard_.apply(spec_).ok());
  }
  std::uint16_t gate() {
    serve::StreamOptions options = serve::http_stream_options();
    options.request_timeout = 500ms;
    options.web = &guard_;
    auto bound =
        serve::StreamServer::bind({"127.0.0.1", 0}, options, serve::make_http_protocol(say_hello));
    EXPECT_TRUE(bound.ok());
    gate_ = std::move(bound).value();
    gate_->start([] { ADD_FAILURE() << "the listener failed"; });
    return gate_->port();
  }
  std::uint16_t ops() {
    auto bound = serve::HttpServer::bind({"127.0.0.1", 0}, {2, &guard_}, say_hello);
    EXPECT_TRUE(bound.ok());
    ops_ = std::move(bound).value();
    ops_->start([] { ADD_FAILURE() << "the listener failed"; });
    return ops_->port();
  }
  std::uint64_t failures() const { return guard_.stats().handshake_failures; }
  static void expect_served(std::uint16_t port) {
    TlsSocket socket(port);
    ASSERT_TRUE(socket.shake_hands());
    socket.send(kGet);
    EXPECT_TRUE(socket.hears("small\n")) << socket.client().heard();
  }

  TempDir dir_;
  core::WebSpec spec_;
  serve::WebGuard guard_{"test"};
  std::unique_ptr<serve::StreamServer> gate_;
  std::unique_ptr<serve::HttpServer> ops_;
};

TEST_F(TlsListeners, the_gate_keeps_a_connection_and_answers_in_order) {
  TlsSocket socket(gate());
  ASSERT_TRUE(socket.shake_hands());
  for (int i = 0; i < 3; ++i) {
    socket.send(std::string(kGet) + kGetHuge + kGet);
    // The first answer ends like the last.
    const std::size_t whole = static_cast<std::size_t>(i + 1) * kHugeAnswer;
    EXPECT_TRUE(eventually(
        20s, [&] { return socket.hears("small\n") && socket.client().heard().size() > whole; }));
  }
  EXPECT_EQ(failures(), 0U);
}

// A client that is no longer let in would otherwise stay as long as it asks.
TEST_F(TlsListeners, what_changes_ends_the_connections_of_before_after_their_next_answer) {
  TlsSocket socket(gate());
  ASSERT_TRUE(socket.shake_hands());
  socket.send(kGet);
  ASSERT_TRUE(socket.hears("small\n"));
  EXPECT_EQ(socket.client().heard().find("Connection: close"), std::string::npos);
  const std::size_t before = socket.client().heard().size();
  ASSERT_TRUE(guard_.apply(spec_).ok());
  socket.send(kGet);
  EXPECT_TRUE(eventually(20s, [&] { return socket.hears("small\n") && socket.client().ended(); }));
  EXPECT_NE(socket.client().heard().find("Connection: close", before), std::string::npos);
  expect_served(gate_->port());
}

TEST_F(TlsListeners, ops_answers_once_and_says_that_the_answer_was_whole) {
  TlsSocket socket(ops());
  ASSERT_TRUE(socket.shake_hands());
  socket.send(kGetHuge);
  EXPECT_TRUE(socket.hears(std::string(1000, 'x')));
  EXPECT_TRUE(eventually(20s, [&] { return socket.hears("x") && socket.client().ended(); }));
  EXPECT_GT(socket.client().heard().size(), kHugeAnswer);
}

// Half a handshake is followed by nothing, or by a byte now and then.
TEST_F(TlsListeners, a_slow_handshake_is_bounded_as_a_whole_and_delays_nobody) {
  const std::uint16_t port = gate();
  const std::string hello = TlsClient().turn("");
  std::vector<HttpSocket> silent;
  for (int i = 0; i < 50; ++i) {
    silent.emplace_back(port);
    if (i % 2 == 0) silent.back().send(hello.substr(0, hello.size() / 2));
  }
  const HttpSocket dribbler(port);
  const Stopwatch watch;
  std::atomic<bool> over{false};
  std::thread dribble([&] {
    for (std::size_t i = 0; i < hello.size() && !over; ++i) {
      if (eventually(100ms, [&] { return over.load(); }) || !dribbler.send(hello.substr(i, 1)))
        return;
    }
  });
  expect_served(port);
  EXPECT_EQ(dribbler.read_all(20s).value_or("still open"), "");
  EXPECT_LT(watch.elapsed(), 10s) << "each byte would have bought it more time";
  over = true;
  dribble.join();
  for (const HttpSocket& socket : silent)
    EXPECT_EQ(socket.read_all(20s).value_or("still open"), "");
  expect_served(port);
}

// Each is answered, but none is a request.
TEST_F(TlsListeners, new_keys_buy_half_a_request_no_time) {
  TlsSocket socket(gate());
  ASSERT_TRUE(socket.shake_hands());
  socket.send("GET /small HTTP/1.1\r\nHo");
  const Stopwatch watch;
  EXPECT_TRUE(eventually(
      10s, [&] { return !socket.rekey() || socket.client().ended(); }, 50ms));
  EXPECT_LT(watch.elapsed(), 5s);
  EXPECT_NE(socket.client().heard().find(" 408 "), std::string::npos);
}

TEST_F(TlsListeners, a_handshake_that_stalls_holds_a_thread_of_ops_no_longer_than_a_head) {
  const std::uint16_t port = ops();
  const std::string hello = TlsClient().turn("");
  std::vector<HttpSocket> stalled;
  for (int i = 0; i < 4; ++i) {
    stalled.emplace_back(port);
    stalled.back().send(hello.substr(0, 20));
  }
  expect_served(port);
  for (const HttpSocket& socket : stalled)
    EXPECT_EQ(socket.read_all(20s).value_or("still open"), "");
}

TEST_F(TlsListeners, plain_text_is_refused_counted_and_never_answered) {
  for (const std::uint16_t port : {gate(), ops()}) {
    const std::uint64_t before = failures();
    const HttpSocket socket(port);
    socket.send(kGet);
    const std::string answer = socket.read_all(20s).value_or("still open");
    EXPECT_EQ(answer.find("HTTP"), std::string::npos) << answer;
    EXPECT_TRUE(eventually(20s, [&] { return failures() == before + 1; }));
    expect_served(port);
  }
}

TEST_F(TlsListeners, a_handshake_that_ends_while_the_listener_stops_does_not_keep_it) {
  const std::uint16_t port = gate();
  const HttpSocket socket(port);
  TlsClient client;
  socket.send(client.turn(""));
  std::string wire;
  while (!client.established()) {
    ASSERT_TRUE(eventually(
        20s, [&] { return !socket.receive_some(wire) || !wire.empty(); }, 1ms));
    const std::string flight = client.turn(std::exchange(wire, ""));
    if (!client.established())
      socket.send(flight);
    else
      wire = flight;
  }
  const Stopwatch watch;
  std::thread stop([&] { gate_->stop(); });
  EXPECT_TRUE(eventually(
      20s, [&] { return !accepts(port); }, 1ms))
      << "still listening";
  socket.send(wire);
  stop.join();
  EXPECT_LT(watch.elapsed(), 5s);
}

TEST_F(TlsListeners, a_client_that_vanishes_in_the_middle_leaves_nothing_behind) {
  const std::uint16_t port = gate();
  for (int i = 0; i < 20; ++i) {
    TlsSocket socket(port);
    const bool half_way = i % 2 == 1;
    ASSERT_TRUE(half_way || socket.shake_hands());
    if (i % 4 == 0) socket.send(kGetHuge);
  }
  expect_served(port);
  const Stopwatch watch;
  gate_->stop();
  EXPECT_LT(watch.elapsed(), 5s);
}

}  // namespace
}  // namespace rpoguard::test
