#include "exporter/notify/alertmanager.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rpoguard::notify {
namespace {

TEST(Alertmanager, gets_the_labels_that_prometheus_would_send) {
  AlertBook::Message message;
  message.alert.labels = {
      {"alertname", "RPOGuardSplitBrain"}, {"severity", "critical"}, {"shard", "184"}};
  message.alert.summary = "two writers";
  message.alert.description = "bad \xff text";
  message.starts = core::WallTime(std::chrono::seconds(1));
  message.ends = core::WallTime(std::chrono::seconds(61));
  const auto body = nlohmann::json::parse(
      render_alerts({message}, {{"job", "rpoguard"}, {"instance", "10.0.0.1:10187"}}));
  ASSERT_EQ(body.size(), 1U);
  EXPECT_EQ(body[0]["labels"], (nlohmann::json{{"alertname", "RPOGuardSplitBrain"},
                                               {"severity", "critical"},
                                               {"shard", "184"},
                                               {"job", "rpoguard"},
                                               {"instance", "10.0.0.1:10187"}}));
  EXPECT_EQ(body[0]["annotations"]["summary"], "two writers");
  EXPECT_EQ(body[0]["annotations"]["runbook_url"], "rules/RUNBOOKS.md#rpoguardsplitbrain");
  EXPECT_EQ(body[0]["startsAt"], "1970-01-01T00:00:01.000Z");
  EXPECT_EQ(body[0]["endsAt"], "1970-01-01T00:01:01.000Z");
}

}  // namespace
}  // namespace rpoguard::notify
