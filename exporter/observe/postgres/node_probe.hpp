// One node: one look at a time, its deadlines, and when to connect again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <asio/io_context.hpp>

#include "exporter/core/model/clock.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/observe/postgres/node_session.hpp"
#include "exporter/observe/postgres/pg_dialer.hpp"
#include "exporter/observe/postgres/reconnect_pause.hpp"
#include "exporter/observe/system/deadline.hpp"
#include "exporter/observe/system/password_reader.hpp"
#include "exporter/observe/system/resolver.hpp"
#include "exporter/observe/system/task.hpp"

namespace rpoguard::observe {

/// What all nodes of a Prober share. The references outlive the nodes.
struct ProbeContext {
  asio::io_context& loop;
  const core::Clock& clock;
  HostResolver& resolver;
  const PasswordReader& read_password;
  core::ProbeSpec timing;
};

struct NodeTarget {
  core::ConnectSpec connect;
  bool wants_epoch_table = true;
  std::string epoch_query{};  ///< asked after each light statement; empty: none
  /// How often the .ready files of a server that archives and is not in recovery are listed.
  std::optional<core::Duration> ready_interval{};
  std::function<void(core::NodeObservation)> on_fast;
  std::function<void(core::SlowObservation)> on_slow;
};

/// The run of the shard's confirmed writer.
struct RunToMark {
  core::RunId run;
  bool is_here = false;  ///< this node is the writer: mark it
};

/// Each tick() ends in exactly one on_fast within the probe's time-out, unless the previous look is
/// still running (then the tick is skipped) or close() comes first. A connection may take longer
/// (ProbeSpec::connect_timeout): ticks that find it unfinished say so in time, and it goes on. The
/// one that gets it has the time-out anew. Not thread-safe. Order of calls: tick* close; no tick()
/// from within on_fast or on_slow.
class NodeProbe : public std::enable_shared_from_this<NodeProbe> {
 public:
  NodeProbe(const ProbeContext& context, NodeTarget target);

  /// Looks now: over the kept connection, or a new one unless backing off; then the last failure is
  /// repeated, stamped with this moment.
  void tick();
  /// From now on each look tells whether the node holds the mark of this run. The writer is marked,
  /// after a look that shows the same run without a mark. Absent: no writer is confirmed.
  void expect_mark(std::optional<RunToMark> of) { expected_ = of; }
  /// Closes the connection; no callback after it returns.
  void close();

 private:
  enum class Step { idle, connecting, asking };

  Task<> look();
  Task<std::optional<core::ProbeError>> connect();
  Task<> follow_up(core::NodeFacts& facts);
  bool is_to_be_marked(const core::NodeFacts& facts) const;
  Task<> mark();
  Task<> look_slowly();
  void arm_deadline();
  void on_deadline();
  void on_connect_deadline();
  void fail(core::ProbeError error);
  void answer_tick(core::NodeObservation seen);

  const ProbeContext context_;
  const NodeTarget target_;
  const std::shared_ptr<PgDialer> dialer_;
  Deadline deadline_;          // of what is asked, and of the tick that waits
  Deadline connect_deadline_;  // of the connection
  ReconnectPause pause_;

  Step step_ = Step::idle;
  bool waiting_ = false;  // a tick has not been answered yet
  bool closed_ = false;
  core::Instant started_{};  // the last tick
  core::ProbeError last_error_;
  core::Instant slow_due_{};
  core::Instant ready_due_{};
  std::optional<RunToMark> expected_{};
  Inbox<Dialed> dialed_;
  std::optional<NodeSession> session_;
  Task<> look_;  // refers to all above, so it goes first
};

}  // namespace rpoguard::observe
