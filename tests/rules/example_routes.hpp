// rules/alertmanager.example.yml for tests: people are replaced by a webhook.
#pragma once

#include <cstdint>
#include <string>

namespace rpoguard::test {

/// Path of the example.
std::string example_routes();

/// The example with its routes and its inhibition, and webhooks on `port` for receivers, by their
/// names as paths. It waits for tickets no longer than for pages, and tells of the end of an alert
/// after `group_interval`: nobody can wait for minutes.
std::string with_webhooks(std::uint16_t port, const std::string& group_interval = "5m",
                          const std::string& group_wait = "10s");

}  // namespace rpoguard::test
