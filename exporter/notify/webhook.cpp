#include "exporter/notify/webhook.hpp"

#include <string>
#include <utility>
#include <vector>

#include "exporter/config/secret.hpp"
#include "exporter/notify/post.hpp"
#include "exporter/notify/sign.hpp"

namespace rpoguard::notify {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

Attempt deliver(const core::HookSpec& hook, const Notice& notice, core::WallTime now) {
  const std::string& id = notice.recorded.id;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  Headers headers{{"webhook-id", id}, {"webhook-timestamp", std::to_string(seconds)}};
  if (!hook.secret_file.empty()) {
    const auto secret = config::read_password({.file = hook.secret_file, .env = {}});
    // The file may be replaced this moment: unsigned it never goes out.
    if (!secret) return {Outcome::retry, secret.error().message};
    const auto keys = parse_signing_keys(secret.value().reveal());
    if (!keys) return {Outcome::retry, keys.error().message};
    headers.emplace_back("webhook-signature", sign(keys.value(), id, seconds, notice.json));
  }
  return post(hook, "", headers, notice.json);
}

}  // namespace

Deliver webhook(std::shared_ptr<const core::Clock> clock) {
  return
      [clock = std::move(clock)](const core::HookSpec& hook, const Notice& notice, const Stopped&) {
        return deliver(hook, notice, clock->wall());
      };
}

}  // namespace rpoguard::notify
