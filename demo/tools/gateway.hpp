// A small API gateway under constant load: what a client of the gate should do, and the witness of
// what was acknowledged.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "demo/tools/gate_client.hpp"
#include "demo/tools/net.hpp"

#include "exporter/core/model/units.hpp"

namespace rpoguard::demo {

/// The table that the gateway writes to. Run it once on the writer, as the owner of the writes.
inline constexpr const char* kLedgerSql =
    "create table if not exists ledger (token bigint primary key, "
    "at timestamptz not null default clock_timestamp(), payload text not null)";

struct GatewayOptions {
  std::string shard;
  Address gate;
  std::map<std::string, Address> nodes;  ///< where each node of the shard is reached, by its name
  std::string dbname = "postgres";
  std::string user = "postgres";
  std::string password;

  /// Set: write to this node and never ask the gate. For comparison.
  std::string ungated_writer;

  int workers = 4;
  double rate = 50;  ///< writes per second, all workers together; 0 pauses
  std::size_t payload_bytes = 100;
  core::Duration write_timeout = std::chrono::seconds(2);
  core::Duration gate_timeout = std::chrono::milliseconds(500);
  /// An open answer is relied on for as long as the gate allows, and never longer than this: how
  /// late a freeze or a promotion may be noticed.
  core::Duration cache_max = std::chrono::milliseconds(200);
  /// A refused caller comes back after Retry-After, or after this if that is sooner.
  core::Duration backoff_max = std::chrono::milliseconds(200);
  /// Appends one line per acknowledged commit: token, sent and acked (CLOCK_BOOTTIME ns), node.
  std::string log_file;
  bool keep_commits = true;  ///< in memory; false for long runs
};

/// One commit that the caller has been told of.
struct Commit {
  std::int64_t token = 0;
  core::Instant sent{};   ///< just before the statement was sent (of the attempt that succeeded)
  core::Instant acked{};  ///< when the caller was told
  std::string node;
};

struct GatewayCounters {
  std::uint64_t acked = 0;
  /// Answered 503 writer_unavailable: the gate was closed, gave no answer, or named no writer.
  std::uint64_t refused = 0;
  std::uint64_t unanswered = 0;  ///< the part of `refused` where the gate gave no usable answer
  std::uint64_t failed = 0;      ///< the database failed, or the outcome is unknown; retried
  std::uint64_t gate_asked = 0;
};

/// Each worker repeats: take a token, make sure of a lease, write the token to the node that the
/// gate names as the writer, and acknowledge. Rules it follows:
/// - no answer from the gate, or one it cannot read, is a closed gate;
/// - a lease counts from before the question was sent, and is asked for anew once it has run out;
/// - an acknowledgement needs a valid lease as well: if it ran out while the commit was under way
///   and the gate does not open again for the same writer, the caller is told to retry;
/// - an unknown outcome is retried with the same token (INSERT ... ON CONFLICT DO NOTHING).
///
/// Thread-safe. Order of calls: start() stop()?
class Gateway {
 public:
  explicit Gateway(GatewayOptions options);
  ~Gateway();  ///< stops
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  void start();
  /// Bounded: at most two gate timeouts and two write timeouts. No acknowledgement is recorded
  /// after it.
  void stop();

  void set_rate(double writes_per_second);
  GatewayCounters counters() const;
  /// In order of acknowledgement. Empty without keep_commits.
  std::vector<Commit> commits() const;
  /// The node written to, as of the last open answer; empty before the first.
  std::string writer() const;
  /// Why the last write was refused or failed; empty while writes succeed.
  std::string trouble() const;

 private:
  class Worker;
  struct Lease {
    core::Instant until{};
    std::optional<std::int64_t> epoch;
    std::string writer;
  };
  /// A lease that is valid now, or nullopt and how long to wait.
  std::optional<Lease> acquire(core::Duration& wait);
  std::optional<Lease> ask(core::Duration& wait);
  void acknowledge(Commit commit);
  void refuse(const std::string& why, bool unanswered);
  void fail(const std::string& why);
  /// Sleeps; false when stopping.
  bool pause(core::Duration duration);
  /// Waits for the next turn of a worker; false when stopping.
  bool await_turn(std::chrono::steady_clock::time_point& turn);
  std::int64_t next_token();
  bool stopping() const;

  const GatewayOptions options_;
  std::atomic<std::int64_t> next_token_;

  std::mutex lease_mutex_;  // held while asking: one question at a time
  Lease lease_;

  mutable std::mutex mutex_;  // all below
  std::condition_variable wake_;
  bool stopping_ = false;
  double rate_;
  GatewayCounters counters_;
  std::vector<Commit> commits_;
  std::ofstream log_;
  std::string writer_;
  std::string trouble_;

  std::vector<std::thread> threads_;
};

}  // namespace rpoguard::demo
