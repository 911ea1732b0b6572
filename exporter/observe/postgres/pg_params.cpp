#include "exporter/observe/postgres/pg_params.hpp"

#include <algorithm>

namespace rpoguard::observe {

namespace {

// libpq takes an absent value from the home directory; a path that cannot exist keeps it out.
constexpr const char* kNoFile = "/nonexistent/rpoguard";

// With a root certificate, libpq's require verifies while the file is there, and no longer when it
// is gone. verify-ca fails then.
std::string mode_of(const core::ConnectSpec& spec) {
  if (is_socket_directory(spec.host)) return "disable";
  return spec.sslmode == "require" && !spec.sslrootcert.empty() ? "verify-ca" : spec.sslmode;
}

std::string or_no_file(const std::string& path) {
  return path.empty() ? kNoFile : path;
}

}  // namespace

bool is_socket_directory(const std::string& host) {
  return host.starts_with('/');
}

ConnectParams connect_params(const core::ConnectSpec& spec, const std::string& address,
                             const Secrets& secrets, core::Duration timeout) {
  const auto timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  ConnectParams params{
      {"host", spec.host},  // also with hostaddr: TLS verifies this name
      {"hostaddr", is_socket_directory(spec.host) ? "" : address},
      {"port", std::to_string(spec.port)},
      {"dbname", spec.dbname},
      {"user", spec.user},
      {"password", secrets.password},
      {"passfile", or_no_file(spec.password.passfile)},
      {"application_name", "rpoguard"},
      {"client_encoding", "UTF8"},
      {"gssencmode", "disable"},
      {"target_session_attrs", "any"},  // wrong servers are wanted too
      {"sslmode", mode_of(spec)},
      {"sslrootcert", or_no_file(spec.sslrootcert)},
      {"sslcert", or_no_file(spec.sslcert)},
      {"sslkey", or_no_file(spec.sslkey)},
      {"sslpassword", secrets.key_passphrase},
      {"sslcrl", kNoFile},
      {"channel_binding", is_socket_directory(spec.host) ? "disable" : spec.channel_binding},
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
