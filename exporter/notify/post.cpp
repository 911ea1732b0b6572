#include "exporter/notify/post.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "exporter/base/number.hpp"
#include "exporter/config/secret.hpp"
#include "exporter/core/model/limits.hpp"
#include "exporter/core/model/url.hpp"

namespace rpoguard::notify {
namespace {

constexpr core::Duration kRetryAfterMax = std::chrono::hours(1);

std::optional<core::Duration> parse_retry_after(std::string_view text) {
  const auto seconds = base::parse_number<unsigned>(text);
  if (!seconds) return std::nullopt;
  return std::min<core::Duration>(std::chrono::seconds(*seconds), kRetryAfterMax);
}

}  // namespace

Attempt judge(const std::variant<net::HttpAnswer, net::HttpFailure>& outcome) {
  if (const auto* failure = std::get_if<net::HttpFailure>(&outcome)) {
    const bool final = *failure == net::HttpFailure::bad_token;
    return {final ? Outcome::failed : Outcome::retry, net::text_of(*failure)};
  }
  const auto& answer = std::get<net::HttpAnswer>(outcome);
  const int status = answer.status;
  const std::string note = "it answers " + std::to_string(status);
  if (status >= 200 && status < 300) return {Outcome::delivered, note};
  constexpr std::array kLater{408, 425, 429};
  const bool later = status >= 500 || std::ranges::find(kLater, status) != kLater.end();
  if (later) return {Outcome::retry, note, parse_retry_after(answer.retry_after)};
  return {Outcome::failed, status >= 300 && status < 400 ? note + ", a redirect" : note};
}

Attempt post(const core::HookSpec& hook, const std::string& path,
             const std::vector<std::pair<std::string, std::string>>& headers,
             const std::string& body) {
  const auto url = core::split_url(hook.url);
  if (!url) return {Outcome::failed, url.error().message};
  const auto token = config::read_password({.file = hook.token_file, .env = {}});
  if (!token) return {Outcome::retry, token.error().message};
  net::HttpPost request;
  request.to.host = url.value().host;
  request.to.port = url.value().port;
  request.to.path = url.value().target;
  if (!path.empty()) {
    while (request.to.path.ends_with('/')) request.to.path.pop_back();
    request.to.path += path;
  }
  request.to.timeout = std::chrono::ceil<std::chrono::milliseconds>(hook.timeout);
  request.to.body_bytes_max = core::limits::kHookAnswerBytesMax;
  request.to.tls = url.value().tls;
  request.to.ca_file = hook.ca_file;
  request.to.bearer_token = token.value().reveal();
  request.headers = headers;
  request.body = body;
  return judge(net::http_post(request));
}

}  // namespace rpoguard::notify
