// Pushes alerts to Alertmanager's v2 API.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "exporter/notify/alert_book.hpp"
#include "exporter/notify/attempt.hpp"

namespace rpoguard::notify {

/// The body of POST /api/v2/alerts: `labels` are added to those of every alert. Pure.
std::string render_alerts(const std::vector<AlertBook::Message>& messages,
                          const std::map<std::string, std::string>& labels);

/// Makes one try. Blocks; thread-safe.
Attempt push_alerts(const core::HookSpec& hook, const std::vector<AlertBook::Message>& messages);

}  // namespace rpoguard::notify
