// Where the ops or health listener of a running rpoguard is.
#pragma once

#include <cstdint>
#include <string>

#include "exporter/base/result.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/net/http_client.hpp"

namespace rpoguard::cli {

/// Exit code of a command: no rpoguard answers there, or the arguments are wrong.
inline constexpr int kUnreachable = 2;

struct Target {
  std::string host;
  std::uint16_t port = 0;
  bool tls = false;
};

/// As messages name it: "127.0.0.1:10187".
std::string address_of(const Target& target);

/// How to be let in by it; all of it files, so that no secret is in the arguments.
struct Access {
  std::string ca_file{};  ///< authority to verify it by; empty: the system's
  std::string cert_file{};
  std::string key_file{};
  std::string user_file{};  ///< one line USER:PASSWORD
};

/// As a configuration has it; a listener on every address is asked on the loopback.
Target target_of(const core::ListenSpec& listen);

/// From "http[s]://HOST[:PORT]" (core/model/url.hpp) if `url` is not empty, else from the file if
/// one is named, else the default address.
base::Result<Target> find_target(const std::string& url, const std::string& config_file);

/// As find_target(), but the health listener if the file names one: it answers /livez without TLS
/// and users.
base::Result<Target> find_life_target(const std::string& url, const std::string& config_file);

/// A request to it. Whoever names an authority means TLS.
base::Result<net::HttpGet> request_to(const Target& target, const Access& access);

}  // namespace rpoguard::cli
