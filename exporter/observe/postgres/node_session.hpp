// What is asked in one session with a node, and what is remembered from one look to the next.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "exporter/core/model/clock.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/observe/postgres/pg_queries.hpp"
#include "exporter/observe/postgres/pg_session.hpp"

namespace rpoguard::observe {

/// Facts, or why there are none, and when they were asked for: just before the statement left.
template <typename Facts>
struct Asked {
  core::Instant at;
  std::variant<Facts, core::ProbeError> outcome;
};

/// One after the other, not thread-safe. Order of calls: set_up (light (history | epoch |
/// ready_files)* slow?)*; the references that are handed over outlive the call. After give_up() the
/// session is over: the call that waits ends, and a new session is needed.
class NodeSession {
 public:
  /// `role` is the one it is logged in as. The rest as PgSession has it; `clock` outlives it.
  NodeSession(std::shared_ptr<PgConnection> connection, std::string role, const core::Clock& clock,
              std::weak_ptr<const void> owner);

  /// Pins the settings and prepares the light statement, so that the first look takes one round
  /// trip as all others. Absent: done; else why this session is of no use. `statement_timeout`: the
  /// server's own bound for each statement.
  Task<std::optional<core::ProbeError>> set_up(core::Duration statement_timeout,
                                               bool wants_epoch_table);
  Task<Asked<core::NodeFacts>> light();
  Task<Asked<core::SlowFacts>> slow();

  /// The questions that follow a light statement complete its facts. One that is refused, or whose
  /// answer does not come, leaves its fact unknown and takes no other away. Not asked any more when
  /// the session is not usable.
  ///
  /// A timeline's past never changes, so it is asked for once; where there was no answer, again
  /// after `retry_after`.
  Task<> history(core::NodeFacts& facts, core::Duration retry_after);
  /// When the backends were started: once, as no session outlives them.
  Task<> backends(core::NodeFacts& facts);
  /// The operator's own statement.
  Task<> epoch(const std::string& sql, core::NodeFacts& facts);
  /// REQUIRES: the facts have an archiver.
  Task<> ready_files(core::NodeFacts& facts);

  /// As PgSession has it.
  void give_up() { session_.give_up(); }
  void close() { session_.close(); }
  bool usable() const { return session_.usable(); }
  core::ProbeError deadline_error() const { return session_.deadline_error(); }

 private:
  /// The slow statement, after one light one for each EpochTable.
  static constexpr std::size_t kSlow = kEpochTableCount;

  struct Reply {
    core::Instant asked;
    Answer answer;
  };

  std::size_t current_light() const { return static_cast<std::size_t>(epoch_table_); }
  std::string sql_of(std::size_t statement) const;
  Task<Answer> prepare(std::size_t statement);
  Task<Reply> execute(std::size_t statement);
  Task<core::ProbeError> explain(const Failure& failure);
  bool recall_history(core::NodeFacts& facts) const;
  void learn_history(const Answer& answer, core::Timeline timeline);

  PgSession session_;
  const std::string role_;
  const core::Clock& clock_;
  const std::uint64_t id_;
  EpochTable epoch_table_ = EpochTable::ignored;
  std::array<bool, kEpochTableCount + 1> prepared_{};
  LightDecoder light_;
  SlowDecoder slow_;
  std::optional<core::WallTime> backends_started_{};
  std::optional<core::Timeline> history_of_{};  // the timeline that history_ is of
  core::TimelineHistory history_{};
  core::Instant history_due_{};  // not asked for again before
  std::string history_problem_{};
};

}  // namespace rpoguard::observe
