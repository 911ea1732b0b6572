// The two listeners of rpoguard, with their real handlers, side by side.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "exporter/serve/gate/gate_http.hpp"
#include "exporter/serve/http/http_server.hpp"

#include "tests/unit/serve/views.hpp"
#include "tests/wire/http_socket.hpp"

namespace rpoguard::test {
namespace {

using namespace http;

using serve::HttpServer;
using serve::StreamServer;

// The gate keeps connections.
RawAnswer ask_gate(const StreamServer& gate, const std::string& target,
                   const std::string& method = "GET", const std::string& headers = "") {
  return ask(gate.port(), target, method, headers + "Connection: close\r\n");
}

template <typename Bound>
auto listen(Bound bound) {
  EXPECT_TRUE(bound.ok());
  auto server = std::move(bound).value();
  server->start([] { ADD_FAILURE() << "the listener failed"; });
  return server;
}

class HttpListeners : public ::testing::Test {
 protected:
  HttpListeners()
      : ops_(listen(HttpServer::bind({"127.0.0.1", 0}, {.threads = 4},
                                     serve::make_ops_handler(world_.ops_context())))),
        gate_(listen(StreamServer::bind(
            {"127.0.0.1", 0}, serve::http_stream_options(),
            serve::make_http_protocol(serve::make_gate_handler(world_.gate_context()))))) {
    world_.views.publish(healthy_view(world_.clock.now(), 3));
  }

  void TearDown() override {
    gate_->stop();
    ops_->stop();
  }

  // Every thread of the listener is taken by a client that has said half of its request, and more
  // of them wait.
  static std::vector<HttpSocket> besiege(std::uint16_t port) {
    std::vector<HttpSocket> clients;
    for (int i = 0; i < 40; ++i) {
      clients.emplace_back(port);
      clients.back().send("GET /");
    }
    return clients;
  }

  World world_;
  std::unique_ptr<HttpServer> ops_;
  std::unique_ptr<StreamServer> gate_;
};

TEST_F(HttpListeners, clients_of_the_gate_do_not_delay_a_scrape) {
  const auto clients = besiege(gate_->port());
  const Stopwatch watch;
  EXPECT_EQ(ask(ops_->port(), "/metrics").status, 200);
  EXPECT_LT(watch.elapsed(), 1500ms);
}

TEST_F(HttpListeners, clients_of_the_ops_listener_do_not_delay_the_gate) {
  const auto clients = besiege(ops_->port());
  const Stopwatch watch;
  EXPECT_EQ(ask_gate(*gate_, "/gate/s0").status, 200);
  EXPECT_LT(watch.elapsed(), 1500ms);
}

TEST_F(HttpListeners, both_dialects_say_the_same_on_the_wire) {
  const RawAnswer gate = ask_gate(*gate_, "/gate/s1?epoch=6");
  const RawAnswer authz =
      ask_gate(*gate_, "/authz/s1/orders", "PUT", "Content-Length: 5\r\nRpoguard-Epoch: 6\r\n");
  EXPECT_EQ(gate.status, 503);
  EXPECT_EQ(authz.status, 403);
  EXPECT_EQ(gate.body, authz.body);
  for (const char* line :
       {"Rpoguard-Gate: closed", "Rpoguard-Reason: stale_epoch", "Rpoguard-Open-For-Ms: 0",
        "Rpoguard-Epoch: 7", "Rpoguard-Timeline: 3", "Rpoguard-Writer: iad-a", "Retry-After: 1"}) {
    EXPECT_TRUE(gate.has_header(line)) << line;
    EXPECT_TRUE(authz.has_header(line)) << line;
  }
}

TEST_F(HttpListeners, a_header_can_state_the_epoch) {
  EXPECT_EQ(ask_gate(*gate_, "/gate/s0", "GET", "Rpoguard-Epoch: 7\r\n").status, 200);
  EXPECT_EQ(ask_gate(*gate_, "/gate/s0", "GET", "RPOGUARD-EPOCH: 6\r\n").status, 503);
  EXPECT_EQ(ask_gate(*gate_, "/gate/s0", "GET", "Rpoguard-Epoch: x\r\n").status, 400);
}

TEST_F(HttpListeners, query_and_headers_can_state_the_whole_history) {
  EXPECT_EQ(ask_gate(*gate_, "/gate/s0?epoch=7&timeline=3&writer=iad%2Da").status, 200);
  EXPECT_EQ(ask_gate(*gate_, "/gate/s0?epoch=7&timeline=2&writer=iad-a").status, 503);
  EXPECT_EQ(ask_gate(*gate_, "/gate/s0?epoch=7&timeline=3&writer=phx-a").status, 503);
  EXPECT_EQ(ask_gate(*gate_, "/gate/s0?timeline=3.0").status, 400);
  EXPECT_EQ(ask_gate(*gate_, "/authz/s0", "POST", "Rpoguard-Timeline: 2\r\n").status, 403);
  EXPECT_EQ(ask_gate(*gate_, "/authz/s0/x?timeline=2", "POST",
                     "Rpoguard-Timeline: 3\r\nRpoguard-Writer: iad-a\r\n")
                .status,
            200);
}

TEST_F(HttpListeners, the_metrics_page_is_what_prometheus_3_accepts) {
  const RawAnswer answer = ask(ops_->port(), "/metrics");
  EXPECT_TRUE(answer.has_header("Content-Type: text/plain; version=0.0.4; charset=utf-8"));
  EXPECT_TRUE(answer.body.ends_with('\n'));
}

TEST_F(HttpListeners, head_works_everywhere) {
  for (const char* path : {"/metrics", "/livez", "/readyz", "/", "/api/v1/view", "/-/ready"}) {
    const RawAnswer answer = ask(ops_->port(), path, "HEAD");
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.body, "") << path;
  }
  EXPECT_EQ(ask_gate(*gate_, "/gate/s0", "HEAD").status, 200);
  EXPECT_EQ(ask_gate(*gate_, "/authz/s0", "HEAD").status, 200);
}

TEST_F(HttpListeners, the_wrong_method_is_405_and_says_which_is_right) {
  const RawAnswer metrics = ask(ops_->port(), "/metrics", "DELETE");
  EXPECT_EQ(metrics.status, 405);
  EXPECT_TRUE(metrics.has_header("Allow: GET, HEAD"));
  const RawAnswer reload = ask(ops_->port(), "/-/reload");
  EXPECT_EQ(reload.status, 405);
  EXPECT_TRUE(reload.has_header("Allow: POST, PUT"));
  EXPECT_EQ(ask(ops_->port(), "/-/reload", "POST").status, 200);
  EXPECT_EQ(world_.reloads, 1);
}

// For ThreadSanitizer: everything at once, while views are swapped.
TEST_F(HttpListeners, requests_and_publications_run_side_by_side) {
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    while (!over) {
      world_.clock.advance(1ms);
      world_.views.publish(healthy_view(world_.clock.now(), 3));
      world_.reload_status.set({true, world_.clock.wall()});
    }
  });
  const auto hammer = [&](auto&& answer) {
    for (int i = 0; i < 30; ++i) {
      if (answer().status != 200) ++wrong;
    }
  };
  for (const char* path : {"/metrics", "/readyz", "/api/v1/view", "/"}) {
    threads.emplace_back([&, path] { hammer([&] { return ask(ops_->port(), path); }); });
  }
  for (const char* path : {"/gate/s0", "/authz/s1/x", "/gate"}) {
    threads.emplace_back([&, path] { hammer([&] { return ask_gate(*gate_, path); }); });
  }
  for (std::size_t i = 1; i < threads.size(); ++i) threads[i].join();
  over = true;
  threads[0].join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(world_.counters.of("s0").open, 30U);
}

}  // namespace
}  // namespace rpoguard::test
