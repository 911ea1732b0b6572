#include "exporter/cli/ops_target.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include "exporter/config/load.hpp"

namespace rpoguard::cli {
namespace {

using core::Error;

// "http://HOST:PORT", HOST may be an IPv6 address in brackets.
std::optional<Target> parse_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  const auto colon = url.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  Target target{std::string(url.substr(0, colon)), 0};
  const std::string_view port = url.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), target.port);
  if (error != std::errc{} || end != port.data() + port.size() || target.port == 0)
    return std::nullopt;
  if (target.host.starts_with('[') && target.host.ends_with(']'))
    target.host = target.host.substr(1, target.host.size() - 2);
  return target;
}

}  // namespace

Target target_of(const core::ListenSpec& listen) {
  if (listen.host == "0.0.0.0") return {"127.0.0.1", listen.port};
  if (listen.host == "::") return {"::1", listen.port};
  return {listen.host, listen.port};
}

core::Result<Target> find_target(const std::string& url, const std::string& config_file) {
  if (!url.empty()) {
    const auto target = parse_url(url);
    if (!target) return Error{"--url must look like http://127.0.0.1:10187", ""};
    return *target;
  }
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
