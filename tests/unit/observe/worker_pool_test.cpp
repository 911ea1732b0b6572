#include "exporter/observe/system/worker_pool.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"

namespace rpoguard::observe {
namespace {

using namespace std::chrono_literals;

/// Jobs that hang until they are let go.
struct Gate {
  std::promise<void> release;
  std::shared_future<void> released{release.get_future()};
  std::shared_ptr<std::atomic<int>> started = std::make_shared<std::atomic<int>>(0);

  std::function<void()> job() const {
    return [released = released, started = started] {
      ++*started;
      released.wait();
    };
  }
};

TEST(WorkerPool, runs_as_many_jobs_at_once_as_it_may) {
  Gate gate;
  WorkerPool pool(3);
  for (int i = 0; i < 5; ++i) pool.run(gate.job());
  EXPECT_TRUE(test::eventually(10s, [&] { return *gate.started == 3; }));
  EXPECT_TRUE(test::holds_for(50ms, [&] { return *gate.started == 3; }));
  gate.release.set_value();
  EXPECT_TRUE(test::eventually(10s, [&] { return *gate.started == 5; }));
}

TEST(WorkerPool, uses_its_threads_again) {
  WorkerPool pool(2);
  for (int i = 0; i < 200; ++i) {
    std::promise<void> done;
    pool.run([&] { done.set_value(); });
    ASSERT_EQ(done.get_future().wait_for(10s), std::future_status::ready) << i;
  }
}

TEST(WorkerPool, leaves_a_job_that_hangs_alone_and_drops_what_waits) {
  Gate gate;
  auto ran = std::make_shared<std::atomic<bool>>(false);
  {
    WorkerPool pool(1);
    pool.run(gate.job());
    pool.run([ran] { *ran = true; });
    ASSERT_TRUE(test::eventually(10s, [&] { return *gate.started == 1; }));
  }  // returns although the job does not
  const auto job_gone = [&] { return gate.started.use_count() == 1; };
  EXPECT_FALSE(job_gone());
  gate.release.set_value();
  EXPECT_TRUE(test::eventually(10s, job_gone));
  EXPECT_FALSE(*ran);
}

}  // namespace
}  // namespace rpoguard::observe
