// A real HAProxy that asks the gate by agent-check whether its server may get traffic.
#include <cstring>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "exporter/serve/agent_check.hpp"
#include "exporter/serve/handlers.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/http.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

constexpr const char* kShard184 = "agent-inter 100ms agent-send \"184\\n\"";

class HaproxyAgent : public ::testing::Test {
 protected:
  HaproxyAgent() {
    world_.views.publish(mixed_view(world_.clock.now()));
    auto agent = serve::StreamServer::bind(
        {"127.0.0.1", 0}, serve::agent_stream_options(),
        serve::make_agent_protocol(serve::make_gate_handler(world_.context())));
    EXPECT_TRUE(agent.ok());
    agent_ = std::move(agent).value();
    agent_->start([] { ADD_FAILURE() << "the agent listener failed"; });
  }

  void start_haproxy(const std::string& agent_options) {
    write_file(dir_ / "haproxy.cfg",
               "global\n"
               "  stats socket " +
                   admin_path() +
                   " level admin\n"
                   "defaults\n"
                   "  mode http\n"
                   "  timeout connect 5s\n"
                   "  timeout client 10s\n"
                   "  timeout server 10s\n"
                   "frontend writes\n"
                   "  bind 127.0.0.1:" +
                   std::to_string(port_) +
                   "\n"
                   "  default_backend writer\n"
                   "backend writer\n"
                   "  server iad-a 127.0.0.1:" +
                   std::to_string(writer_.port()) +
                   " check inter 200ms fall 1 rise 1 agent-check agent-addr 127.0.0.1 agent-port " +
                   std::to_string(agent_->port()) + " " + agent_options + "\n");
    haproxy_ = std::make_unique<Process>(
        SpawnOptions{.argv = {"haproxy", "-db", "-f", dir_ / "haproxy.cfg"}, .output = log()});
  }

  bool reaches(int status) const {
    return eventually(30s, [&] { return says(status); });
  }
  bool says(int status) const {
    const auto reply = http_get(port_, "/");
    return reply && reply->status == status;
  }
  void administer(const std::string& command) const {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, admin_path().c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    const std::string line = command + "\n";
    EXPECT_EQ(::send(socket, line.data(), line.size(), 0), static_cast<ssize_t>(line.size()));
    char byte = 0;
    while (::recv(socket, &byte, 1, 0) > 0) {
    }
    ::close(socket);
  }
  std::string admin_path() const { return dir_ / "admin"; }
  std::string log() const { return dir_ / "log"; }

  TempDir dir_;
  World world_;
  JsonServer writer_{"{}"};
  std::uint16_t port_ = free_port();
  std::unique_ptr<serve::StreamServer> agent_;
  std::unique_ptr<Process> haproxy_;
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
  administer("set server writer/iad-a state drain");
  ASSERT_TRUE(reaches(503));
  const auto asked = world_.counters.of("184").open;
  EXPECT_TRUE(eventually(20s, [&] { return world_.counters.of("184").open > asked + 3; }));
  EXPECT_TRUE(says(503));
  administer("set server writer/iad-a state ready");
  EXPECT_TRUE(reaches(200));
}

}  // namespace
}  // namespace rpoguard::test
