// From what PostgreSQL and libpq report to a ProbeFailure: by SQLSTATE, by errno and by the phase
// of the connection, never by translated text. Pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "exporter/core/model/observation.hpp"

namespace rpoguard::observe {

/// Why a step on a connection failed.
struct Failure {
  core::ProbeError error;
  std::string sqlstate;  ///< five characters; empty when no server said anything
};

/// How far a connection attempt has come.
enum class ConnectPhase { tcp, tls, login };

/// All that is known when libpq gives an attempt up.
struct ConnectFailure {
  ConnectPhase phase = ConnectPhase::tcp;
  std::string message;              ///< PQerrorMessage at verbosity VERBOSE
  bool peer_closed = false;         ///< the peer had closed the connection just before
  bool password_requested = false;  ///< the server had asked for a password
  bool tls_in_use = false;          ///< after a TLS handshake
};

/// Classifies a failed connection attempt.
Failure classify_connect_failure(const ConnectFailure& failure);

/// Classifies an error the server gave to a statement. `text` is its primary message.
Failure classify_server_error(std::string_view sqlstate, std::string_view text);

/// The connection ended without a word from the server.
Failure connection_lost(std::string_view libpq_message);

/// Any answer that is not what was asked for.
Failure bad_answer(std::string_view what);

}  // namespace rpoguard::observe
