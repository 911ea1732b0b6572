// Hooks against receivers on the wire: good, slow, dead, redirecting, and far too many events.
#include "exporter/notify/hooks.hpp"

#include <atomic>
#include <mutex>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "exporter/core/model/limits.hpp"
#include "exporter/notify/sign.hpp"
#include "exporter/notify/webhook.hpp"
#include "exporter/run/system_clock.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
using core::EventKind;
using core::HookSpec;

constexpr auto kDeadline = 20s;

class HooksTest : public ::testing::Test {
 protected:
  HooksTest() {
    notify::Parts parts;
    parts.clock = clock_;
    parts.deliver[core::HookType::webhook] = notify::webhook(clock_);
    parts.report = [log = log_](const notify::DeliveryNote& report) {
      const std::lock_guard lock(log->mutex);
      log->reports.push_back(report);
    };
    hooks_ = std::make_unique<notify::Hooks>(std::move(parts));
  }

  HookSpec webhook_to(const std::string& url, const std::string& name = "pager") const {
    HookSpec hook;
    hook.name = name;
    hook.url = url;
    hook.timeout = 2s;
    return hook;
  }
  void publish(const std::string& id, EventKind kind = EventKind::gate_closed) {
    notify::Notice notice;
    notice.recorded.id = id;
    notice.recorded.event.kind = kind;
    notice.json = "{\"id\":\"" + id + "\"}";
    notice.happened = clock_->now();
    hooks_->publish(notice);
  }
  core::HookStats stats(std::size_t hook = 0) const { return hooks_->stats().at(hook); }
  bool delivered(std::uint64_t count, std::size_t hook = 0) const {
    return eventually(kDeadline, [&] { return stats(hook).delivered == count; });
  }
  bool failed(std::uint64_t count) const {
    return eventually(kDeadline, [&] { return stats().failed == count; });
  }
  std::vector<notify::DeliveryNote> reports() const {
    const std::lock_guard lock(log_->mutex);
    return log_->reports;
  }
  // The value of a header of the last request; empty if it is not there.
  static std::string header(const JsonServer& receiver, const std::string& name) {
    const std::string head = receiver.last_request() + "\r\n";
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t start = at + name.size() + 4;
    return head.substr(start, head.find("\r\n", start) - start);
  }

  struct Log {
    std::mutex mutex;
    std::vector<notify::DeliveryNote> reports;
  };
  const std::shared_ptr<run::SystemClock> clock_ = std::make_shared<run::SystemClock>();
  const std::shared_ptr<Log> log_ = std::make_shared<Log>();
  TempDir dir_;
  std::unique_ptr<notify::Hooks> hooks_;
};

TEST_F(HooksTest, a_webhook_posts_the_event_signed) {
  JsonServer receiver("{}");
  const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  write_file(dir_ / "secret", secret + "\n");
  HookSpec hook = webhook_to(receiver.url("/in?a=b"));
  hook.secret_file = dir_ / "secret";
  hooks_->apply({hook});
  publish("7-1");
  ASSERT_TRUE(delivered(1));
  EXPECT_TRUE(receiver.last_request().starts_with("POST /in?a=b HTTP/1.1\r\n"));
  EXPECT_EQ(receiver.bodies(), std::vector<std::string>{"{\"id\":\"7-1\"}"});
  EXPECT_EQ(header(receiver, "Content-Type"), "application/json");
  EXPECT_EQ(header(receiver, "webhook-id"), "7-1");
  const std::int64_t time = std::stoll(header(receiver, "webhook-timestamp"));
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_->wall().time_since_epoch());
  EXPECT_NEAR(static_cast<double>(time), static_cast<double>(now.count()), 60);
  EXPECT_EQ(
      header(receiver, "webhook-signature"),
      notify::sign(notify::parse_signing_keys(secret).value(), "7-1", time, "{\"id\":\"7-1\"}"));
}

TEST_F(HooksTest, a_webhook_without_its_secret_never_goes_out_unsigned) {
  JsonServer receiver("{}");
  HookSpec hook = webhook_to(receiver.url());
  hook.secret_file = dir_ / "secret";
  hooks_->apply({hook});
  publish("7-1");
  ASSERT_TRUE(eventually(kDeadline, [&] { return stats().retries > 0; }));
  EXPECT_EQ(receiver.requests(), 0);
  write_file(dir_ / "secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
  EXPECT_TRUE(delivered(1)) << "the file is read again at each try";
}

TEST_F(HooksTest, a_failing_receiver_gets_it_again_with_the_same_id) {
  JsonServer receiver("{}");
  receiver.say_status("503 Service Unavailable");
  hooks_->apply({webhook_to(receiver.url())});
  publish("7-1");
  ASSERT_TRUE(eventually(kDeadline, [&] { return receiver.requests() >= 2; }));
  EXPECT_EQ(stats().delivered, 0U);
  receiver.say("{}");
  ASSERT_TRUE(delivered(1));
  EXPECT_EQ(header(receiver, "webhook-id"), "7-1");
  EXPECT_GE(stats().retries, 2U);
  const auto all = reports();
  ASSERT_EQ(all.size(), 2U) << "one line for the first failure, one for the end";
  EXPECT_EQ(all[0].attempt.outcome, notify::Outcome::retry);
  EXPECT_EQ(all[1].attempt.outcome, notify::Outcome::delivered);
  EXPECT_GE(all[1].tries, 3U);
}

TEST_F(HooksTest, retry_after_is_heeded) {
  JsonServer receiver("{}");
  receiver.say_status("429 Too Many Requests\r\nRetry-After: 2");
  hooks_->apply({webhook_to(receiver.url())});
  const auto begun = clock_->now();
  publish("7-1");
  ASSERT_TRUE(eventually(kDeadline, [&] { return receiver.requests() == 1; }));
  receiver.say("{}");
  ASSERT_TRUE(delivered(1));
  EXPECT_GE(clock_->now() - begun, 2s);
  EXPECT_EQ(receiver.requests(), 2);
}

TEST_F(HooksTest, a_redirect_is_not_followed_nor_tried_again) {
  JsonServer elsewhere("{}");
  JsonServer receiver("{}");
  receiver.say_status("302 Found\r\nLocation: " + elsewhere.url());
  hooks_->apply({webhook_to(receiver.url())});
  publish("7-1");
  ASSERT_TRUE(failed(1));
  EXPECT_EQ(receiver.requests(), 1);
  EXPECT_EQ(elsewhere.requests(), 0);
}

TEST_F(HooksTest, what_is_too_old_is_given_up) {
  JsonServer receiver("{}");
  receiver.say_status("500 Internal Server Error");
  HookSpec hook = webhook_to(receiver.url());
  hook.give_up_after = 0s;
  hooks_->apply({hook});
  publish("7-1");
  ASSERT_TRUE(failed(1));
  EXPECT_EQ(receiver.requests(), 1);
  EXPECT_EQ(reports().back().attempt.note, "it answers 500; given up");
}

TEST_F(HooksTest, a_silent_receiver_delays_neither_the_caller_nor_another_hook) {
  JsonServer silent("{}");
  silent.fall_silent();
  JsonServer receiver("{}");
  hooks_->apply({webhook_to(silent.url(), "silent"),
                 webhook_to("http://127.0.0.1:" + std::to_string(free_port()), "dead"),
                 webhook_to(receiver.url(), "good")});
  const auto begun = clock_->now();
  for (int i = 1; i <= 100; ++i) publish("7-" + std::to_string(i));
  EXPECT_LT(clock_->now() - begun, 1s);
  ASSERT_TRUE(delivered(100, 2));
  const auto bodies = receiver.bodies();
  ASSERT_EQ(bodies.size(), 100U);
  EXPECT_EQ(bodies.front(), "{\"id\":\"7-1\"}");
  EXPECT_EQ(bodies.back(), "{\"id\":\"7-100\"}") << "in their order";
  EXPECT_EQ(stats(0).delivered + stats(1).delivered, 0U);
}

TEST_F(HooksTest, a_full_queue_drops_the_oldest) {
  JsonServer silent("{}");
  silent.fall_silent();
  hooks_->apply({webhook_to(silent.url())});
  publish("first");
  ASSERT_TRUE(eventually(kDeadline, [&] { return silent.requests() == 1; }));
  const std::size_t most = core::limits::kHookQueueMax;
  for (std::size_t i = 0; i < most + 10; ++i) publish(std::to_string(i));
  EXPECT_EQ(stats().dropped, 10U);
  EXPECT_EQ(stats().queued, most + 1);
  ASSERT_EQ(reports().size(), 10U) << "each that is lost is named";
  EXPECT_EQ(reports().front().event, "0");
  EXPECT_EQ(reports().back().event, "9");
  EXPECT_EQ(reports().back().kind, EventKind::gate_closed);
  hooks_->apply({});
  const auto lost = [&] {
    const auto all = reports();
    return static_cast<std::size_t>(std::ranges::count_if(
        all, [](const auto& report) { return report.attempt.outcome == notify::Outcome::failed; }));
  };
  EXPECT_TRUE(eventually(kDeadline, [&] { return lost() == most + 11; }))
      << "also those of a hook that is gone";
}

TEST_F(HooksTest, only_the_events_it_wants_reach_a_hook) {
  JsonServer receiver("{}");
  HookSpec hook = webhook_to(receiver.url());
  hook.events = {EventKind::split_brain};
  hooks_->apply({hook});
  publish("7-1", EventKind::gate_closed);
  publish("7-2", EventKind::split_brain);
  ASSERT_TRUE(delivered(1));
  EXPECT_EQ(receiver.bodies(), std::vector<std::string>{"{\"id\":\"7-2\"}"});
}

TEST_F(HooksTest, a_reload_keeps_the_queue_of_what_is_as_before) {
  JsonServer receiver("{}");
  receiver.say_status("503 Service Unavailable");
  const HookSpec kept = webhook_to(receiver.url(), "kept");
  JsonServer other("{}");
  other.say_status("503 Service Unavailable");
  hooks_->apply({webhook_to(other.url(), "gone"), kept});
  publish("7-1");
  ASSERT_TRUE(eventually(kDeadline, [&] { return stats(1).retries > 0; }));
  hooks_->apply({kept, webhook_to(other.url(), "new")});
  EXPECT_GT(stats(0).retries, 0U);
  EXPECT_EQ(stats(1).queued, 0U);
  receiver.say("{}");
  EXPECT_TRUE(delivered(1, 0));
}

TEST_F(HooksTest, ending_delivers_what_can_be_and_waits_for_nobody_else) {
  JsonServer silent("{}");
  silent.fall_silent();
  JsonServer receiver("{}");
  HookSpec slow = webhook_to(silent.url(), "silent");
  slow.timeout = 60s;
  hooks_->apply({slow, webhook_to(receiver.url(), "good")});
  for (int i = 1; i <= 20; ++i) publish("7-" + std::to_string(i));
  ASSERT_TRUE(eventually(kDeadline, [&] { return silent.requests() == 1; }));
  const auto begun = clock_->now();
  hooks_.reset();
  EXPECT_LT(clock_->now() - begun, 10s) << "far less than the time-out of the silent one";
  EXPECT_EQ(receiver.bodies().size(), 20U);
}

TEST_F(HooksTest, an_alertmanager_is_told_at_once_again_after_a_failure_and_of_the_end) {
  JsonServer receiver("{}");
  receiver.say_status("500 Internal Server Error");
  HookSpec hook = webhook_to(receiver.url("/prefix/"));
  hook.type = core::HookType::alertmanager;
  hook.labels = {{"job", "rpoguard"}};
  hooks_->apply({hook});
  const core::Alert alert{{{"alertname", "RPOGuardSplitBrain"}, {"shard", "184"}}, "s", "d", 0s};
  hooks_->set_alerts("184", {alert});
  ASSERT_TRUE(eventually(kDeadline, [&] { return stats().failed > 0; }));
  receiver.say("{}");
  ASSERT_TRUE(delivered(1));
  EXPECT_TRUE(receiver.last_request().starts_with("POST /prefix/api/v2/alerts HTTP/1.1\r\n"));
  hooks_->set_alerts("184", {});
  ASSERT_TRUE(delivered(2));
  const auto last = nlohmann::json::parse(receiver.bodies().back());
  EXPECT_EQ(last[0]["labels"]["job"], "rpoguard");
  EXPECT_LE(last[0]["endsAt"].get<std::string>(), core::render_time(clock_->wall()));
}

}  // namespace
}  // namespace rpoguard::test
