// Writes the lines of the log on a thread of its own: whoever reads them may be slow, or stuck.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "exporter/base/detached_threads.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::run {

/// Thread-safe. Lines come out whole and in their order.
class LogWriter {
 public:
  /// What is written in the place of so many lines that were dropped.
  using RenderDropped = std::function<std::string(std::uint64_t)>;

  /// Writes to `descriptor`, which stays open. It starts a thread: throws std::system_error when
  /// there is none to be had.
  LogWriter(int descriptor, RenderDropped render_dropped,
            std::size_t bytes_max = core::limits::kLogBytesWaitingMax);
  /// What waits is still written, unless the process ends before.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// Never waits for the reader: beyond `bytes_max` of lines that wait the oldest are dropped.
  void write(std::string line);
  /// Lines that nobody will read: dropped, or refused by the descriptor.
  std::uint64_t dropped() const;
  /// Waits until all is written; false: `patience` is over before.
  bool flush(std::chrono::nanoseconds patience);

 private:
  class Shared;
  std::shared_ptr<Shared> shared_;  // the thread may outlive this: it may be stuck in write()
  base::DetachedThreads thread_;
};

}  // namespace rpoguard::run
