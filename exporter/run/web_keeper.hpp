// Keeps what the listeners show and demand in step with their web configuration files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exporter/base/detached_threads.hpp"
#include "exporter/base/mutex.hpp"
#include "exporter/config/web_file.hpp"
#include "exporter/core/model/clock.hpp"
#include "exporter/serve/http/web_guard.hpp"

namespace rpoguard::run {

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
  /// Within about two seconds: a thread that hangs in a read is left alone. Idempotent.
  void stop();
  /// One such look. Not thread-safe; for tests.
  void look() { look(*shared_); }

 private:
  struct Watched {
    Watched(config::WebListener which, std::string file);
    const config::WebListener listener;
    const std::string path;
    serve::WebGuard guard;
    config::LoadedWeb last;
  };
  // Also held by the thread, which may outlive the keeper.
  struct Shared {
    void look_until_stopped();

    std::vector<std::unique_ptr<Watched>> watched;
    base::Mutex mutex;
    base::Condition changed;
    bool stopping GUARDED_BY(mutex) = false;
  };
  static void look(const Shared& shared);
  static void take_over(Watched& watched);

  const core::Clock& clock_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  base::DetachedThreads thread_;
};

}  // namespace rpoguard::run
