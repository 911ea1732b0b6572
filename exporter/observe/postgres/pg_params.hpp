// The connection parameters of a node, every one explicit: nothing comes from the environment or
// from files that the configuration does not name.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "exporter/core/model/spec.hpp"

namespace rpoguard::observe {

/// Keyword and value of libpq, in this order, without empty values.
using ConnectParams = std::vector<std::pair<std::string, std::string>>;

/// What is read for each connect.
struct Secrets {
  std::string password{};
  std::string key_passphrase{};  ///< of sslkey
};

/// True when the host is the directory of a Unix socket.
bool is_socket_directory(const std::string& host);

/// Pure. `address` is the numeric address of spec.host, unused for a socket directory; `timeout`
/// bounds how long the kernel keeps unacknowledged data.
ConnectParams connect_params(const core::ConnectSpec& spec, const std::string& address,
                             const Secrets& secrets, core::Duration timeout);

}  // namespace rpoguard::observe
