#include "exporter/run/log_writer.hpp"

#include <cerrno>
#include <deque>
#include <string_view>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "exporter/base/mutex.hpp"

namespace rpoguard::run {
namespace {

// False: the descriptor takes no more, whoever waits. It may have been made non-blocking by another
// process that shares it, and then a full pipe is no error.
bool write_whole(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count > 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      pollfd ready{descriptor, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (count == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

class LogWriter::Shared {
 public:
  Shared(int descriptor, RenderDropped render_dropped, std::size_t bytes_max)
      : descriptor_(descriptor),
        render_dropped_(std::move(render_dropped)),
        bytes_max_(bytes_max) {}

  void put(std::string line) {
    const base::MutexLock lock(mutex_);
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    while (bytes_ > bytes_max_ && !lines_.empty()) drop_oldest();
    changed_.notify_all();
  }

  std::uint64_t dropped() const {
    const base::MutexLock lock(mutex_);
    return dropped_;
  }

  bool wait_until_written(std::chrono::nanoseconds patience) {
    base::MutexLock lock(mutex_);
    return changed_.wait_for(lock, patience,
                             [this]() REQUIRES(mutex_) { return lines_.empty() && !under_way_; });
  }

  void end() {
    const base::MutexLock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }

  void write_until_end() {
    base::MutexLock lock(mutex_);
    while (true) {
      under_way_ = false;
      changed_.notify_all();
      changed_.wait(lock, [this]() REQUIRES(mutex_) { return ending_ || !lines_.empty(); });
      if (lines_.empty()) return;
      const std::string text = take();
      lock.unlock();
      const bool written = write_whole(descriptor_, text);
      lock.lock();
      if (!written) ++dropped_;
    }
  }

 private:
  void drop_oldest() REQUIRES(mutex_) {
    bytes_ -= lines_.front().size();
    lines_.pop_front();
    ++dropped_;
    ++untold_;
  }

  // The next line, after a word on those that were dropped before it.
  std::string take() REQUIRES(mutex_) {
    under_way_ = true;
    std::string text = untold_ == 0 ? std::string() : render_dropped_(std::exchange(untold_, 0));
    text += lines_.front();
    bytes_ -= lines_.front().size();
    lines_.pop_front();
    return text;
  }

  const int descriptor_;
  const RenderDropped render_dropped_;
  const std::size_t bytes_max_;
  mutable base::Mutex mutex_;
  base::Condition changed_;
  std::deque<std::string> lines_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t dropped_ GUARDED_BY(mutex_) = 0;
  std::uint64_t untold_ GUARDED_BY(mutex_) = 0;  // of the dropped ones, in the log itself
  bool under_way_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
};

LogWriter::LogWriter(int descriptor, RenderDropped render_dropped, std::size_t bytes_max)
    : shared_(std::make_shared<Shared>(descriptor, std::move(render_dropped), bytes_max)) {
  thread_.start([shared = shared_] { shared->write_until_end(); });
}

LogWriter::~LogWriter() {
  shared_->end();
}

void LogWriter::write(std::string line) {
  shared_->put(std::move(line));
}

std::uint64_t LogWriter::dropped() const {
  return shared_->dropped();
}

bool LogWriter::flush(std::chrono::nanoseconds patience) {
  return shared_->wait_until_written(patience);
}

}  // namespace rpoguard::run
