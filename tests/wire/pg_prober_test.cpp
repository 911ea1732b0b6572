// The prober against peers that misbehave: each ends in its own reason, in time, and delays nobody.
#include <atomic>
#include <future>

#include <gtest/gtest.h>

#include "exporter/core/model/limits.hpp"
#include "exporter/observe/postgres/node_probe.hpp"

#include "tests/support/ports.hpp"
#include "tests/wire/pg_peer.hpp"
#include "tests/wire/pg_probe_run.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
using core::ProbeFailure;

constexpr auto kProbePatience = 20s;    // for a condition, on a slow machine
constexpr auto kProbeLateness = 400ms;  // of a handler, on a slow machine

struct BadPeer {
  const char* name;
  PgPeer::Behaviour behaviour;
  ProbeFailure expected;
  bool hangs;  // so that our own deadline has to end it
  const char* sslmode = "disable";
};

void log_in(PgPeerSocket& socket) {
  socket.read_startup();
  socket.send(pg_login_ok());
  socket.read_message();
}

std::string first_half(const std::string& bytes) {
  return bytes.substr(0, bytes.size() / 2);
}

const std::vector<BadPeer>& bad_peers() {
  static const std::vector<BadPeer> peers{
      {"mute", [](PgPeerSocket& s) { s.stay_mute(); }, ProbeFailure::timeout, true},
      {"mute_after_login",
       [](PgPeerSocket& s) {
         log_in(s);
         s.stay_mute();
       },
       ProbeFailure::timeout, true},
      {"dribbling_login",
       [](PgPeerSocket& s) {
         s.read_startup();
         s.dribble(pg_login_ok());
         s.stay_mute();
       },
       ProbeFailure::timeout, true},
      {"dribbling_answer",
       [](PgPeerSocket& s) {
         log_in(s);
         s.dribble(pg_row(pg_writer_row()));
         s.stay_mute();
       },
       ProbeFailure::timeout, true},
      {"half_answer_then_silence",
       [](PgPeerSocket& s) {
         log_in(s);
         s.send(first_half(pg_row({{"epoch_table_exists", "f"}})));
         s.stay_mute();
       },
       ProbeFailure::timeout, true},
      {"half_answer_then_close",
       [](PgPeerSocket& s) {
         log_in(s);
         s.send(first_half(pg_row({{"epoch_table_exists", "f"}})));
       },
       ProbeFailure::connection_lost, false},
      {"closes_at_once", [](PgPeerSocket& s) { s.read_startup(); }, ProbeFailure::connection_lost,
       false},
      {"resets",
       [](PgPeerSocket& s) {
         s.read_startup();
         s.reset();
       },
       ProbeFailure::connection_lost, false},
      {"resets_after_login",
       [](PgPeerSocket& s) {
         log_in(s);
         s.reset();
       },
       ProbeFailure::connection_lost, false},
      {"speaks_http",
       [](PgPeerSocket& s) {
         s.read_startup();
         s.send("HTTP/1.1 400 Bad Request\r\n\r\n");
       },
       ProbeFailure::bad_answer, false},
      {"garbage_after_login",
       [](PgPeerSocket& s) {
         log_in(s);
         s.send(std::string(64, 'x'));
         s.stay_mute();
       },
       ProbeFailure::bad_answer, false},
      {"answers_something_else",
       [](PgPeerSocket& s) {
         log_in(s);
         s.send(pg_row({{"x", "1"}}) + pg_ready());
         s.stay_mute();
       },
       ProbeFailure::bad_answer, false},
      {"starts_up",
       [](PgPeerSocket& s) {
         s.read_startup();
         s.send(pg_error("57P03", "the database system is starting up"));
       },
       ProbeFailure::not_accepting, false},
      {"is_full",
       [](PgPeerSocket& s) {
         s.read_startup();
         s.send(pg_error("53300", "sorry, too many clients already"));
       },
       ProbeFailure::too_many_connections, false},
      {"shuts_down_before_it_answers",
       [](PgPeerSocket& s) {
         log_in(s);
         s.send(pg_error("57P01", "terminating connection"));
       },
       ProbeFailure::connection_lost, false},
      {"wants_a_password",
       [](PgPeerSocket& s) {
         s.read_startup();
         s.send(std::string("R\0\0\0\x08\0\0\0\x03", 9));
         s.stay_mute();
       },
       ProbeFailure::auth_failed, false},
      {"has_no_tls",
       [](PgPeerSocket& s) {
         s.read_startup();
         s.send("N");
         s.stay_mute();
       },
       ProbeFailure::tls_failed, false, "require"},
      {"breaks_tls",
       [](PgPeerSocket& s) {
         s.read_startup();
         s.send("S");
         s.read_some();
         s.send("garbage instead of a handshake");
         s.stay_mute();
       },
       ProbeFailure::tls_failed, false, "require"},
  };
  return peers;
}

void expect_own_reason_in_time(ProbeRun& run, ProbeFailure expected, bool hangs) {
  ASSERT_TRUE(
      run.run(kProbePatience, [&] { return !run.fast(0).empty() && run.fast(1).size() > 2; }));
  const core::NodeObservation& seen = run.fast(0).front();
  const auto* error = std::get_if<core::ProbeError>(&seen.outcome);
  ASSERT_NE(error, nullptr);
  EXPECT_STREQ(core::name_of(error->reason), core::name_of(expected)) << error->message;
  EXPECT_FALSE(error->message.empty());
  EXPECT_EQ(error->message.find('\n'), std::string::npos);
  const auto took = seen.answered - seen.asked;
  EXPECT_LT(took, 500ms + kProbeLateness);
  EXPECT_EQ(took >= 490ms, hangs);
  for (const core::NodeObservation& healthy : run.fast(1)) {
    EXPECT_NE(ProbeRun::facts_of(healthy), nullptr);
    EXPECT_LT(healthy.answered - healthy.asked, kProbeLateness);
  }
  EXPECT_TRUE(!hangs || run.fast(1).front().answered < seen.answered);
}

class pg_bad_peer : public ::testing::TestWithParam<BadPeer> {};

TEST_P(pg_bad_peer, ends_in_its_own_reason_and_delays_nobody) {
  PgPeer bad(GetParam().behaviour);
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  auto node = probe_node("bad", bad.port());
  node.connect.sslmode = GetParam().sslmode;
  ProbeRun run({node, probe_node("healthy", healthy.port())});
  expect_own_reason_in_time(run, GetParam().expected, GetParam().hangs);
}

INSTANTIATE_TEST_SUITE_P(peers, pg_bad_peer, ::testing::ValuesIn(bad_peers()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(pg_prober, a_port_nobody_listens_on_is_refused) {
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("bad", free_port()), probe_node("healthy", healthy.port())});
  expect_own_reason_in_time(run, ProbeFailure::refused, false);
}

TEST(pg_prober, a_socket_that_is_not_there_is_refused) {
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("bad", 5432, "/nonexistent"), probe_node("healthy", healthy.port())});
  expect_own_reason_in_time(run, ProbeFailure::refused, false);
}

TEST(pg_prober, a_black_hole_is_unreachable) {
  PgBlackHole hole;
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("bad", hole.port()), probe_node("healthy", healthy.port())});
  expect_own_reason_in_time(run, ProbeFailure::unreachable, true);
}

TEST(pg_prober, a_name_that_does_not_resolve_is_a_dns_failure) {
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("bad", 5432, "no such host"), probe_node("healthy", healthy.port())});
  expect_own_reason_in_time(run, ProbeFailure::dns_failed, false);
}

TEST(pg_prober, a_hung_writer_does_not_delay_the_copies) {
  PgPeer mute([](PgPeerSocket& s) { s.stay_mute(); });
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("a", healthy.port()), probe_node("w", mute.port())});
  run.prober().set_writer(0, 1);
  ASSERT_TRUE(
      run.run(kProbePatience, [&] { return run.fast(0).size() >= 4 && !run.fast(1).empty(); }));
  for (const core::NodeObservation& seen : run.fast(0)) {
    EXPECT_NE(ProbeRun::facts_of(seen), nullptr);
    EXPECT_LT(seen.answered - seen.asked, kProbeLateness);
  }
}

TEST(pg_prober, the_writer_is_asked_first_and_the_copies_shortly_after) {
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("a", healthy.port()), probe_node("w", healthy.port()),
                probe_node("b", healthy.port())});
  run.prober().set_writer(0, 1);
  ASSERT_TRUE(
      run.run(kProbePatience, [&] { return run.fast(0).size() >= 3 && run.fast(2).size() >= 3; }));
  // Not the first tick: there `asked` is after a connect.
  for (const std::size_t copy : {0U, 2U}) {
    const auto after = run.fast(copy)[1].asked - run.fast(1)[1].asked;
    EXPECT_GE(after, 50ms);
    EXPECT_LT(after, 60ms + kProbeLateness);
  }
}

TEST(pg_prober, ticks_keep_their_interval) {
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  const core::Instant start = BootTimeClock().now();  // before the first tick is due
  ProbeRun run({probe_node("a", healthy.port())});
  ASSERT_TRUE(run.run(kProbePatience, [&] { return run.fast(0).size() >= 5; }));
  const auto span = run.fast(0)[4].asked - start;
  EXPECT_GE(span, 4 * 600ms);
  EXPECT_LT(span, 4 * 600ms + kProbeLateness);
  EXPECT_EQ(healthy.connections(), 1);  // kept
}

TEST(pg_prober, another_interval_holds_from_the_last_tick_on_until_it_is_taken_back) {
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("a", healthy.port())},
               {.timing = {.interval = 3s, .timeout = 500ms, .slow_interval = 1h}});
  ASSERT_TRUE(run.run(kProbePatience, [&] { return run.fast(0).size() == 1; }));
  run.prober().set_interval(0, 100ms);
  ASSERT_TRUE(run.run(kProbePatience, [&] { return run.fast(0).size() >= 7; }));
  const auto& seen = run.fast(0);
  EXPECT_LT(seen[1].asked - seen[0].asked, 100ms + kProbeLateness);
  EXPECT_GE(seen[6].asked - seen[1].asked, 4 * 100ms);
  EXPECT_LT(seen[6].asked - seen[1].asked, 5 * 100ms + kProbeLateness);

  run.prober().set_interval(0, 3s);
  run.prober().set_interval(0, 3s);
  const std::size_t before = seen.size();
  ASSERT_TRUE(run.run(kProbePatience, [&] { return run.fast(0).size() >= before + 2; }));
  EXPECT_LT(seen[before].asked - seen[before - 1].asked,
            100ms + kProbeLateness);  // was due already
  EXPECT_GE(seen[before + 1].asked - seen[before].asked, 2900ms);
}

TEST(pg_prober, with_a_shorter_interval_the_copies_follow_the_writer_sooner) {
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("w", healthy.port()), probe_node("a", healthy.port())});
  run.prober().set_writer(0, 0);
  run.prober().set_interval(0, 100ms);
  ASSERT_TRUE(
      run.run(kProbePatience, [&] { return run.fast(0).size() >= 9 && run.fast(1).size() >= 9; }));
  auto least = core::Duration::max();
  for (std::size_t i = 1; i < 9; ++i) {
    const auto after = run.fast(1)[i].asked - run.fast(0)[i].asked;
    EXPECT_GT(after, 0ms);
    least = std::min<core::Duration>(least, after);
  }
  EXPECT_LT(least, 50ms);
}

TEST(pg_prober, a_node_that_still_owes_an_answer_skips_ticks) {
  PgPeer mute([](PgPeerSocket& s) { s.stay_mute(); });
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("mute", mute.port()), probe_node("healthy", healthy.port())});
  run.prober().set_interval(0, 50ms);
  ASSERT_TRUE(run.run(kProbePatience, [&] { return run.fast(0).size() >= 3; }));
  for (std::size_t i = 1; i < run.fast(0).size(); ++i)
    EXPECT_GE(run.fast(0)[i].asked, run.fast(0)[i - 1].answered);
  EXPECT_GE(run.fast(1).size(), 2 * run.fast(0).size());
}

TEST(pg_prober, the_first_probe_already_gives_facts_and_the_slow_ones_follow) {
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("a", healthy.port())});
  ASSERT_TRUE(run.run(kProbePatience, [&] { return !run.slow(0).empty(); }));
  ASSERT_EQ(run.fast(0).size(), 1U);
  ASSERT_NE(run.facts(0), nullptr);
  EXPECT_EQ(run.facts(0)->insert_lsn, core::Lsn{0x3000060});
  EXPECT_GT(run.facts(0)->session, 0U);
  const auto* slow = std::get_if<core::SlowFacts>(&run.slow(0).front().outcome);
  ASSERT_NE(slow, nullptr);
  EXPECT_EQ(slow->connections_limit, 100);
}

TEST(pg_prober, a_session_that_was_closed_while_idle_costs_no_probe) {
  // Light and slow statement, then the peer hangs up.
  PgPeer peer([](PgPeerSocket& s) { serve_healthy(s, 2); });
  ProbeRun run({probe_node("a", peer.port())},
               {.timing = {.interval = 300ms, .timeout = 250ms, .slow_interval = 1ms}});
  ASSERT_TRUE(run.run(kProbePatience, [&] { return run.fast(0).size() >= 3; }));
  std::uint64_t session = 0;
  for (const core::NodeObservation& seen : run.fast(0)) {
    const core::NodeFacts* facts = ProbeRun::facts_of(seen);
    ASSERT_NE(facts, nullptr) << std::get<core::ProbeError>(seen.outcome).message;
    EXPECT_GT(facts->session, session);
    session = facts->session;
  }
}

TEST(pg_prober, while_it_backs_off_every_tick_repeats_the_last_reason) {
  ProbeRun run({probe_node("bad", free_port())},
               {.timing = {.interval = 50ms, .timeout = 40ms, .slow_interval = 1h}});
  ASSERT_TRUE(run.run(kProbePatience, [&] { return run.fast(0).size() >= 12; }));
  int repeated = 0;
  for (const core::NodeObservation& seen : run.fast(0)) {
    const auto* error = std::get_if<core::ProbeError>(&seen.outcome);
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->reason, ProbeFailure::refused) << error->message;
    if (seen.asked == seen.answered) ++repeated;
  }
  EXPECT_GE(repeated, 6);
  EXPECT_GT(run.fast(0).back().asked, run.fast(0).front().asked);
}

TEST(pg_prober, a_node_that_comes_back_is_found_within_the_longest_backoff) {
  const std::uint16_t port = free_port();
  ProbeRun run({probe_node("a", port)},
               {.timing = {.interval = 200ms, .timeout = 150ms, .slow_interval = 1h}});
  const core::Instant start = run.now();
  ASSERT_TRUE(
      run.run(kProbePatience, [&] { return run.now() - start > 4s; }));  // backoff has grown
  ASSERT_NE(run.error(0), nullptr);
  PgPeer peer([](PgPeerSocket& s) { serve_healthy(s); }, port);
  const core::Instant back = run.now();
  ASSERT_TRUE(run.run(kProbePatience, [&] { return run.facts(0) != nullptr; }));
  EXPECT_LT(run.fast(0).back().asked - back, core::limits::kReconnectBackoffMax + kProbeLateness);
}

TEST(pg_prober, a_connection_may_take_longer_than_a_probe) {
  PgPeer slow([](PgPeerSocket& s) {
    s.read_startup();
    s.dribble(pg_login_ok());  // takes seconds
    serve_statements(s);
  });
  ProbeRun run(
      {probe_node("a", slow.port())},
      {.timing = {.interval = 300ms, .timeout = 250ms, .connect_timeout = kProbePatience}});
  ASSERT_TRUE(run.run(kProbePatience, [&] { return run.facts(0) != nullptr; }));
  const auto& seen = run.fast(0);
  EXPECT_GE(seen.size(), 4U);
  for (std::size_t i = 0; i + 1 < seen.size(); ++i) {
    const auto& error = std::get<core::ProbeError>(seen[i].outcome);
    EXPECT_STREQ(core::name_of(error.reason), "timeout") << error.message;
    EXPECT_LT(seen[i].answered - seen[i].asked, 250ms + kProbeLateness);
  }
  EXPECT_EQ(slow.connections(), 1);
}

TEST(pg_prober, a_connection_that_is_not_made_in_its_time_is_given_up) {
  PgPeer mute([](PgPeerSocket& s) { s.stay_mute(); });
  ProbeRun run({probe_node("a", mute.port())},
               {.timing = {.interval = 100ms, .timeout = 80ms, .connect_timeout = 350ms}});
  ASSERT_TRUE(run.run(kProbePatience, [&] { return mute.connections() >= 3; }));
  for (const core::NodeObservation& seen : run.fast(0))
    EXPECT_STREQ(core::name_of(std::get<core::ProbeError>(seen.outcome).reason), "timeout");
  EXPECT_GE(run.fast(0).size(), 5U);  // each tick says so
}

TEST(pg_prober, an_epoch_query_that_is_never_answered_takes_only_the_epoch_away) {
  PgPeer peer([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("a", peer.port())},
               {.epoch_source = core::EpochSource::query, .epoch_query = "select 1"});
  ASSERT_TRUE(run.run(kProbePatience, [&] { return run.fast(0).size() >= 2; }));
  for (const core::NodeObservation& seen : run.fast(0)) {
    const core::NodeFacts* facts = ProbeRun::facts_of(seen);
    ASSERT_NE(facts, nullptr) << std::get<core::ProbeError>(seen.outcome).message;
    EXPECT_EQ(facts->epoch_problem, "no answer in time");
    EXPECT_FALSE(facts->stamped.has_value());
    EXPECT_LT(seen.answered - seen.asked, 500ms + kProbeLateness);
  }
}

TEST(pg_prober, nothing_is_said_after_stop) {
  PgPeer mute([](PgPeerSocket& s) { s.stay_mute(); });
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  ProbeRun run({probe_node("a", healthy.port()), probe_node("b", mute.port())});
  ASSERT_TRUE(run.run(kProbePatience, [&] { return !run.fast(0).empty(); }));
  run.prober().stop();
  const auto said = run.fast(0).size() + run.fast(1).size() + run.slow(0).size();
  EXPECT_GT(run.loop().run_for(2s), 0U);  // ends as soon as nothing is left to do
  EXPECT_TRUE(run.loop().stopped());
  EXPECT_EQ(run.fast(0).size() + run.fast(1).size() + run.slow(0).size(), said);
}

// One node with its own names, without a Prober.
class pg_node : public ::testing::Test {
 protected:
  std::shared_ptr<observe::NodeProbe> node(observe::HostResolver& names, const std::string& host,
                                           std::uint16_t port,
                                           std::vector<core::NodeObservation>& seen) {
    return std::make_shared<observe::NodeProbe>(
        observe::ProbeContext{loop_, clock_, names, no_password_, ProbeRunOptions{}.timing},
        observe::NodeTarget{
            .connect = probe_node("a", port, host).connect,
            .wants_epoch_table = true,
            .on_fast = [&seen](core::NodeObservation each) { seen.push_back(std::move(each)); },
            .on_slow = [](const core::SlowObservation&) {}});
  }

  asio::io_context loop_;
  BootTimeClock clock_;
  observe::PasswordReader no_password_ = [](const core::PasswordSource&) {
    return base::Result<std::string>(std::string());
  };
};

TEST_F(pg_node, slow_dns_delays_only_its_node) {
  auto never = std::make_shared<std::promise<void>>();
  observe::HostResolver names(
      loop_, clock_,
      [never, slow = never->get_future().share()](
          const std::string& host) -> base::Result<observe::Addresses> {
        if (host == "slow") slow.wait();
        return observe::Addresses{"127.0.0.1"};
      },
      2);
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  std::vector<core::NodeObservation> slow_seen;
  std::vector<core::NodeObservation> healthy_seen;
  const auto slow_node = node(names, "slow", healthy.port(), slow_seen);
  const auto healthy_node = node(names, "fine", healthy.port(), healthy_seen);
  slow_node->tick();
  healthy_node->tick();
  ASSERT_TRUE(run_until(loop_, kProbePatience, [&] { return !slow_seen.empty(); }));
  ASSERT_FALSE(healthy_seen.empty());
  EXPECT_NE(ProbeRun::facts_of(healthy_seen[0]), nullptr);
  const auto* error = std::get_if<core::ProbeError>(&slow_seen[0].outcome);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->reason, ProbeFailure::dns_failed) << error->message;
  slow_node->close();
  healthy_node->close();
  never->set_value();
}

TEST_F(pg_node, a_name_may_take_longer_than_a_probe_and_is_asked_for_once) {
  auto answer = std::make_shared<std::promise<void>>();
  auto lookups = std::make_shared<std::atomic<int>>(0);
  observe::HostResolver names(loop_, clock_,
                              [lookups, slow = answer->get_future().share()](
                                  const std::string&) -> base::Result<observe::Addresses> {
                                ++*lookups;
                                slow.wait();
                                return observe::Addresses{"127.0.0.1"};
                              });
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });
  std::vector<core::NodeObservation> seen;
  const auto probe = node(names, "slow", healthy.port(), seen);
  for (std::size_t i = 1; i <= 2; ++i) {
    probe->tick();
    ASSERT_TRUE(run_until(loop_, kProbePatience, [&] { return seen.size() == i; }));
    EXPECT_EQ(std::get<core::ProbeError>(seen.back().outcome).reason, ProbeFailure::dns_failed);
  }
  answer->set_value();
  probe->tick();
  ASSERT_TRUE(run_until(loop_, kProbePatience, [&] { return seen.size() == 3; }));
  EXPECT_NE(ProbeRun::facts_of(seen.back()), nullptr);
  EXPECT_EQ(*lookups, 1);
  probe->close();
}

TEST_F(pg_node, a_black_hole_among_the_addresses_costs_one_probe) {
  observe::HostResolver names(loop_, clock_, [](const std::string&) {
    return base::Result<observe::Addresses>(observe::Addresses{"127.0.0.2", "127.0.0.1"});
  });
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });  // on 127.0.0.1
  PgBlackHole hole(2, healthy.port());
  std::vector<core::NodeObservation> seen;
  const auto probe = node(names, "both", healthy.port(), seen);
  probe->tick();
  ASSERT_TRUE(run_until(loop_, kProbePatience, [&] { return seen.size() == 1; }));
  const auto* error = std::get_if<core::ProbeError>(&seen[0].outcome);
  ASSERT_NE(error, nullptr);
  EXPECT_STREQ(core::name_of(error->reason), "unreachable");
  probe->tick();
  ASSERT_TRUE(run_until(loop_, kProbePatience, [&] { return seen.size() == 2; }));
  EXPECT_NE(ProbeRun::facts_of(seen[1]), nullptr);
  probe->close();
}

TEST_F(pg_node, the_next_address_is_tried_within_the_same_probe) {
  observe::HostResolver names(loop_, clock_, [](const std::string&) {
    return base::Result<observe::Addresses>(observe::Addresses{"127.0.0.2", "127.0.0.1"});
  });
  PgPeer healthy([](PgPeerSocket& s) { serve_healthy(s); });  // on 127.0.0.1 only
  std::vector<core::NodeObservation> seen;
  const auto probe = node(names, "both", healthy.port(), seen);
  probe->tick();
  ASSERT_TRUE(run_until(loop_, kProbePatience, [&] { return !seen.empty(); }));
  EXPECT_NE(ProbeRun::facts_of(seen[0]), nullptr);
  probe->close();
}

}  // namespace
}  // namespace rpoguard::test
