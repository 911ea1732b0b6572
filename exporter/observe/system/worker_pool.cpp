#include "exporter/observe/system/worker_pool.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace rpoguard::observe {

// What the threads may touch. They are detached and own it.
struct WorkerPool::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> jobs;
  std::size_t threads_max = 0;
  std::size_t threads = 0;
  std::size_t idle = 0;
  bool closed = false;
};

WorkerPool::WorkerPool(std::size_t threads_max) : shared_(std::make_shared<Shared>()) {
  shared_->threads_max = threads_max;
}

WorkerPool::~WorkerPool() {
  std::unique_lock lock(shared_->mutex);
  shared_->closed = true;
  const auto dropped = std::exchange(shared_->jobs, {});
  shared_->changed.notify_all();
  shared_->changed.wait_for(lock, kPatience, [this] { return shared_->threads == 0; });
}

void WorkerPool::run(std::function<void()> job) {
  const std::lock_guard lock(shared_->mutex);
  shared_->jobs.push_back(std::move(job));
  if (shared_->idle < shared_->jobs.size() && shared_->threads < shared_->threads_max) {
    ++shared_->threads;
    std::thread([shared = shared_] { work(shared); }).detach();
  } else {
    shared_->changed.notify_all();
  }
}

void WorkerPool::work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (true) {
    ++shared->idle;
    shared->changed.wait(lock, [&] { return shared->closed || !shared->jobs.empty(); });
    --shared->idle;
    if (shared->closed) break;
    const auto job = std::move(shared->jobs.front());
    shared->jobs.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
  --shared->threads;
  shared->changed.notify_all();
}

}  // namespace rpoguard::observe
