#include "exporter/observe/postgres/pg_failure.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "exporter/base/text.hpp"
#include "exporter/observe/system/one_line.hpp"

namespace rpoguard::observe {

namespace {

using core::ProbeFailure;

constexpr std::size_t kSqlstateBytes = 5;

struct SqlstateRow {
  std::string_view prefix;
  ProbeFailure reason;
};

// What the server says to a new connection that it does not take now.
constexpr std::string_view kCannotConnectNow = "57P03";

// The first prefix that matches decides. 57P01 and 57P02 (shutdown, crash of a backend) end one
// session and say nothing of the server: so does pg_terminate_backend(), while others go on.
constexpr std::array kSqlstates{
    SqlstateRow{"57P01", ProbeFailure::connection_lost},
    SqlstateRow{"57P02", ProbeFailure::connection_lost},
    SqlstateRow{kCannotConnectNow, ProbeFailure::connection_lost},  // in a session: a pooler's
    SqlstateRow{"57P04", ProbeFailure::database_missing},           // database_dropped
    SqlstateRow{"57P05", ProbeFailure::connection_lost},            // idle_session_timeout
    SqlstateRow{"57014", ProbeFailure::timeout},                    // statement_timeout
    SqlstateRow{"55P03", ProbeFailure::timeout},                    // lock_timeout
    SqlstateRow{"53300", ProbeFailure::too_many_connections},
    SqlstateRow{"28", ProbeFailure::auth_failed},
    SqlstateRow{"3D000", ProbeFailure::database_missing},
    SqlstateRow{"42501", ProbeFailure::missing_privilege},
    SqlstateRow{"08", ProbeFailure::connection_lost},
};

struct ErrnoRow {
  int error;
  ProbeFailure reason;
  bool any_phase;  // also meaningful once the connection is up
};

constexpr std::array kErrnos{
    ErrnoRow{ECONNREFUSED, ProbeFailure::refused, false},
    ErrnoRow{ENOENT, ProbeFailure::refused, false},  // no Unix socket there
    ErrnoRow{ECONNRESET, ProbeFailure::connection_lost, true},
    ErrnoRow{ECONNABORTED, ProbeFailure::connection_lost, true},
    ErrnoRow{EPIPE, ProbeFailure::connection_lost, true},
    ErrnoRow{ETIMEDOUT, ProbeFailure::unreachable, true},
    ErrnoRow{EHOSTUNREACH, ProbeFailure::unreachable, true},
};

ProbeFailure reason_of_sqlstate(std::string_view sqlstate) {
  const auto row = std::find_if(kSqlstates.begin(), kSqlstates.end(), [&](const SqlstateRow& r) {
    return sqlstate.starts_with(r.prefix);
  });
  return row == kSqlstates.end() ? ProbeFailure::query_failed : row->reason;
}

// libpq 15 shows no errno, only strerror() at the end of its message. Comparing with what the same
// function says here and now holds in every locale.
std::optional<ProbeFailure> reason_of_errno(std::string_view message, ConnectPhase phase) {
  for (const ErrnoRow& row : kErrnos) {
    if (phase != ConnectPhase::tcp && !row.any_phase) continue;
    if (message.find(std::generic_category().message(row.error)) != std::string_view::npos)
      return row.reason;
  }
  return std::nullopt;
}

ProbeFailure reason_without_sqlstate(const ConnectFailure& failure) {
  if (const auto reason = reason_of_errno(failure.message, failure.phase)) return *reason;
  if (failure.phase == ConnectPhase::tcp) return ProbeFailure::unreachable;
  if (failure.peer_closed) return ProbeFailure::connection_lost;
  if (failure.phase == ConnectPhase::tls) return ProbeFailure::tls_failed;
  if (failure.password_requested) return ProbeFailure::auth_failed;
  // A server that dislikes our certificate says so only after the handshake (TLS 1.3).
  return failure.tls_in_use ? ProbeFailure::tls_failed : ProbeFailure::bad_answer;
}

struct ServerText {
  std::string_view sqlstate;
  std::string_view text;
};

// A failed attempt has no PGresult, but at verbosity VERBOSE libpq renders the server's
// answer as "SEVERITY:  SQLSTATE: text"; only SEVERITY and text are translated.
std::optional<ServerText> server_text(std::string_view message) {
  const auto is_code = [](char c) { return base::is_digit(c) || base::is_upper_letter(c); };
  for (auto at = message.find(":  "); at != std::string_view::npos;
       at = message.find(":  ", at + 1)) {
    const std::string_view rest = message.substr(at + 3);
    if (rest.size() < kSqlstateBytes + 2 || rest.substr(kSqlstateBytes, 2) != ": ") continue;
    const std::string_view code = rest.substr(0, kSqlstateBytes);
    if (std::all_of(code.begin(), code.end(), is_code))
      return ServerText{code, rest.substr(kSqlstateBytes + 2)};
  }
  return std::nullopt;
}

}  // namespace

Failure classify_connect_failure(const ConnectFailure& failure) {
  if (const auto said = server_text(failure.message)) {
    Failure classified = classify_server_error(said->sqlstate, said->text);
    if (said->sqlstate == kCannotConnectNow) classified.error.reason = ProbeFailure::not_accepting;
    return classified;
  }
  return {{reason_without_sqlstate(failure), one_line(failure.message)}, {}};
}

Failure classify_server_error(std::string_view sqlstate, std::string_view text) {
  std::string message = one_line(text) + " (sqlstate " + std::string(sqlstate) + ")";
  return {{reason_of_sqlstate(sqlstate), std::move(message)}, std::string(sqlstate)};
}

Failure connection_lost(std::string_view libpq_message) {
  std::string message = one_line(libpq_message);
  if (message.empty()) message = "the server closed the connection";
  return {{ProbeFailure::connection_lost, std::move(message)}, {}};
}

Failure bad_answer(std::string_view what) {
  return {{ProbeFailure::bad_answer, one_line(what)}, {}};
}

}  // namespace rpoguard::observe
