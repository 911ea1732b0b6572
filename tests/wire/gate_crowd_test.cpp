// The gate among hundreds of clients that only keep it busy.
#include "tests/wire/gate_crowd.hpp"

#include <gtest/gtest.h>

#include "exporter/serve/gate/gate_http.hpp"
#include "exporter/serve/http/http_server.hpp"

#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

using namespace http;
using serve::HttpServer;
using serve::StreamServer;
constexpr int kRounds = 10;

class GateCrowd : public ::testing::Test {
 protected:
  void SetUp() override {
    allow_many_descriptors();
    world_.views.publish(healthy_view(world_.clock.now(), 3));
    gate_ = listen();
    quiet_ = listen();
    auto ops =
        HttpServer::bind({"127.0.0.1", 0}, {}, serve::make_ops_handler(world_.ops_context()));
    ASSERT_TRUE(ops.ok());
    ops_ = std::move(ops).value();
    ops_->start([] { ADD_FAILURE() << "the ops listener failed"; });
  }

  std::unique_ptr<StreamServer> listen() {
    auto gate = StreamServer::bind(
        {"127.0.0.1", 0}, serve::http_stream_options(),
        serve::make_http_protocol(serve::make_gate_handler(world_.gate_context())));
    EXPECT_TRUE(gate.ok());
    gate.value()->start([] { ADD_FAILURE() << "the gate failed"; });
    return std::move(gate).value();
  }

  static bool answered(const HttpSocket& socket) { return gate_answers(socket, kRequest); }

  static constexpr std::string_view kRequest = "GET /gate/s0 HTTP/1.1\r\nHost: x\r\n\r\n";
  World world_;
  std::unique_ptr<StreamServer> gate_;
  std::unique_ptr<StreamServer> quiet_;  // the same, without the crowd
  std::unique_ptr<HttpServer> ops_;
};

// Measured side by side, since the machine is busy with other tests: one round in which the crowd
// makes no difference shows that it makes none; when it does, it does in every round.
TEST_F(GateCrowd, idle_and_slow_clients_delay_neither_gate_nor_probe_nor_scrape) {
  const Crowd crowd(gate_->port());
  for (const HttpSocket& socket : crowd.idle()) ASSERT_TRUE(answered(socket));
  bool fine = false;
  for (int round = 0; round < kRounds && !fine; ++round) {
    const Latency crowded = p99_of_gate(gate_->port(), kRequest);
    const Latency quiet = p99_of_gate(quiet_->port(), kRequest);
    fine = crowded < 3 * quiet;
    for (const char* path : {"/metrics", "/livez"}) {
      const Stopwatch watch;
      EXPECT_EQ(ask(ops_->port(), path).status, 200);
      fine = fine && watch.elapsed() < 100ms;
    }
    RecordProperty("crowded_p99_us", std::to_string(crowded.count() / 1000));
    RecordProperty("quiet_p99_us", std::to_string(quiet.count() / 1000));
  }
  EXPECT_TRUE(fine);
  for (const HttpSocket& socket : crowd.idle()) EXPECT_TRUE(answered(socket)) << "still connected";
}

TEST_F(GateCrowd, new_connections_are_answered_too) {
  const Crowd crowd(gate_->port());
  for (int i = 0; i < 100; ++i) {
    const HttpSocket socket(gate_->port());
    EXPECT_TRUE(answered(socket));
  }
}

}  // namespace
}  // namespace rpoguard::test
