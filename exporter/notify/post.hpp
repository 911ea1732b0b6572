// POST for hooks: the request put together, and what an answer means. Blocks; thread-safe.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "exporter/core/model/hook.hpp"
#include "exporter/net/http_client.hpp"
#include "exporter/notify/attempt.hpp"

namespace rpoguard::notify {

/// To the hook's url with `path` added to its own. Follows no redirect. The token is read anew.
Attempt post(const core::HookSpec& hook, const std::string& path,
             const std::vector<std::pair<std::string, std::string>>& headers,
             const std::string& body);

/// What came of it. 2xx is delivered. No answer, 5xx, 408, 425 and 429 may be better later; any
/// other answer, a redirect too, will not. Retry-After is heeded in seconds, up to an hour.
Attempt judge(const std::variant<net::HttpAnswer, net::HttpFailure>& outcome);

}  // namespace rpoguard::notify
