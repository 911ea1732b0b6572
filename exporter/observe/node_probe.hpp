// One node: its connection, one probe at a time, deadlines and backoff.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "exporter/core/clock.hpp"
#include "exporter/core/observation.hpp"
#include "exporter/core/spec.hpp"
#include "exporter/observe/password_reader.hpp"
#include "exporter/observe/pg_connection.hpp"
#include "exporter/observe/pg_dialer.hpp"
#include "exporter/observe/pg_queries.hpp"
#include "exporter/observe/resolver.hpp"

namespace rpoguard::observe {

/// What all nodes of a Prober share. The references outlive the nodes.
struct ProbeContext {
  asio::io_context& loop;
  const core::Clock& clock;
  Resolver& resolver;
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

/// Each tick() ends in exactly one on_fast within the probe's time-out, unless the previous probe
/// is still running (then the tick is skipped) or close() comes first. A connection may take longer
/// (ProbeSpec::connect_timeout): probes that find it unfinished say so in time, and it goes on. The
/// one that gets it has the time-out anew. Not thread-safe. Order of calls: tick* close
class NodeProbe : public std::enable_shared_from_this<NodeProbe> {
 public:
  NodeProbe(const ProbeContext& context, NodeTarget target);

  /// Asks now: over the kept connection, or a new one unless backing off; then the last failure is
  /// repeated, stamped with this moment.
  void tick();
  /// Closes the connection; no callback after it returns.
  void close();

 private:
  enum class Step { idle, dialing, setting_up, asking, asking_more, asking_slow };

  /// A connection and what was learned and prepared on it.
  struct Session {
    std::shared_ptr<PgConnection> connection;
    std::uint64_t id = 0;
    EpochTable epoch_table = EpochTable::ignored;
    std::array<bool, kEpochTableCount> light_prepared{};
    bool slow_prepared = false;
    std::optional<core::Timeline> history_of{};  ///< the timeline that `history` is of
    core::TimelineHistory history{};
    core::Instant history_due{};  ///< not asked for again before
    std::string history_problem{};
    LightDecoder light;
    SlowDecoder slow;
  };

  template <typename Handler>
  auto guarded(Handler handler);
  void begin(Step step);
  void end();
  void arm_deadline();
  void on_deadline();
  bool connecting() const { return step_ == Step::dialing || step_ == Step::setting_up; }
  void dial();
  core::ProbeError dial_error() const;
  void on_connect_deadline();
  void set_up(std::shared_ptr<PgConnection> connection);
  void on_session(const Answer& answer, EpochTable wanted);
  void prepare_light(void (NodeProbe::*then)(const Answer&));
  void on_light_prepared_early(const Answer& answer);
  void on_light_prepared(const Answer& answer);
  void ask();
  void execute_light();
  void on_light(const Answer& answer);
  void follow_up();
  void ask_more(const std::string& sql, void (NodeProbe::*then)(const Answer&));
  bool recall_history();
  void on_history(const Answer& answer);
  void on_epoch(const Answer& answer);
  bool ready_wanted() const;
  void on_ready_files(const Answer& answer);
  void ask_slow();
  void execute_slow();
  void on_slow(const Answer& answer);
  void finish_slow(std::variant<core::SlowFacts, core::ProbeError> outcome);
  void succeed();
  void fail(core::ProbeError error);
  void fail_answer(Failure failure);
  void ask_for_grants(const Failure& failure);
  void report_failure();
  void drop_session();

  ProbeContext context_;
  NodeTarget target_;
  std::shared_ptr<PgDialer> dialer_;
  asio::steady_timer deadline_;          // of the probe
  asio::steady_timer connect_deadline_;  // of the connection
  std::minstd_rand random_;

  Step step_ = Step::idle;
  bool waiting_ = false;  // a tick has not been answered yet
  bool closed_ = false;
  std::uint64_t attempt_ = 0;  // handlers of an older one do nothing (A3)
  std::uint64_t wait_ = 0;     // the same for the probe's deadline
  core::Instant started_{};
  core::Instant asked_{};
  bool asked_again_ = false;
  std::optional<core::NodeFacts> facts_;  // of this probe, while more is asked
  bool epoch_asked_ = false;
  std::optional<Session> session_;

  core::ProbeError last_error_;
  core::Duration backoff_;
  core::Instant retry_at_{};
  core::Instant slow_due_{};
  core::Instant ready_due_{};
};

}  // namespace rpoguard::observe
