// The writer endpoint as a peer sees it: what is sent, and how a try ends.
#include "exporter/observe/outside/endpoint_prober.hpp"

#include <mutex>

#include <gtest/gtest.h>

#include "tests/support/ports.hpp"
#include "tests/wire/endpoint_run.hpp"
#include "tests/wire/pg_peer.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kLateness = 400ms;  // of a handler, on a slow machine

core::EndpointSpec endpoint_at(std::uint16_t port, bool canary = false) {
  return {.connect = probe_node("endpoint", port).connect,
          .canary = canary,
          .interval = 300ms,
          .timeout = 250ms};
}

PgColumns who_answers(const std::string& in_recovery) {
  return {{"system_identifier", "42"},
          {"in_recovery", in_recovery},
          {"timeline", "3"},
          {"started_us", "1795222000000001"}};
}

/// Answers as a server behind a pooler would, and keeps what was sent.
class Pooler {
 public:
  explicit Pooler(std::string in_recovery = "f", bool commits = true)
      : peer_([this, in_recovery, commits](PgPeerSocket& socket) {
          serve(socket, in_recovery, commits);
        }) {}

  std::uint16_t port() const { return peer_.port(); }
  int connections() const { return peer_.connections(); }
  std::vector<PgPeerSocket::Message> sent() {
    const std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  void serve(PgPeerSocket& socket, const std::string& in_recovery, bool commits) {
    if (!socket.read_startup()) return;
    socket.send(pg_login_ok());
    for (auto read = socket.read_message(); read; read = socket.read_message()) {
      const bool canary = read->body.find("rpoguard.canary") != std::string::npos;
      {
        const std::lock_guard lock(mutex_);
        sent_.push_back(*read);
      }
      if (canary && !commits) return socket.stay_mute();
      socket.send((canary ? pg_done() : pg_row(who_answers(in_recovery))) + pg_ready());
    }
  }

  std::mutex mutex_;
  std::vector<PgPeerSocket::Message> sent_;
  PgPeer peer_;
};

TEST(endpoint_prober, each_try_is_a_new_connection_and_one_simple_query) {
  Pooler pooler;
  EndpointRun run(endpoint_at(pooler.port()));
  ASSERT_TRUE(run.run(3));
  ASSERT_NE(run.facts(), nullptr) << run.error();
  EXPECT_EQ(run.facts()->system_identifier, 42U);
  EXPECT_FALSE(run.facts()->in_recovery);
  EXPECT_EQ(run.facts()->timeline, core::Timeline{3});
  EXPECT_FALSE(run.facts()->commit_took.has_value());
  EXPECT_EQ(pooler.connections(), 3);
  EXPECT_GE(run.seen()[2].asked - run.seen()[0].asked, 2 * 300ms - 50ms);
  for (const auto& message : pooler.sent())
    EXPECT_TRUE(message.type == 'Q' || message.type == 'X') << message.type;
}

TEST(endpoint_prober, a_canary_is_one_message_to_a_server_that_takes_writes) {
  Pooler pooler;
  EndpointRun run(endpoint_at(pooler.port(), true));
  ASSERT_TRUE(run.run());
  ASSERT_NE(run.facts(), nullptr) << run.error();
  ASSERT_TRUE(run.facts()->commit_took.has_value());
  EXPECT_GT(*run.facts()->commit_took, 0ms);
  EXPECT_LE(*run.facts()->commit_took, run.seen()[0].answered - run.seen()[0].asked);
  ASSERT_GE(pooler.sent().size(), 2U);
  EXPECT_EQ(pooler.sent()[1].type, 'Q');
  EXPECT_NE(pooler.sent()[1].body.find("'184'"), std::string::npos);
}

TEST(endpoint_prober, nobody_is_made_to_commit_in_recovery) {
  Pooler pooler("t");
  EndpointRun run(endpoint_at(pooler.port(), true));
  ASSERT_TRUE(run.run(2));
  ASSERT_NE(run.facts(), nullptr) << run.error();
  EXPECT_TRUE(run.facts()->in_recovery);
  EXPECT_FALSE(run.facts()->commit_took.has_value());
  for (const auto& message : pooler.sent())
    EXPECT_EQ(message.body.find("canary"), std::string::npos);
}

TEST(endpoint_prober, a_commit_that_hangs_is_a_timeout_and_the_next_try_comes) {
  Pooler pooler("f", false);
  EndpointRun run(endpoint_at(pooler.port(), true));
  ASSERT_TRUE(run.run(2));
  EXPECT_EQ(run.error(), "timeout: it answers, but the canary's commit hangs");
  EXPECT_LT(run.seen()[1].answered - run.seen()[1].asked, 250ms + kLateness);
}

struct BadEndpoint {
  const char* name;
  PgPeer::Behaviour behaviour;
  const char* expected;
};

class bad_endpoint : public ::testing::TestWithParam<BadEndpoint> {};

TEST_P(bad_endpoint, ends_in_time_in_its_own_reason) {
  PgPeer peer(GetParam().behaviour);
  EndpointRun run(endpoint_at(peer.port(), true));
  ASSERT_TRUE(run.run(2));
  for (const auto& seen : run.seen()) EXPECT_LT(seen.answered - seen.asked, 250ms + kLateness);
  EXPECT_TRUE(run.error().starts_with(GetParam().expected)) << run.error();
}

INSTANTIATE_TEST_SUITE_P(
    peers, bad_endpoint,
    ::testing::Values(BadEndpoint{"mute", [](PgPeerSocket& s) { s.stay_mute(); }, "timeout: "},
                      BadEndpoint{"mute_after_login",
                                  [](PgPeerSocket& s) {
                                    s.read_startup();
                                    s.send(pg_login_ok());
                                    s.stay_mute();
                                  },
                                  "timeout: "},
                      BadEndpoint{"closes", [](PgPeerSocket& s) { s.read_startup(); },
                                  "connection_lost: "},
                      BadEndpoint{"has_no_server",
                                  [](PgPeerSocket& s) {
                                    s.read_startup();
                                    s.send(pg_error("08P01", "server login has been failing"));
                                  },
                                  "connection_lost: "},
                      BadEndpoint{"answers_something_else",
                                  [](PgPeerSocket& s) {
                                    s.read_startup();
                                    s.send(pg_login_ok());
                                    s.read_message();
                                    s.send(pg_row({{"x", "1"}}) + pg_ready());
                                    s.stay_mute();
                                  },
                                  "bad_answer: "}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(endpoint_prober, a_port_nobody_listens_on_is_refused_each_time) {
  EndpointRun run(endpoint_at(free_port()));
  ASSERT_TRUE(run.run(3));
  EXPECT_TRUE(run.error().starts_with("refused: ")) << run.error();
  for (const auto& seen : run.seen()) EXPECT_GT(seen.answered, seen.asked);  // tried, not repeated
}

TEST(endpoint_prober, nothing_is_said_after_stop) {
  PgPeer mute([](PgPeerSocket& s) { s.stay_mute(); });
  EndpointRun run(endpoint_at(mute.port()));
  ASSERT_TRUE(run.run());
  const auto tries = mute.connections();
  ASSERT_TRUE(run_until(run.loop(), 20s, [&] { return mute.connections() > tries; }));  // in a try
  run.prober().stop();
  const std::size_t said = run.seen().size();
  run.loop().run_for(2s);
  EXPECT_TRUE(run.loop().stopped());  // nothing is left to do
  EXPECT_EQ(run.seen().size(), said);
}

}  // namespace
}  // namespace rpoguard::test
