#include "exporter/notify/alertmanager.hpp"

#include <nlohmann/json.hpp>

#include "exporter/base/text.hpp"
#include "exporter/notify/post.hpp"

namespace rpoguard::notify {
namespace {

using nlohmann::json;

constexpr const char* kRunbooks = "rules/RUNBOOKS.md#";

}  // namespace

std::string render_alerts(const std::vector<AlertBook::Message>& messages,
                          const std::map<std::string, std::string>& labels) {
  json body = json::array();
  for (const AlertBook::Message& message : messages) {
    json all = message.alert.labels;
    for (const auto& [name, value] : labels) all[name] = value;
    const std::string name = message.alert.labels.at("alertname");
    body.push_back({{"labels", std::move(all)},
                    {"annotations",
                     {{"summary", message.alert.summary},
                      {"description", message.alert.description},
                      {"runbook_url", kRunbooks + base::lower(name)}}},
                    {"startsAt", core::render_time(message.starts)},
                    {"endsAt", core::render_time(message.ends)}});
  }
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

Attempt push_alerts(const core::HookSpec& hook, const std::vector<AlertBook::Message>& messages) {
  return post(hook, "/api/v2/alerts", {}, render_alerts(messages, hook.labels));
}

}  // namespace rpoguard::notify
