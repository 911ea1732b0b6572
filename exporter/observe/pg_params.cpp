#include "exporter/observe/pg_params.hpp"

#include <algorithm>

namespace rpoguard::observe {

namespace {

// libpq takes an absent value from the home directory; a path that cannot exist keeps it out (L9).
constexpr const char* kNoFile = "/nonexistent/rpoguard";

std::string or_no_file(const std::string& path) {
  return path.empty() ? kNoFile : path;
}

}  // namespace

bool is_socket_directory(const std::string& host) {
  return host.starts_with('/');
}

ConnectParams connect_params(const core::ConnectSpec& spec, const std::string& address,
                             const std::string& password, core::Duration timeout) {
  const auto timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  ConnectParams params{
      {"host", spec.host},  // also with hostaddr: TLS verifies this name (L1)
      {"hostaddr", is_socket_directory(spec.host) ? "" : address},
      {"port", std::to_string(spec.port)},
      {"dbname", spec.dbname},
      {"user", spec.user},
      {"password", password},
      {"passfile", kNoFile},
      {"application_name", "rpoguard"},
      {"client_encoding", "UTF8"},
      {"gssencmode", "disable"},
      {"target_session_attrs", "any"},  // wrong servers are wanted too (L3)
      {"sslmode", is_socket_directory(spec.host) ? "disable" : spec.sslmode},
      {"sslrootcert", or_no_file(spec.sslrootcert)},
      {"sslcert", or_no_file(spec.sslcert)},
      {"sslkey", or_no_file(spec.sslkey)},
      {"sslcrl", kNoFile},
      {"keepalives", "1"},
      {"keepalives_idle", "5"},
      {"keepalives_interval", "2"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", std::to_string(std::max<std::int64_t>(timeout_ms, 1))},
  };
  std::erase_if(params, [](const auto& param) { return param.second.empty(); });
  return params;
}

}  // namespace rpoguard::observe
