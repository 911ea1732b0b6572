// Threads for calls that block.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "exporter/base/detached_threads.hpp"

namespace rpoguard::observe {

/// Threads are started when needed and kept. Jobs must own what they use: one that hangs may
/// outlive the pool. Not thread-safe.
class WorkerPool {
 public:
  /// How long the destructor waits for running jobs, unless told otherwise.
  static constexpr std::chrono::milliseconds kPatience{50};

  explicit WorkerPool(std::size_t threads_max, std::chrono::milliseconds patience = kPatience);
  /// Drops what waits; a job that goes on after the patience is left alone.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void run(std::function<void()> job);

 private:
  struct Shared;

  const std::chrono::milliseconds patience_;
  const std::shared_ptr<Shared> shared_;
  base::DetachedThreads threads_;
};

}  // namespace rpoguard::observe
