#include "exporter/cli/ops_target.hpp"

#include "exporter/config/load.hpp"
#include "exporter/config/secret.hpp"
#include "exporter/core/model/url.hpp"

namespace rpoguard::cli {
namespace {

using base::Error;

// Which path is asked is the command's matter.
base::Result<Target> target_at(const std::string& url) {
  const auto parts = core::split_url(url);
  if (!parts || parts.value().target != "/")
    return Error{"--url must look like http://127.0.0.1:10187 or https://host"};
  return Target{parts.value().host, parts.value().port, parts.value().tls};
}

base::Result<Target> find(const std::string& url, const std::string& config_file, bool health) {
  if (!url.empty()) return target_at(url);
  if (config_file.empty()) return target_of(core::Spec{}.ops);
  const config::Loaded loaded = config::load_file(config_file);
  if (!loaded.spec) {
    return Error{loaded.diagnostics.empty() ? "no configuration"
                                            : config::render(loaded.diagnostics.front())};
  }
  return target_of(health ? loaded.spec->health.value_or(loaded.spec->ops) : loaded.spec->ops);
}

}  // namespace

Target target_of(const core::ListenSpec& listen) {
  if (listen.host == "0.0.0.0" || listen.host == "::") return {"127.0.0.1", listen.port};
  return {listen.host, listen.port};
}

std::string address_of(const Target& target) {
  const bool ipv6 = target.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + target.host + "]" : target.host) + ":" + std::to_string(target.port);
}

base::Result<Target> find_target(const std::string& url, const std::string& config_file) {
  return find(url, config_file, false);
}

base::Result<Target> find_life_target(const std::string& url, const std::string& config_file) {
  return find(url, config_file, true);
}

base::Result<net::HttpGet> request_to(const Target& target, const Access& access) {
  net::HttpGet get;
  get.host = target.host;
  get.port = target.port;
  get.tls = target.tls || !access.ca_file.empty();
  get.ca_file = access.ca_file;
  get.cert_file = access.cert_file;
  get.key_file = access.key_file;
  if (!get.tls && !access.cert_file.empty())
    return Error{"a client certificate needs TLS: give --ca-file or --url=https://..."};
  const auto credentials = config::read_password({.file = access.user_file, .env = {}});
  if (!credentials) return credentials.error();
  get.credentials = credentials.value().reveal();
  return get;
}

}  // namespace rpoguard::cli
