#include "exporter/observe/system/worker_pool.hpp"

#include <deque>
#include <utility>

#include "exporter/base/mutex.hpp"

namespace rpoguard::observe {

// What the threads may touch: they own it.
struct WorkerPool::Shared {
  explicit Shared(std::size_t most) : threads_max(most) {}

  void work();

  const std::size_t threads_max;
  base::Mutex mutex;
  base::Condition changed;
  std::deque<std::function<void()>> jobs GUARDED_BY(mutex);
  std::size_t threads GUARDED_BY(mutex) = 0;
  std::size_t idle GUARDED_BY(mutex) = 0;
  bool closed GUARDED_BY(mutex) = false;
};

WorkerPool::WorkerPool(std::size_t threads_max, std::chrono::milliseconds patience)
    : patience_(patience), shared_(std::make_shared<Shared>(threads_max)) {}

WorkerPool::~WorkerPool() {
  std::deque<std::function<void()>> dropped;
  {
    const base::MutexLock lock(shared_->mutex);
    shared_->closed = true;
    dropped.swap(shared_->jobs);
    shared_->changed.notify_all();
  }
  threads_.wait_for_end(patience_);
}

void WorkerPool::run(std::function<void()> job) {
  const base::MutexLock lock(shared_->mutex);
  shared_->jobs.push_back(std::move(job));
  if (shared_->idle < shared_->jobs.size() && shared_->threads < shared_->threads_max) {
    threads_.start([shared = shared_] { shared->work(); });
    ++shared_->threads;
  } else {
    shared_->changed.notify_all();
  }
}

void WorkerPool::Shared::work() {
  base::MutexLock lock(mutex);
  while (true) {
    ++idle;
    changed.wait(lock, [this]() REQUIRES(mutex) { return closed || !jobs.empty(); });
    --idle;
    if (closed) return;
    auto job = std::move(jobs.front());
    jobs.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace rpoguard::observe
