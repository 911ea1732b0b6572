#include "exporter/notify/queue.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "exporter/core/model/limits.hpp"

namespace rpoguard::notify {
namespace {

using namespace std::chrono_literals;

Notice notice(std::size_t number) {
  Notice made;
  made.recorded.id = std::to_string(number);
  return made;
}

TEST(HookQueueTest, hands_out_in_order_and_counts) {
  HookQueue queue;
  queue.put(notice(1));
  queue.put(notice(2));
  EXPECT_EQ(queue.stats().queued, 2U);
  EXPECT_EQ(queue.next()->recorded.id, "1");
  EXPECT_EQ(queue.stats().queued, 2U) << "one waits, one is under way";
  queue.done(true);
  EXPECT_EQ(queue.next()->recorded.id, "2");
  queue.done(false);
  EXPECT_EQ(queue.stats(), (core::HookStats{.delivered = 1, .failed = 1}));
}

TEST(HookQueueTest, drops_the_oldest_that_waits_and_says_so) {
  HookQueue queue;
  queue.put(notice(0));
  EXPECT_EQ(queue.next()->recorded.id, "0");
  const std::size_t most = core::limits::kHookQueueMax;
  for (std::size_t i = 1; i <= most; ++i) EXPECT_FALSE(queue.put(notice(i)));
  for (std::size_t i = 1; i <= 3; ++i)
    EXPECT_EQ(queue.put(notice(most + i))->recorded.id, std::to_string(i));
  EXPECT_EQ(queue.stats().dropped, 3U);
  EXPECT_EQ(queue.stats().queued, most + 1);
  queue.done(true);
  EXPECT_EQ(queue.next()->recorded.id, "4");
}

TEST(HookQueueTest, drained_gives_what_it_has_and_waits_for_nothing) {
  HookQueue queue;
  queue.put(notice(1));
  queue.drain();
  EXPECT_TRUE(queue.next());
  EXPECT_FALSE(queue.wait(1h));
  queue.done(false);
  EXPECT_FALSE(queue.next());
  EXPECT_FALSE(queue.halted());
}

TEST(HookQueueTest, halted_gives_nothing_and_wakes_who_waits) {
  HookQueue queue;
  queue.put(notice(1));
  queue.put(notice(2));
  ASSERT_TRUE(queue.next());
  bool again = true;
  std::thread waiting([&] { again = queue.wait(1h); });
  EXPECT_EQ(queue.halt().at(0).recorded.id, "2");
  waiting.join();
  EXPECT_FALSE(again);
  EXPECT_TRUE(queue.halted());
  queue.done(false);
  EXPECT_FALSE(queue.next());
  EXPECT_EQ(queue.put(notice(3))->recorded.id, "3");
  EXPECT_EQ(queue.stats(), (core::HookStats{.failed = 1, .dropped = 1}));
}

TEST(HookQueueTest, counts_a_wait_that_ends_as_a_retry) {
  HookQueue queue;
  EXPECT_TRUE(queue.wait(1ms));
  EXPECT_EQ(queue.stats().retries, 1U);
}

}  // namespace
}  // namespace rpoguard::notify
