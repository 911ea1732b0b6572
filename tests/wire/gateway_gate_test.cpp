// How the gateway reads the gate: what opens it, and everything else that must not.
#include "demo/tools/gate_client.hpp"

#include "tests/wire/fake_gate.hpp"

namespace rpoguard::demo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::closed_gate;
using test::FakeGate;
using test::GateScript;
using test::open_gate;

std::optional<GateAnswer> ask(const FakeGate& gate, std::optional<std::int64_t> epoch = {}) {
  return ask_gate({gate.address(), "184", epoch, seconds(5)});
}

TEST(GatewayGate, open_answer_names_writer_epoch_and_lease) {
  const FakeGate gate(open_gate("iad-a", 7, 60'000));
  const auto before = boot_now();
  const auto answer = ask(gate);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->open);
  EXPECT_EQ(answer->writer, "iad-a");
  EXPECT_EQ(answer->epoch, 7);
  EXPECT_GE(answer->until, before + seconds(60));
  EXPECT_LE(answer->until, boot_now() + seconds(60));
}

TEST(GatewayGate, closed_answer_names_reason_and_patience) {
  const FakeGate gate(closed_gate("rpo_exceeded", 7));
  const auto answer = ask(gate);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->open);
  EXPECT_EQ(answer->reason, "rpo_exceeded");
  EXPECT_EQ(answer->writer, "");
  EXPECT_EQ(answer->retry_after, seconds(1));
}

TEST(GatewayGate, epoch_is_stated_only_when_known) {
  const FakeGate gate(open_gate("iad-a", 7, 1000));
  ask(gate);
  ask(gate, 7);
  ASSERT_EQ(gate.requests().size(), 2U);
  EXPECT_EQ(gate.requests()[0], "GET /gate/184 HTTP/1.1");
  EXPECT_EQ(gate.requests()[1], "GET /gate/184?epoch=7 HTTP/1.1");
}

TEST(GatewayGate, time_of_the_question_is_taken_off_the_lease) {
  GateScript slow = open_gate("iad-a", 7, 10'000);
  slow.delay = milliseconds(200);
  const FakeGate gate(slow);
  const auto answer = ask(gate);
  const auto answered = boot_now();
  ASSERT_TRUE(answer && answer->open);
  EXPECT_LE(answer->until, answered + seconds(10) - milliseconds(200));
}

TEST(GatewayGate, anything_but_a_well_formed_200_is_not_open) {
  const std::string open_body = open_gate("iad-a", 7, 1000).body;
  const std::vector<GateScript> scripts{
      {.status = 503, .body = open_body},
      {.status = 404, .body = open_body},
      {.status = 302, .body = open_body},
      {.status = 500, .body = open_body},
      {.body = ""},
      {.body = "open"},
      {.body = "[true]"},
      {.body = R"({"open":true})"},
      {.body = R"({"open":true,"open_for_ms":"1000"})"},
      {.body = R"({"open":true,"open_for_ms":null})"},
      {.body = R"({"open":"true","open_for_ms":1000})"},
      {.body = R"({"open":1,"open_for_ms":1000})"},
      {.body = R"({"open":false,"open_for_ms":1000})"},
      {.body = open_body.substr(0, open_body.size() - 1)},
  };
  FakeGate gate({});
  for (const GateScript& script : scripts) {
    gate.say(script);
    const auto answer = ask(gate);
    EXPECT_FALSE(answer && answer->open) << script.status << ' ' << script.body;
  }
}

TEST(GatewayGate, truncated_body_is_no_answer) {
  const std::string body = open_gate("iad-a", 7, 1000).body;
  const Fd listener = listen_tcp({"127.0.0.1", 0});
  sockaddr_in name{};
  socklen_t size = sizeof(name);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size);
  std::thread server([&] {
    const Fd client = accept_one(listener, boot_now() + seconds(10));
    receive_http(client, false, 0, boot_now() + seconds(10));
    send_all(
        client,
        "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size() + 1) + "\r\n\r\n" + body,
        boot_now() + seconds(10));
  });
  EXPECT_FALSE(ask_gate({{"127.0.0.1", ntohs(name.sin_port)}, "184", {}, seconds(5)}));
  server.join();
}

TEST(GatewayGate, silent_gate_costs_the_timeout_and_is_no_answer) {
  const FakeGate gate({.silent = true});
  const auto before = boot_now();
  EXPECT_FALSE(ask_gate({gate.address(), "184", {}, milliseconds(200)}));
  EXPECT_GE(boot_now() - before, milliseconds(200));
  EXPECT_LT(boot_now() - before, seconds(5));
}

TEST(GatewayGate, refused_connection_is_no_answer) {
  const Address nobody = FakeGate({}).address();
  EXPECT_FALSE(ask_gate({nobody, "184", {}, seconds(5)}));
}

TEST(GatewayNet, addresses_are_parsed_strictly) {
  for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:x",
                           "127.0.0.1:80x", "127.0.0.1:65536", "localhost:80", "127.0.0.1:-1"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
  const auto address = parse_address("127.0.0.1:8080");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->host, "127.0.0.1");
  EXPECT_EQ(address->port, 8080);
}

}  // namespace
}  // namespace rpoguard::demo
