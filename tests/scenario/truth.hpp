// What really was at risk: every acknowledged commit with its exact place in the WAL, and what the
// copy held at each moment.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "exporter/core/model/units.hpp"

#include "tests/support/server.hpp"

namespace rpoguard::test {

/// One transaction that the client was told of.
struct Acked {
  std::string xid;
  core::Instant at;
};

/// Writes to the ledger and never asks a gate. Thread-safe controls; the log is read after stop().
class Writer {
 public:
  Writer(const Server& server, int per_second);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void pause() { paused_ = true; }
  void resume() { paused_ = false; }
  /// Commits once while paused.
  void write_once() { extra_ = true; }
  void stop();
  std::size_t count() const;
  const std::vector<Acked>& log() const { return log_; }

 private:
  void run(std::chrono::nanoseconds pace);

  const Server& server_;
  mutable std::mutex mutex_;
  std::vector<Acked> log_;
  std::atomic<bool> paused_{false};
  std::atomic<bool> extra_{false};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

/// Looks every 20 ms at what a copy holds, over a connection that no scenario breaks. While
/// the copy does not answer, and after its promotion, it holds what it held.
class CopyTrace {
 public:
  CopyTrace(const Server& copy, bool replayed);  ///< what it has replayed, or else flushed
  ~CopyTrace();
  CopyTrace(const CopyTrace&) = delete;
  CopyTrace& operator=(const CopyTrace&) = delete;
  void stop();

  struct Point {
    core::Instant at;  ///< when the answer was there
    core::Lsn held;
    bool after_silence = false;  ///< a look before it had no answer
  };
  const std::vector<Point>& points() const { return points_; }

 private:
  void run();

  const Server& copy_;
  const bool replayed_;
  std::vector<Point> points_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// Ends of commit records by transaction id, as pg_waldump reads them from the server's own files
/// (the server may be dead).
std::vector<std::pair<std::string, core::Lsn>> commit_positions(const Server& server,
                                                                const std::string& from_lsn,
                                                                std::uint32_t timeline = 1);

/// The truth over time.
class Truth {
 public:
  /// Joins the client's log with the positions; throws when an acknowledged commit is not in the
  /// WAL.
  Truth(const std::vector<Acked>& acked,
        const std::vector<std::pair<std::string, core::Lsn>>& positions,
        std::vector<CopyTrace::Point> trace);
  /// Age of the oldest commit acknowledged by `now` that the copy did not hold then; 0: none.
  /// Between two looks at the copy it may have held what the next one shows, or only what the last
  /// one showed.
  struct Risk {
    core::Duration least;
    core::Duration most;
  };
  Risk at(core::Instant now) const;

 private:
  core::Duration oldest_beyond(core::Lsn held, core::Instant now) const;

  struct Commit {
    core::Instant acked;
    core::Lsn end;
  };
  std::vector<Commit> commits_;  // by acked
  std::vector<CopyTrace::Point> trace_;
};

}  // namespace rpoguard::test
