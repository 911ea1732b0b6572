#include "exporter/serve/gate/agent_check.hpp"

#include <gtest/gtest.h>

#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

class AgentCheck : public ::testing::Test {
 protected:
  AgentCheck() { world_.views.publish(mixed_view(world_.clock.now())); }

  serve::Exchange say(const std::string& text) const { return protocol_(text, {}); }
  std::string answer(const std::string& line) const { return say(line + "\n").answer; }

  World world_;
  serve::Protocol protocol_ = serve::make_agent_protocol(world_.gate_context());
};

TEST_F(AgentCheck, says_what_the_gate_says) {
  EXPECT_EQ(answer("184"), "up\n");
  EXPECT_EQ(answer("186"), "down #unproven\n");
  EXPECT_EQ(answer("we%22ird%5C%20%3C%FF%3E"), "down #stale_epoch\n");
  EXPECT_EQ(world_.counters.of("184").open, 1U);
  EXPECT_EQ(world_.counters.of("186").closed, 1U);
}

TEST_F(AgentCheck, takes_what_the_gate_takes) {
  EXPECT_EQ(answer("184?epoch=7"), "up\n");
  EXPECT_EQ(answer("184?epoch=6"), "down #stale_epoch\n");
  EXPECT_EQ(answer("184?epoch=x"), "down #bad_request\n");
  EXPECT_EQ(answer("184?epoch=7&timeline=3&writer=iad-a"), "up\n");
  EXPECT_EQ(answer("184?epoch=7&timeline=2"), "down #stale_epoch\n");
  EXPECT_EQ(answer("184?epoch=7&writer=iad-b"), "down #stale_epoch\n");
  EXPECT_EQ(answer("184?timeline=0"), "down #bad_request\n");
  world_.clock.advance(3500ms);
  EXPECT_EQ(answer("184?priority=low"), "down #rpo_exceeded\n");
  EXPECT_EQ(answer("184"), "up\n");
}

// The loop hangs: the view stays what it was, and the lease runs out.
TEST_F(AgentCheck, is_down_when_the_evaluation_is_stale_and_at_the_end) {
  world_.clock.advance(4299ms);
  EXPECT_EQ(answer("184"), "up\n");
  world_.clock.advance(1ms);
  EXPECT_EQ(answer("184"), "down #rpo_exceeded\n");
  world_.stopping = true;
  EXPECT_EQ(answer("184"), "down #shutting_down\n");
}

TEST_F(AgentCheck, is_down_for_what_it_does_not_know) {
  const std::string unknown = "down #unknown_shard\n";
  for (const char* line : {"", "185", "184 ", " 184", "/184", "184/x", "../gate/184", "?epoch=7",
                           "GET /gate/184 HTTP/1.1"}) {
    EXPECT_EQ(answer(line), unknown) << line;
  }
  EXPECT_EQ(answer(std::string(400, '1')), unknown);
  const serve::StreamOptions options = serve::agent_stream_options();
  for (const std::string& words : {options.too_silent, options.too_slow, options.too_large}) {
    EXPECT_EQ(words, unknown);
  }
}

TEST_F(AgentCheck, before_the_first_view_it_is_down) {
  World world;
  const auto protocol = serve::make_agent_protocol(world.gate_context());
  EXPECT_EQ(protocol("184\n", {}).answer, "down #unproven\n");
}

TEST_F(AgentCheck, waits_for_the_end_of_the_line_and_ends_the_connection) {
  EXPECT_EQ(say("184").consumed, 0U);
  for (const char* end : {"\n", "\r\n", "\r"}) {
    const serve::Exchange exchange = say(std::string("184") + end);
    EXPECT_EQ(exchange.answer, "up\n");
    EXPECT_TRUE(exchange.close);
  }
}

}  // namespace
}  // namespace rpoguard::test
