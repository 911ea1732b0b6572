// The libpq state machine against peers, without a prober.
#include "exporter/observe/postgres/pg_connection.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/wire/pg_peer.hpp"
#include "tests/wire/pg_probe_run.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
using observe::Answer;
using observe::ConnectParams;
using observe::PgConnection;
using observe::RowSet;

constexpr auto kPatience = 20s;

ConnectParams params_for(const PgPeer& peer) {
  core::ConnectSpec spec = probe_node("a", peer.port()).connect;
  return observe::connect_params(spec, "127.0.0.1", {}, 5s);
}

class pg_connection : public ::testing::Test {
 protected:
  ~pg_connection() override {
    connection_->close();
    loop_.restart();
    loop_.poll();  // the handlers of cancelled waits
  }

  // Starts a call and runs the loop to its answer.
  template <typename Call>
  std::optional<Answer> answer_to(Call call) {
    std::optional<Answer> answer;
    call([&](Answer said) { answer = std::move(said); });
    EXPECT_FALSE(answer.has_value()) << "answered from within the call";
    EXPECT_TRUE(run_until(loop_, kPatience, [&] { return answer.has_value(); }));
    return answer;
  }

  std::optional<Answer> connect(const ConnectParams& params) {
    return answer_to([&](auto done) { connection_->connect(params, done); });
  }

  asio::io_context loop_;
  std::shared_ptr<PgConnection> connection_ = PgConnection::create(loop_);
};

// After the failed TLS handshake libpq closes the socket and opens another, which gets the same
// number; the epoll registration is gone with the old one.
TEST_F(pg_connection, reopened_socket_with_same_number_is_followed) {
  PgPeer peer([](PgPeerSocket& s) {
    const auto startup = s.read_startup();
    const bool tls_request = startup && startup->body.size() == 4;
    if (tls_request) {
      s.send("S");
      s.read_some();
      return s.send("garbage instead of a handshake");
    }
    s.send(pg_login_ok());
    s.stay_mute();
  });
  ConnectParams params = params_for(peer);
  for (auto& [keyword, value] : params)
    if (keyword == "sslmode") value = "prefer";
  const auto answer = connect(params);
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(std::holds_alternative<RowSet>(*answer));
  EXPECT_TRUE(connection_->usable());
  EXPECT_EQ(connection_->server_version(), 150004);
  EXPECT_EQ(peer.connections(), 2);
}

TEST_F(pg_connection, null_and_empty_text_are_different) {
  PgPeer peer([](PgPeerSocket& s) {
    s.read_startup();
    s.send(pg_login_ok());
    s.read_message();
    s.send(pg_row({{"a", ""}, {"b", std::nullopt}}) + pg_ready());
    s.stay_mute();
  });
  ASSERT_TRUE(connect(params_for(peer)));
  const auto answer = answer_to([&](auto done) { connection_->query("select", done); });
  const auto* rows = std::get_if<RowSet>(&*answer);
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(rows->columns, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(rows->rows, (std::vector<observe::Row>{{"", std::nullopt}}));
}

TEST_F(pg_connection, an_error_of_a_statement_leaves_the_session_usable) {
  PgPeer peer([](PgPeerSocket& s) {
    s.read_startup();
    s.send(pg_login_ok());
    s.read_message();
    s.send(pg_error("42501", "permission denied", 'E') + pg_ready());
    s.read_message();
    s.send(pg_row({{"a", "1"}}) + pg_ready());
    s.stay_mute();
  });
  ASSERT_TRUE(connect(params_for(peer)));
  const auto refused = answer_to([&](auto done) { connection_->query("select", done); });
  const auto* failure = std::get_if<observe::Failure>(&*refused);
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->sqlstate, "42501");
  EXPECT_TRUE(connection_->usable());
  const auto next = answer_to([&](auto done) { connection_->query("select", done); });
  EXPECT_TRUE(std::holds_alternative<RowSet>(*next));
}

struct OddAnswer {
  const char* name;
  std::string bytes;
};

class pg_odd_answer : public pg_connection, public ::testing::WithParamInterface<OddAnswer> {};

TEST_P(pg_odd_answer, is_a_bad_answer_and_ends_the_session) {
  PgPeer peer([](PgPeerSocket& s) {
    s.read_startup();
    s.send(pg_login_ok());
    s.read_message();
    s.send(GetParam().bytes);
    s.stay_mute();
  });
  ASSERT_TRUE(connect(params_for(peer)));
  const auto answer = answer_to([&](auto done) { connection_->query("select", done); });
  const auto* failure = std::get_if<observe::Failure>(&*answer);
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->error.reason, core::ProbeFailure::bad_answer) << failure->error.message;
  EXPECT_FALSE(connection_->usable());
}

INSTANTIATE_TEST_SUITE_P(
    answers, pg_odd_answer,
    ::testing::Values(
        OddAnswer{"two_row_sets", pg_row({{"a", "1"}}) + pg_row({{"a", "2"}}) + pg_ready()},
        OddAnswer{"copy_out", std::string("H\0\0\0\x07\0\0\0", 8)},
        OddAnswer{"copy_in", std::string("G\0\0\0\x07\0\0\0", 8)},
        OddAnswer{"wrong_column_count", std::string("T\0\0\0\x06\0\0", 7) +
                                            std::string("D\0\0\0\x06\0\x05", 7) +
                                            std::string("C\0\0\0\x05\0", 6) + pg_ready()},
        OddAnswer{"unknown_message", std::string("!\0\0\0\x04", 5)}),
    [](const auto& each) { return std::string(each.param.name); });

class pg_session_end : public pg_connection, public ::testing::WithParamInterface<const char*> {};

TEST_P(pg_session_end, with_its_reason_says_nothing_of_the_server) {
  PgPeer peer([](PgPeerSocket& s) {
    s.read_startup();
    s.send(pg_login_ok());
    s.read_message();
    s.send(pg_error(GetParam(), "terminating connection due to administrator command"));
  });
  ASSERT_TRUE(connect(params_for(peer)));
  const auto answer = answer_to([&](auto done) { connection_->query("select", done); });
  const auto* failure = std::get_if<observe::Failure>(&*answer);
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->error.reason, core::ProbeFailure::connection_lost);
  EXPECT_EQ(failure->sqlstate, GetParam());
  EXPECT_TRUE(run_until(loop_, kPatience, [&] { return !connection_->usable(); }));
}

// A server gives the last one to new connections only; a pooler may give it in a session.
INSTANTIATE_TEST_SUITE_P(sqlstates, pg_session_end, ::testing::Values("57P01", "57P02", "57P03"),
                         [](const auto& each) { return std::string(each.param); });

TEST_F(pg_connection, after_close_nobody_is_called) {
  PgPeer peer([](PgPeerSocket& s) { s.stay_mute(); });
  bool called = false;
  connection_->connect(params_for(peer), [&](const Answer&) { called = true; });
  EXPECT_EQ(connection_->deadline_error().reason, core::ProbeFailure::unreachable);
  EXPECT_TRUE(run_until(loop_, kPatience, [&] {
    return connection_->deadline_error().reason == core::ProbeFailure::timeout;
  }));
  connection_->close();
  connection_->close();
  loop_.restart();
  loop_.run();
  EXPECT_FALSE(called);
  EXPECT_FALSE(connection_->usable());
}

TEST(pg_environment, variables_of_libpq_are_removed_and_no_other) {
  ::setenv("PGHOST", "elsewhere", 1);
  ::setenv("PGSERVICE", "elsewhere", 1);
  ::setenv("PGOPTIONS", "-c x=y", 1);
  ::setenv("PGPASSWORD", "secret", 1);
  ::setenv("PG_PASSWORD", "kept", 1);
  observe::clear_libpq_environment();
  for (const char* name : {"PGHOST", "PGSERVICE", "PGOPTIONS", "PGPASSWORD"})
    EXPECT_EQ(::getenv(name), nullptr) << name;
  EXPECT_STREQ(::getenv("PG_PASSWORD"), "kept");
  ::unsetenv("PG_PASSWORD");
}

}  // namespace
}  // namespace rpoguard::test
