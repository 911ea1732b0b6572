// Keeps what the listeners show and demand in step with their web configuration files.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "exporter/config/web_file.hpp"
#include "exporter/core/clock.hpp"
#include "exporter/serve/web_guard.hpp"

namespace rpoguard::cli {

/// Paths; empty: that listener is plain.
struct WebFiles {
  std::string ops{};
  std::string gate{};
};

/// Every problem of such a file, one a line; empty: none. A certificate that has ended is one.
std::string check_web_file(const std::string& path, config::WebListener listener,
                           core::WallTime now);

/// Order of calls: open (guard stats)* start stop
class WebKeeper {
 public:
  explicit WebKeeper(const core::Clock& clock) : clock_(clock) {}
  ~WebKeeper() { stop(); }
  WebKeeper(const WebKeeper&) = delete;
  WebKeeper& operator=(const WebKeeper&) = delete;

  /// Reads the files for the first time; every problem if there is one.
  std::string open(const WebFiles& files);
  /// Null: the listener has no file. Valid as long as the keeper.
  serve::WebGuard* guard(config::WebListener listener);
  /// Thread-safe after open().
  std::vector<serve::WebStats> stats() const;

  /// Looks at the files each second, on a thread of its own: a disk that hangs delays nobody. All
  /// of them are read and compared, so that no way of replacing a file goes unseen.
  void start();
  /// Idempotent.
  void stop();
  /// One such look. Not thread-safe; for tests.
  void look();

 private:
  struct Watched {
    Watched(config::WebListener which, std::string file);
    const config::WebListener listener;
    const std::string path;
    serve::WebGuard guard;
    config::LoadedWeb last;
  };
  void take_over(Watched& watched) const;

  const core::Clock& clock_;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace rpoguard::cli
