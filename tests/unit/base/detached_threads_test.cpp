#include "exporter/base/detached_threads.hpp"

#include <atomic>
#include <future>
#include <memory>

#include <gtest/gtest.h>

namespace rpoguard::base {
namespace {

using namespace std::chrono_literals;

TEST(DetachedThreads, have_all_ended_when_none_was_started) {
  EXPECT_TRUE(DetachedThreads().wait_for_end(0ms));
}

TEST(DetachedThreads, are_waited_for_with_all_that_their_bodies_own) {
  DetachedThreads threads;
  const auto owned = std::make_shared<std::atomic<int>>(0);
  for (int i = 0; i < 5; ++i) threads.start([owned] { ++*owned; });
  ASSERT_TRUE(threads.wait_for_end(10s));
  EXPECT_EQ(*owned, 5);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(DetachedThreads, that_hang_are_left_alone_and_may_outlive_their_owner) {
  std::promise<void> release;
  std::promise<void> ended;
  {
    DetachedThreads threads;
    threads.start([released = release.get_future().share(), &ended] {
      released.wait();
      ended.set_value();
    });
    EXPECT_FALSE(threads.wait_for_end(1ms));
  }  // returns although the thread does not
  release.set_value();
  EXPECT_EQ(ended.get_future().wait_for(10s), std::future_status::ready);
}

}  // namespace
}  // namespace rpoguard::base
