#include "exporter/cli/ops_target.hpp"

#include "exporter/config/load.hpp"
#include "exporter/core/url.hpp"

namespace rpoguard::cli {
namespace {

using core::Error;

// The ops listener speaks no TLS, and which path is asked is the command's matter.
core::Result<Target> target_at(const std::string& url) {
  const auto parts = core::split_url(url);
  if (!parts || parts.value().tls || parts.value().target != "/")
    return Error{"--url must look like http://127.0.0.1:10187", ""};
  return Target{parts.value().host, parts.value().port};
}

}  // namespace

Target target_of(const core::ListenSpec& listen) {
  if (listen.host == "0.0.0.0") return {"127.0.0.1", listen.port};
  if (listen.host == "::") return {"::1", listen.port};
  return {listen.host, listen.port};
}

core::Result<Target> find_target(const std::string& url, const std::string& config_file) {
  if (!url.empty()) return target_at(url);
  if (config_file.empty()) return target_of(core::Spec{}.ops);
  const config::Loaded loaded = config::load_file(config_file);
  if (!loaded.spec) {
    return Error{loaded.diagnostics.empty() ? "no configuration"
                                            : config::render(loaded.diagnostics.front()),
                 ""};
  }
  return target_of(loaded.spec->ops);
}

}  // namespace rpoguard::cli
