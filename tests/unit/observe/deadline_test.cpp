#include "exporter/observe/system/deadline.hpp"

#include <asio/post.hpp>
#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, calls_back_once_when_the_time_is_over) {
  asio::io_context loop;
  Deadline deadline(loop);
  int late = 0;
  deadline.arm(1ms, [&] { ++late; });
  loop.run();
  EXPECT_EQ(late, 1);
}

TEST(Deadline, armed_anew_or_cancelled_it_forgets_the_callback) {
  asio::io_context loop;
  Deadline deadline(loop);
  int first = 0;
  int second = 0;
  deadline.arm(1ms, [&] { ++first; });
  deadline.arm(2ms, [&] { ++second; });
  loop.run();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  loop.restart();
  deadline.arm(1ms, [&] { ++first; });
  deadline.cancel();
  loop.run();
  EXPECT_EQ(first, 0);
}

TEST(Deadline, a_callback_that_is_queued_already_is_dropped_too) {
  asio::io_context loop;
  Deadline both_due(loop);
  Deadline other(loop);
  int late = 0;
  // Both are due when the loop looks at its timers: whichever comes first cancels the other.
  both_due.arm(core::Duration::zero(), [&] {
    ++late;
    other.cancel();
  });
  other.arm(core::Duration::zero(), [&] {
    ++late;
    both_due.cancel();
  });
  loop.run();
  EXPECT_EQ(late, 1);
}

}  // namespace
}  // namespace rpoguard::observe
