// The libpq state machine against peers, without a prober.
#include "exporter/observe/postgres/pg_connection.hpp"

#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "exporter/observe/system/processor_time.hpp"

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
      s.send("garbage instead of a handshake");
      return;
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

// What a server may send without an end, and when.
struct Flood {
  const char* name;
  enum class When { login, answer, idle } when;
  std::string begin;                              // before it
  std::function<std::string(std::size_t)> piece;  // the next of the endless
};

std::string big_endian(std::uint32_t number) {
  const std::uint32_t network = htonl(number);
  return {reinterpret_cast<const char*>(&network), sizeof network};
}

std::string parameter(std::size_t number) {
  std::string text = std::to_string(number);
  text += '\0';
  return pg_message('S', text + "v" + '\0');
}

// Of how many names a server that stands still reports the values.
std::string parameters(std::size_t batch) {
  std::string text;
  for (std::size_t i = 0; i < 1000; ++i) text += parameter(batch * 1000 + i);
  return text;
}

std::string notifications(std::size_t) {
  std::string text;
  for (int i = 0; i < 100; ++i)
    text += pg_message('A', std::string(4, '\1') + "channel" + '\0' + std::string(100, 'x') + '\0');
  return text;
}

std::string notice() {
  std::string text = pg_error("00000", std::string(1000, 'x'));
  text[0] = 'N';
  return text;
}

// As many columns as a table may have, all of them null.
std::string description_of_columns(std::uint16_t count) {
  std::string body{static_cast<char>(count >> 8U), static_cast<char>(count & 0xFFU)};
  for (std::uint16_t i = 0; i < count; ++i) body += "column" + std::string(19, '\0');
  return pg_message('T', body);
}
std::string row_of_nulls(std::uint16_t count) {
  std::string body{static_cast<char>(count >> 8U), static_cast<char>(count & 0xFFU)};
  for (std::uint16_t i = 0; i < count; ++i) body += std::string(4, '\xff');
  return pg_message('D', body);
}

const std::string kGigabyteRow = description_of_columns(1) + "D" + big_endian(1'000'000'000) +
                                 std::string("\0\1", 2) + big_endian(999'999'990);

// Peak of this process, in kilobytes; the peer is a part of it, and small.
std::int64_t peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

class pg_flood : public pg_connection, public ::testing::WithParamInterface<Flood> {};

TEST_P(pg_flood, ends_the_session_before_it_has_cost_much) {
  std::atomic<std::size_t> pieces{0};
  PgPeer peer([&](PgPeerSocket& s) {
    const Flood& flood = GetParam();
    s.read_startup();
    if (flood.when != Flood::When::login) s.send(pg_login_ok());
    if (flood.when == Flood::When::login) s.send(pg_message('R', std::string(4, '\0')));
    if (flood.when == Flood::When::answer) s.read_message();
    s.send(flood.begin);
    while (s.send(flood.piece(pieces))) ++pieces;
  });
  const std::int64_t before = peak_kilobytes();
  const core::Duration cost_before = observe::processor_time();
  const auto connected = connect(params_for(peer));
  ASSERT_TRUE(connected.has_value());
  auto last = connected;
  if (GetParam().when == Flood::When::answer)
    last = answer_to([&](auto done) { connection_->query("select", done); });
  if (GetParam().when == Flood::When::idle) {
    EXPECT_TRUE(std::holds_alternative<RowSet>(*connected));
    EXPECT_TRUE(run_until(loop_, kPatience, [&] { return !connection_->usable(); }));
  } else {
    ASSERT_TRUE(last.has_value());
    const auto* failure = std::get_if<observe::Failure>(&*last);
    ASSERT_NE(failure, nullptr);
    EXPECT_EQ(failure->error.reason, core::ProbeFailure::bad_answer);
    EXPECT_NE(failure->error.message.find("more than was asked for"), std::string::npos)
        << failure->error.message;
  }
  EXPECT_FALSE(connection_->usable());
  connection_->close();
  std::printf("%s: peak of %" PRId64 " kB more, %" PRId64 " ms of the processor\n", GetParam().name,
              peak_kilobytes() - before,
              static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                            observe::processor_time() - cost_before)
                                            .count()));
  EXPECT_LT(peak_kilobytes() - before, 100'000);
  EXPECT_LT(observe::processor_time() - cost_before, 5s);
}

INSTANTIATE_TEST_SUITE_P(
    floods, pg_flood,
    ::testing::Values(Flood{"rows", Flood::When::answer, description_of_columns(1),
                            [](std::size_t) {
                              std::string rows;
                              for (int i = 0; i < 1000; ++i) rows += row_of_nulls(1);
                              return rows;
                            }},
                      Flood{"wide_rows", Flood::When::answer, description_of_columns(1600),
                            [](std::size_t) { return row_of_nulls(1600); }},
                      Flood{"one_row_of_a_gigabyte", Flood::When::answer, kGigabyteRow,
                            [](std::size_t) { return std::string(1'000'000, 'x'); }},
                      Flood{"parameters", Flood::When::answer, "", parameters},
                      Flood{"notices", Flood::When::answer, "",
                            [](std::size_t) { return notice(); }},
                      Flood{"parameters_at_login", Flood::When::login, "", parameters},
                      Flood{"parameters_unasked", Flood::When::idle, "", parameters},
                      Flood{"one_parameter_unasked", Flood::When::idle, "",
                            [](std::size_t) { return parameter(1); }},
                      Flood{"notifications_unasked", Flood::When::idle, "", notifications}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(pg_connection, a_large_answer_and_a_few_words_unasked_are_fine) {
  PgPeer peer([](PgPeerSocket& s) {
    s.read_startup();
    s.send(pg_login_ok());
    for (int i = 0; i < 3; ++i) {
      s.read_message();
      s.send(pg_row({{"a", std::string(900'000, 'x')}}) + pg_ready() + parameter(1) +
             notifications(0));
    }
    s.stay_mute();
  });
  ASSERT_TRUE(connect(params_for(peer)));
  for (int i = 0; i < 3; ++i) {
    const auto answer = answer_to([&](auto done) { connection_->query("select", done); });
    const auto* rows = std::get_if<RowSet>(&*answer);
    ASSERT_NE(rows, nullptr) << std::get<observe::Failure>(*answer).error.message;
    EXPECT_EQ(rows->rows[0][0]->size(), 900'000U);
  }
  EXPECT_TRUE(connection_->usable());
}

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
