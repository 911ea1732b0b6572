#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <thread>

#include <nlohmann/json.hpp>

#include "exporter/cli/commands.hpp"
#include "exporter/cli/status_table.hpp"
#include "exporter/config/load.hpp"
#include "exporter/net/http_client.hpp"

namespace rpoguard::cli {
namespace {

using core::Error;
using core::Result;
using nlohmann::json;

constexpr int kUnreachable = 2;
constexpr const char* kViewPath = "/api/v1/view";
constexpr std::chrono::seconds kWatchInterval{1};

struct Target {
  std::string host;
  std::uint16_t port = 0;
};

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

// A listener on every address is asked on the loopback.
Target target_of(const core::ListenSpec& listen) {
  if (listen.host == "0.0.0.0") return {"127.0.0.1", listen.port};
  if (listen.host == "::") return {"::1", listen.port};
  return {listen.host, listen.port};
}

Result<Target> find_target(const StatusOptions& options) {
  if (!options.url.empty()) {
    const auto target = parse_url(options.url);
    if (!target) return Error{"--url must look like http://127.0.0.1:10187", ""};
    return *target;
  }
  if (options.config_file.empty()) return target_of(core::Spec{}.ops);
  const config::Loaded loaded = config::load_file(options.config_file);
  if (!loaded.spec) {
    return Error{loaded.diagnostics.empty() ? "no configuration"
                                            : config::render(loaded.diagnostics.front()),
                 ""};
  }
  return target_of(loaded.spec->ops);
}

Result<std::string> fetch_view(const Target& target) {
  const auto answer = net::http_get({.host = target.host, .port = target.port, .path = kViewPath});
  if (!answer) return Error{answer.error().message, "is `rpoguard serve` running?"};
  if (answer.value().status != 200)
    return Error{"it answers " + std::to_string(answer.value().status), ""};
  return answer.value().body;
}

bool has_shard(const json& view, const std::string& id) {
  return std::ranges::any_of(view.at("shards"),
                             [&](const json& shard) { return shard.at("shard") == id; });
}

bool all_usable(const json& view, const std::string& only) {
  return std::ranges::all_of(view.at("shards"), [&](const json& shard) {
    return (!only.empty() && shard.at("shard") != only) || shard.at("writes_usable").get<bool>();
  });
}

void keep_only(json& view, const std::string& id) {
  json kept = json::array();
  for (const json& shard : view.at("shards")) {
    if (shard.at("shard") == id) kept.push_back(shard);
  }
  view["shards"] = std::move(kept);
}

int show(const StatusOptions& options, const std::string& body) {
  try {
    json view = json::parse(body);
    if (!options.shard.empty() && !has_shard(view, options.shard)) {
      std::fprintf(stderr, "rpoguard status: there is no shard \"%s\"\n", options.shard.c_str());
      return kUnreachable;
    }
    if (options.json) {
      if (!options.shard.empty()) keep_only(view, options.shard);
      std::printf("%s\n", view.dump(2).c_str());
    } else {
      std::fputs(render_status(view, {options.shard, options.color}).c_str(), stdout);
    }
    return all_usable(view, options.shard) ? 0 : 1;
  } catch (const json::exception&) {
    std::fprintf(stderr, "rpoguard status: the answer is not a view of rpoguard\n");
    return kUnreachable;
  }
}

int show_once(const StatusOptions& options, const Target& target) {
  const auto body = fetch_view(target);
  if (body) return show(options, body.value());
  std::fprintf(stderr, "rpoguard status: no view from %s:%u: %s (%s)\n", target.host.c_str(),
               unsigned{target.port}, body.error().message.c_str(), body.error().hint.c_str());
  return kUnreachable;
}

}  // namespace

int status(const StatusOptions& options) {
  const auto target = find_target(options);
  if (!target) {
    std::fprintf(stderr, "rpoguard status: %s\n", target.error().message.c_str());
    return kUnreachable;
  }
  for (;;) {
    if (options.watch && options.color) std::fputs("\x1b[H\x1b[2J", stdout);
    const int outcome = show_once(options, target.value());
    if (!options.watch) return outcome;
    std::fflush(stdout);
    std::this_thread::sleep_for(kWatchInterval);
  }
}

}  // namespace rpoguard::cli
