#include "exporter/observe/postgres/pg_failure.hpp"

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

using core::ProbeFailure;

struct SqlstateCase {
  const char* sqlstate;
  ProbeFailure expected;
};

TEST(pg_failure, each_sqlstate_has_its_reason) {
  const SqlstateCase cases[] = {
      {"57P01", ProbeFailure::connection_lost},  {"57P02", ProbeFailure::connection_lost},
      {"57P03", ProbeFailure::connection_lost},  {"57P04", ProbeFailure::database_missing},
      {"57014", ProbeFailure::timeout},          {"53300", ProbeFailure::too_many_connections},
      {"28P01", ProbeFailure::auth_failed},      {"28000", ProbeFailure::auth_failed},
      {"3D000", ProbeFailure::database_missing}, {"42501", ProbeFailure::missing_privilege},
      {"08006", ProbeFailure::connection_lost},  {"42P01", ProbeFailure::query_failed},
      {"53200", ProbeFailure::query_failed},     {"XX000", ProbeFailure::query_failed},
  };
  for (const auto& c : cases) {
    const Failure failure = classify_server_error(c.sqlstate, "text");
    EXPECT_EQ(failure.error.reason, c.expected) << c.sqlstate;
    EXPECT_EQ(failure.sqlstate, c.sqlstate);
  }
}

TEST(pg_failure, only_a_new_connection_is_told_that_the_server_takes_none) {
  const auto login = [](const std::string& code) {
    return classify_connect_failure(
               {.phase = ConnectPhase::login, .message = "x failed: FATAL:  " + code + ": text\n"})
        .error.reason;
  };
  EXPECT_EQ(login("57P03"), ProbeFailure::not_accepting);
  EXPECT_EQ(login("57P01"), ProbeFailure::connection_lost);
  EXPECT_EQ(login("57P02"), ProbeFailure::connection_lost);
}

// Rendered by libpq 15 at verbosity VERBOSE; only the severity and the text depend on lc_messages.
TEST(pg_failure, the_sqlstate_of_a_refused_login_is_found_in_every_language) {
  const char* const messages[] = {
      "connection to server at \"10.0.0.1\", port 5432 failed: FATAL:  28P01: password "
      "authentication failed for user \"rpoguard\"\nLOCATION:  auth_failed, auth.c:338\n",
      "connection to server at \"10.0.0.1\", port 5432 failed: FATAL:  28P01: "
      "Passwort-Authentifizierung fehlgeschlagen\n",
      "connection to server at \"a:  b: c\", port 5432 failed: \xd0\x9e\xd0\xa8:  28P01: "
      "\xd0\xbd\n",
  };
  for (const char* message : messages) {
    const Failure failure = classify_connect_failure(
        {.phase = ConnectPhase::login, .message = message, .peer_closed = true});
    EXPECT_EQ(failure.error.reason, ProbeFailure::auth_failed) << message;
    EXPECT_EQ(failure.sqlstate, "28P01") << message;
  }
}

TEST(pg_failure, the_message_is_the_servers_first_line_with_its_code) {
  const Failure failure = classify_connect_failure(
      {.phase = ConnectPhase::login,
       .message = "x failed: FATAL:  3D000: database \"nope\" does not exist\nLOCATION: y\n"});
  EXPECT_EQ(failure.error.message, "database \"nope\" does not exist (sqlstate 3D000)");
}

struct PhaseCase {
  const char* name;
  ConnectFailure given;
  ProbeFailure expected;
};

std::string with_errno(int error) {
  return std::string("connection to server at \"x\" failed: ") + std::strerror(error) +
         "\n\tIs the server running?\n";
}

TEST(pg_failure, without_a_sqlstate_phase_and_errno_decide) {
  const PhaseCase cases[] = {
      {"refused", {.message = with_errno(ECONNREFUSED)}, ProbeFailure::refused},
      {"no socket file", {.message = with_errno(ENOENT)}, ProbeFailure::refused},
      {"no route", {.message = with_errno(EHOSTUNREACH)}, ProbeFailure::unreachable},
      {"network down", {.message = with_errno(ENETUNREACH)}, ProbeFailure::unreachable},
      {"kernel gave up", {.message = with_errno(ETIMEDOUT)}, ProbeFailure::unreachable},
      {"reset at login",
       {.phase = ConnectPhase::login, .message = with_errno(ECONNRESET)},
       ProbeFailure::connection_lost},
      {"closed at login",
       {.phase = ConnectPhase::login, .message = "server closed", .peer_closed = true},
       ProbeFailure::connection_lost},
      {"closed in TLS",
       {.phase = ConnectPhase::tls, .message = "closed", .peer_closed = true},
       ProbeFailure::connection_lost},
      {"no TLS there",
       {.phase = ConnectPhase::tls, .message = "server does not support SSL"},
       ProbeFailure::tls_failed},
      {"key file unreadable is not a network error",
       {.phase = ConnectPhase::tls, .message = with_errno(ENOENT)},
       ProbeFailure::tls_failed},
      {"certificate refused after the handshake",
       {.phase = ConnectPhase::login, .message = "SSL error: alert", .tls_in_use = true},
       ProbeFailure::tls_failed},
      {"no password to give",
       {.phase = ConnectPhase::login, .message = "no password", .password_requested = true},
       ProbeFailure::auth_failed},
      {"garbage",
       {.phase = ConnectPhase::login, .message = "expected authentication request"},
       ProbeFailure::bad_answer},
  };
  for (const auto& c : cases)
    EXPECT_EQ(classify_connect_failure(c.given).error.reason, c.expected) << c.name;
}

}  // namespace
}  // namespace rpoguard::observe
