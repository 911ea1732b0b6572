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

  /// Makes sure that no pooler stands between, pins the settings and prepares the light statement,
  /// so that the first look takes one round trip as all others. Absent: done; else why this session
  /// is of no use. `statement_timeout`: the server's own bound for each statement.
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
  /// The last mark, until it is that of `run`: from then on it is known. Whether there are any is
  /// asked once, where there are none again after `retry_after`.
  Task<> mark(core::NodeFacts& facts, const core::RunId& run, core::Duration retry_after);
  /// The operator's own statement.
  Task<> epoch(const std::string& sql, core::NodeFacts& facts);
  /// REQUIRES: the facts have an archiver.
  Task<> ready_files(core::NodeFacts& facts);

  /// Whether mark_run() would do something: this session has seen that there are marks, and none of
  /// `run`, which is its server's.
  bool lacks_mark(const core::RunId& run) const;
  /// Marks the run of the server that this session is with. Waits for `timeout` at most, unless the
  /// server hangs. Where it fails, the next facts say why, and it is not tried again before
  /// `retry_after`, but for the first few times.
  Task<> mark_run(core::Duration timeout, core::Duration retry_after);

  /// As PgSession has it.
  void give_up() { session_.give_up(); }
  void close() { session_.close(); }
  bool usable() const { return session_.usable(); }
  core::ProbeError deadline_error() const { return session_.deadline_error(); }

 private:
  /// The slow statement, after one light one for each LightForm.
  static constexpr std::size_t kSlow = 2 * kEpochTableCount;

  struct LightForm {
    EpochTable table;
    CommitLevels levels;
  };

  struct Reply {
    core::Instant asked;
    Answer answer;
  };

  struct Light {
    Reply reply;
    std::optional<core::EpochLock> lock{};
    std::optional<core::EpochLock> settings_lock{};
  };

  /// What roles and databases have set, as a writer told it last.
  struct Levels {
    std::optional<core::CommitLevel> weakest;
    bool hidden;
  };

  static std::size_t light_statement(LightForm form) {
    return static_cast<std::size_t>(form.levels) * kEpochTableCount +
           static_cast<std::size_t>(form.table);
  }
  std::string sql_of(std::size_t statement) const;
  Task<std::optional<core::ProbeError>> find_pooler();
  Task<Answer> prepare(std::size_t statement);
  Task<Reply> execute(std::size_t statement);
  Task<Answer> ask(std::string sql);
  Task<bool> take_bytes_as_they_are();
  Task<Light> ask_light();
  Task<std::optional<Light>> ask_around_locks();
  Task<std::optional<Light>> name_locks(LightForm form, Reply reply);
  Task<std::optional<core::EpochLock>> find_lock(std::string sql);
  void recall_levels(core::NodeFacts& facts, const std::optional<core::EpochLock>& lock);
  Task<core::ProbeError> explain(const Failure& failure);
  Task<> look_for_marks(core::Duration retry_after);
  Task<> read_mark();
  bool recall_history(core::NodeFacts& facts) const;
  void learn_history(const Answer& answer, core::Timeline timeline);

  PgSession session_;
  const std::string role_;
  const core::Clock& clock_;
  const std::uint64_t id_;
  bool bytes_as_they_are_ = false;  // and not converted to UTF-8
  EpochTable epoch_table_ = EpochTable::ignored;
  std::array<bool, 2 * kEpochTableCount + 1> prepared_{};
  std::optional<Levels> levels_{};
  LightDecoder light_;
  SlowDecoder slow_;
  std::optional<core::WallTime> backends_started_{};
  bool has_marks_ = false;  // and may use them
  core::Instant marks_due_{};
  std::optional<core::RunMark> mark_{};
  std::string mark_problem_{};
  bool marked_ = false;  // by this session, and so is the run that it is with
  int mark_failures_ = 0;
  core::Instant mark_run_due_{};
  std::optional<core::Timeline> history_of_{};  // the timeline that history_ is of
  core::TimelineHistory history_{};
  core::Instant history_due_{};  // not asked for again before
  std::string history_problem_{};
};

}  // namespace rpoguard::observe
