#include "exporter/base/mutex.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace rpoguard::base {
namespace {

using namespace std::chrono_literals;

class Counter {
 public:
  void add() {
    const MutexLock lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  bool wait_for(int count, std::chrono::nanoseconds time) {
    MutexLock lock(mutex_);
    return changed_.wait_for(lock, time, [&]() REQUIRES(mutex_) { return count_ >= count; });
  }
  void wait(int count) {
    MutexLock lock(mutex_);
    changed_.wait(lock, [&]() REQUIRES(mutex_) { return count_ >= count; });
  }
  int count_after_a_pause() {
    MutexLock lock(mutex_);
    lock.unlock();
    add();
    lock.lock();
    return count_;
  }

 private:
  Mutex mutex_;
  Condition changed_;
  int count_ GUARDED_BY(mutex_) = 0;
};

TEST(Mutex, one_thread_at_a_time_and_the_others_hear_of_it) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) counter.add();
    });
  counter.wait(1);
  EXPECT_TRUE(counter.wait_for(4000, 60s));
  EXPECT_FALSE(counter.wait_for(4001, 1ms));
  for (std::thread& thread : threads) thread.join();
}

TEST(Mutex, may_be_left_for_a_while) {
  Counter counter;
  EXPECT_EQ(counter.count_after_a_pause(), 1);
}

}  // namespace
}  // namespace rpoguard::base
