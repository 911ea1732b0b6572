#include <algorithm>
#include <cstdio>
#include <thread>

#include <nlohmann/json.hpp>

#include "exporter/base/utf8.hpp"
#include "exporter/cli/commands.hpp"
#include "exporter/cli/ops_target.hpp"
#include "exporter/cli/printed.hpp"
#include "exporter/cli/status_table.hpp"
#include "exporter/net/http_client.hpp"

namespace rpoguard::cli {
namespace {

using base::Error;
using base::Result;
using nlohmann::json;

constexpr const char* kViewPath = "/api/v1/view";
constexpr const char* kLifePath = "/livez";
constexpr std::chrono::seconds kWatchInterval{1};

base::Result<net::HttpAnswer> ask(const StatusOptions& options, const Target& target,
                                  const char* path) {
  auto request = request_to(target, options.access);
  if (!request) return request.error();
  net::HttpGet get = std::move(request).value();
  get.path = path;
  return net::http_get(get);
}

const char* hint_on(int status) {
  if (status == 401) return "give --user-file";
  return status == 421 ? "put this name into its listen.ops_hosts" : "is it rpoguard?";
}

Result<std::string> fetch_view(const StatusOptions& options, const Target& target) {
  const auto answer = ask(options, target, kViewPath);
  if (!answer) return Error{answer.error().message, "is `rpoguard serve` running?"};
  if (answer.value().status != 200)
    return Error{address_of(target) + " answers " + std::to_string(answer.value().status),
                 hint_on(answer.value().status)};
  return answer.value().body;
}

// Whoever answers at that address may be anybody.
bool make_fit_to_be_seen(int, json::parse_event_t event, json& parsed) {
  constexpr std::size_t kTextBytesMax = 4096;
  if (event == json::parse_event_t::value && parsed.is_string())
    parsed = base::foreign_text(parsed.get<std::string>(), kTextBytesMax);
  return true;
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
    json view = json::parse(body, make_fit_to_be_seen);
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

int show_life(const StatusOptions& options, const Target& target) {
  const auto answer = ask(options, target, kLifePath);
  if (answer) {
    std::fputs(printed(answer.value().body).c_str(), stdout);
    return answer.value().status == 200 ? 0 : 1;
  }
  std::fprintf(stderr, "rpoguard status: %s\n", answer.error().message.c_str());
  return kUnreachable;
}

int show_once(const StatusOptions& options, const Target& target) {
  const auto body = fetch_view(options, target);
  if (body) return show(options, body.value());
  std::fprintf(stderr, "rpoguard status: %s (%s)\n", body.error().message.c_str(),
               body.error().hint.c_str());
  return kUnreachable;
}

}  // namespace

int status(const StatusOptions& options) {
  // Who says how to be let in means the ops listener.
  const bool anybody = options.access.ca_file.empty() && options.access.user_file.empty();
  const auto target = options.live && anybody ? find_life_target(options.url, options.config_file)
                                              : find_target(options.url, options.config_file);
  if (!target) {
    std::fprintf(stderr, "rpoguard status: %s\n", target.error().message.c_str());
    return kUnreachable;
  }
  if (options.live) return show_life(options, target.value());
  for (;;) {
    if (options.watch && options.color) std::fputs("\x1b[H\x1b[2J", stdout);
    const int outcome = show_once(options, target.value());
    if (!options.watch) return outcome;
    std::fflush(stdout);
    std::this_thread::sleep_for(kWatchInterval);
  }
}

}  // namespace rpoguard::cli
