// A real HAProxy that asks the gate by agent-check whether its server may get traffic.
#include <gtest/gtest.h>

#include "exporter/serve/gate/agent_check.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/http.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/proxies.hpp"
#include "tests/support/shipped_file.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

constexpr const char* kShard184 = "agent-inter 100ms agent-send \"184\\n\"";

class HaproxyAgent : public ::testing::Test {
 protected:
  HaproxyAgent() {
    world_.views.publish(mixed_view(world_.clock.now()));
    auto agent = serve::StreamServer::bind({"127.0.0.1", 0}, serve::agent_stream_options(),
                                           serve::make_agent_protocol(world_.gate_context()));
    EXPECT_TRUE(agent.ok());
    agent_ = std::move(agent).value();
    agent_->start([] { ADD_FAILURE() << "the agent listener failed"; });
  }

  void start_haproxy(const std::string& agent_options) {
    haproxy_ = std::make_unique<HaProxy>(
        "listen writer\n"
        "  mode http\n"
        "  bind " +
        local_address(port_) + "\n  server iad-a " + local_address(writer_.port()) +
        " check inter 200ms fall 1 rise 1 agent-check agent-addr 127.0.0.1 agent-port " +
        std::to_string(agent_->port()) + " " + agent_options + "\n");
  }

  bool reaches(int status) const {
    return eventually(30s, [&] { return says(status); });
  }
  bool says(int status) const {
    const auto reply = http_get(port_, "/");
    return reply && reply->status == status;
  }
  World world_;
  JsonServer writer_{"{}"};
  std::uint16_t port_ = free_port();
  std::unique_ptr<serve::StreamServer> agent_;
  std::unique_ptr<HaProxy> haproxy_;
};

TEST_F(HaproxyAgent, the_server_goes_down_and_up_with_the_gate) {
  start_haproxy(kShard184);
  ASSERT_TRUE(reaches(200));
  world_.clock.advance(5s);
  EXPECT_TRUE(reaches(503)) << "the lease has run out";
  EXPECT_NE(world_.counters.of("184").closed, 0U);
  world_.views.publish(mixed_view(world_.clock.now()));
  EXPECT_TRUE(reaches(200));
  world_.stopping = true;
  EXPECT_TRUE(reaches(503));
}

// The gate is open again after a failover, and not for connections to the old writer.
TEST_F(HaproxyAgent, a_server_that_states_its_node_is_up_only_while_that_is_the_writer) {
  start_haproxy("agent-inter 100ms agent-send \"184?writer=iad-a\\n\"");
  ASSERT_TRUE(reaches(200));
  const auto view = mixed_view(world_.clock.now());
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  shard->writer = core::WriterView{"phx-a", "phx", core::Epoch{8}, core::Timeline{4}};
  view->shards[0] = shard;
  world_.views.publish(view);
  EXPECT_TRUE(reaches(503));
  world_.views.publish(mixed_view(world_.clock.now()));
  EXPECT_TRUE(reaches(200));
}

TEST_F(HaproxyAgent, a_shard_that_is_unknown_is_down) {
  start_haproxy("agent-inter 100ms agent-send \"999\\n\"");
  EXPECT_TRUE(reaches(503));
}

TEST_F(HaproxyAgent, without_agent_send_it_is_down) {
  start_haproxy("agent-inter 2s");
  EXPECT_TRUE(reaches(503));
}

// "up" must not end what an operator has begun.
TEST_F(HaproxyAgent, what_an_operator_has_drained_stays_drained) {
  start_haproxy(kShard184);
  ASSERT_TRUE(reaches(200));
  haproxy_->command("set server writer/iad-a state drain");
  ASSERT_TRUE(reaches(503));
  const auto asked = world_.counters.of("184").open;
  EXPECT_TRUE(eventually(20s, [&] { return world_.counters.of("184").open > asked + 3; }));
  EXPECT_TRUE(says(503));
  haproxy_->command("set server writer/iad-a state ready");
  EXPECT_TRUE(reaches(200));
}

}  // namespace
}  // namespace rpoguard::test
