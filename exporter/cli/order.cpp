#include "exporter/cli/order.hpp"

#include <array>
#include <cstdio>

#include <pwd.h>
#include <unistd.h>

#include "exporter/base/percent.hpp"
#include "exporter/cli/printed.hpp"
#include "exporter/config/load.hpp"
#include "exporter/config/secret.hpp"
#include "exporter/net/http_client.hpp"

namespace rpoguard::cli {
namespace {

using base::Result;

constexpr int kRefused = 1;

std::string login_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  const bool known = ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
                     found != nullptr;
  return known ? std::string(found->pw_name) : "uid " + std::to_string(::getuid());
}

// Empty: none is configured.
Result<std::string> read_token(const OrderOptions& options) {
  std::string file = options.token_file;
  if (file.empty() && !options.config_file.empty()) {
    const config::Loaded loaded = config::load_file(options.config_file);
    if (loaded.spec) file = loaded.spec->control_token_file;
  }
  if (file.empty()) return std::string();
  const auto secret = config::read_password({.file = file, .env = {}});
  if (!secret) return secret.error();
  return secret.value().reveal();
}

int fail(const std::string& command, const std::string& problem, int exit_code) {
  std::fprintf(stderr, "rpoguard %s: %s\n", command.c_str(), problem.c_str());
  return exit_code;
}

}  // namespace

std::string order_path(const std::string& verb, const OrderParameters& parameters) {
  std::string path = verb;
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    path += separator + name + "=" + base::percent_encode(value);
    separator = '&';
  }
  return path;
}

std::string who(const OrderOptions& options) {
  return options.by.empty() ? login_name() : options.by;
}

int send_order(const OrderOptions& options, const std::string& command, const std::string& path) {
  const auto target = find_target(options.url, options.config_file);
  if (!target) return fail(command, target.error().message, kUnreachable);
  const auto token = read_token(options);
  if (!token) return fail(command, token.error().message, kRefused);
  net::HttpPost post;
  auto request = request_to(target.value(), options.access);
  if (!request) return fail(command, request.error().message, kRefused);
  post.to = std::move(request).value();
  post.to.path = path;
  post.to.timeout = std::chrono::seconds(10);
  // Both go into the same header; the token is what the verb asks for.
  post.to.bearer_token = token.value();
  if (!token.value().empty()) post.to.credentials.clear();
  const auto outcome = net::http_post(post);
  if (const auto* failure = std::get_if<net::HttpFailure>(&outcome))
    return fail(command,
                "no answer from " + address_of(target.value()) + ": " + net::text_of(*failure) +
                    " (is `rpoguard serve` running?)",
                kUnreachable);
  const auto& answer = std::get<net::HttpAnswer>(outcome);
  std::string text = printed(answer.body);
  if (text.ends_with('\n')) text.pop_back();
  if (answer.status != 200) return fail(command, text, kRefused);
  std::printf("%s\n", text.c_str());
  return 0;
}

}  // namespace rpoguard::cli
