#include "exporter/observe/postgres/node_session.hpp"

#include <atomic>
#include <utility>

#include "exporter/observe/postgres/grants.hpp"

namespace rpoguard::observe {

namespace {

using core::Duration;
using core::Instant;
using core::ProbeError;
using core::ProbeFailure;

/// Tries to mark a run that follow each other at once.
constexpr int kMarkTries = 5;

constexpr std::array<const char*, 2 * kEpochTableCount + 1> kNames{
    "rpoguard_light",        "rpoguard_light_absent",        "rpoguard_light_present",
    "rpoguard_light_around", "rpoguard_light_absent_around", "rpoguard_light_present_around",
    "rpoguard_slow"};

std::uint64_t next_session_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

// The epoch table, or its schema, went away under a prepared statement.
bool lost_epoch_table(const Failure& failure) {
  return failure.sqlstate == "42P01" || failure.sqlstate == "3F000";
}

// There is a text that the server cannot send as UTF-8: character_not_in_repertoire,
// untranslatable_character.
bool has_unreadable_text(const Failure& failure) {
  return failure.sqlstate == "22021" || failure.sqlstate == "22P05";
}

// To wait for its end costs less than to guess: with `off`, unflushed WAL counts as acknowledged.
core::CommitLevel unknown_level() {
  return {.whom = "some role, for all that is known", .level = "off"};
}

bool met_a_lock(const Failure& failure) {
  return failure.sqlstate == "55P03";
}

std::string too_old(int version) {
  return "server version " + std::to_string(version) + " is older than " +
         std::to_string(kServerVersionMin);
}

}  // namespace

NodeSession::NodeSession(std::shared_ptr<PgConnection> connection, std::string role,
                         const core::Clock& clock, std::weak_ptr<const void> owner)
    : session_(std::move(connection), std::move(owner)),
      role_(std::move(role)),
      clock_(clock),
      id_(next_session_id()) {}

Task<std::optional<ProbeError>> NodeSession::set_up(Duration statement_timeout,
                                                    bool wants_epoch_table) {
  const int version = session_.server_version();
  if (version < kServerVersionMin)
    co_return ProbeError{ProbeFailure::query_failed, too_old(version)};
  if (auto indirect = co_await find_pooler()) co_return *std::move(indirect);
  const auto wanted = wants_epoch_table ? EpochTable::absent : EpochTable::ignored;
  const Answer answer = co_await session_.query(session_sql(version, statement_timeout, wanted));
  if (const auto* failure = std::get_if<Failure>(&answer)) {
    ProbeError error = co_await explain(*failure);
    co_return error;
  }
  const auto decoded = decode_session(std::get<RowSet>(answer), wanted);
  if (const auto* error = std::get_if<ProbeError>(&decoded)) co_return *error;
  epoch_table_ = std::get<EpochTable>(decoded);
  // What is refused here is tried again by the first look, which says why.
  const Answer prepared = co_await prepare(light_statement({epoch_table_, CommitLevels::asked}));
  const auto* failure = std::get_if<Failure>(&prepared);
  if (failure != nullptr && !usable()) co_return failure->error;
  co_return std::nullopt;
}

// Before anything is set: behind a pooler, that would be set for others.
Task<std::optional<ProbeError>> NodeSession::find_pooler() {
  const Answer answer = co_await session_.query(backend_sql());
  if (const auto* failure = std::get_if<Failure>(&answer)) co_return failure->error;
  co_return decode_backend(std::get<RowSet>(answer), session_.backend_pid());
}

// The table of epochs may have gone, or be locked, and so may what roles have set: what else there
// is to know does not hang on it.
Task<NodeSession::Light> NodeSession::ask_light() {
  Light light;
  light.reply = co_await execute(light_statement({epoch_table_, CommitLevels::asked}));
  const auto* failure = std::get_if<Failure>(&light.reply.answer);
  if (failure == nullptr || !usable()) co_return light;
  if (epoch_table_ == EpochTable::present && lost_epoch_table(*failure)) {
    epoch_table_ = EpochTable::absent;
    light.reply = co_await execute(light_statement({epoch_table_, CommitLevels::asked}));
  } else if (met_a_lock(*failure)) {
    if (auto around = co_await ask_around_locks()) light = *std::move(around);
  }
  co_return light;
}

// Leaves out no more than it must. Absent: what is locked is something else, or free again.
Task<std::optional<NodeSession::Light>> NodeSession::ask_around_locks() {
  const EpochTable without =
      epoch_table_ == EpochTable::present ? EpochTable::absent : epoch_table_;
  const std::array ways{LightForm{without, CommitLevels::asked},
                        LightForm{epoch_table_, CommitLevels::left_out},
                        LightForm{without, CommitLevels::left_out}};
  for (const LightForm& way : ways) {
    Reply reply = co_await execute(light_statement(way));
    const auto* failure = std::get_if<Failure>(&reply.answer);
    if (failure == nullptr) co_return co_await name_locks(way, std::move(reply));
    if (!met_a_lock(*failure) || !usable()) break;
  }
  co_return std::nullopt;
}

// Asked afterwards: then they were there when the rest was read.
Task<std::optional<NodeSession::Light>> NodeSession::name_locks(LightForm form, Reply reply) {
  Light light{.reply = std::move(reply)};
  if (form.table != epoch_table_) {
    light.lock = co_await find_lock(epoch_lock_sql());
    if (!light.lock) co_return std::nullopt;
  }
  if (form.levels == CommitLevels::left_out) {
    light.settings_lock = co_await find_lock(settings_lock_sql());
    if (!light.settings_lock) co_return std::nullopt;
  }
  co_return light;
}

Task<std::optional<core::EpochLock>> NodeSession::find_lock(std::string sql) {
  if (!usable()) co_return std::nullopt;
  const Answer answer = co_await ask(std::move(sql));
  const auto* rows = std::get_if<RowSet>(&answer);
  if (rows == nullptr) co_return std::nullopt;
  auto decoded = decode_epoch_lock(*rows);
  auto* lock = std::get_if<std::optional<core::EpochLock>>(&decoded);
  co_return lock == nullptr ? std::nullopt : std::move(*lock);
}

// Nobody but who has them locked can change them meanwhile, and he only at its end.
void NodeSession::recall_levels(core::NodeFacts& facts,
                                const std::optional<core::EpochLock>& lock) {
  if (facts.in_recovery) return;
  if (!lock) {
    levels_ = Levels{facts.weakest_commit, facts.synchronous_commit_hidden};
    return;
  }
  facts.settings_lock = lock->holder;
  facts.weakest_commit = levels_ ? levels_->weakest : unknown_level();
  facts.synchronous_commit_hidden = levels_ && levels_->hidden;
}

Task<Asked<core::NodeFacts>> NodeSession::light() {
  Light light = co_await ask_light();
  const Reply& reply = light.reply;
  if (const auto* failure = std::get_if<Failure>(&reply.answer)) {
    ProbeError error = co_await explain(*failure);
    co_return Asked<core::NodeFacts>{reply.asked, std::move(error)};
  }
  auto decoded = light_.decode(std::get<RowSet>(reply.answer));
  if (const auto* refused = std::get_if<ProbeError>(&decoded)) {
    const Failure failure{*refused, {}};
    ProbeError error = co_await explain(failure);
    co_return Asked<core::NodeFacts>{reply.asked, std::move(error)};
  }
  auto& answer = std::get<LightAnswer>(decoded);
  if (epoch_table_ != EpochTable::ignored)  // from the next look on
    epoch_table_ = answer.epoch_table_exists ? EpochTable::present : EpochTable::absent;
  answer.facts.session = id_;
  answer.facts.epoch_lock = std::move(light.lock);
  recall_levels(answer.facts, light.settings_lock);
  co_return Asked<core::NodeFacts>{reply.asked, std::move(answer.facts)};
}

Task<Asked<core::SlowFacts>> NodeSession::slow() {
  const Reply reply = co_await execute(kSlow);
  if (const auto* failure = std::get_if<Failure>(&reply.answer))
    co_return Asked<core::SlowFacts>{reply.asked, failure->error};
  co_return Asked<core::SlowFacts>{reply.asked, slow_.decode(std::get<RowSet>(reply.answer))};
}

std::string NodeSession::sql_of(std::size_t statement) const {
  const int version = session_.server_version();
  if (statement == kSlow) return slow_sql(version);
  return light_sql(version, static_cast<EpochTable>(statement % kEpochTableCount),
                   static_cast<CommitLevels>(statement / kEpochTableCount));
}

Task<Answer> NodeSession::prepare(std::size_t statement) {
  Answer answer = co_await session_.prepare(kNames[statement], sql_of(statement));
  prepared_[statement] = std::holds_alternative<RowSet>(answer);
  co_return answer;
}

Task<NodeSession::Reply> NodeSession::execute(std::size_t statement) {
  const Instant begun = clock_.now();
  if (!prepared_[statement]) {
    Answer prepared = co_await prepare(statement);
    if (std::holds_alternative<Failure>(prepared)) co_return Reply{begun, std::move(prepared)};
  }
  Instant asked = clock_.now();  // before the statement leaves: the WAL clock depends on it
  Answer answer = co_await session_.execute(kNames[statement]);
  const auto* failure = std::get_if<Failure>(&answer);
  if (failure != nullptr && has_unreadable_text(*failure) && co_await take_bytes_as_they_are()) {
    asked = clock_.now();
    answer = co_await session_.execute(kNames[statement]);
  }
  co_return Reply{asked, std::move(answer)};
}

Task<Answer> NodeSession::ask(std::string sql) {
  Answer answer = co_await session_.ask(sql);
  const auto* failure = std::get_if<Failure>(&answer);
  if (failure != nullptr && has_unreadable_text(*failure) && co_await take_bytes_as_they_are())
    answer = co_await session_.ask(sql);
  co_return answer;
}

// What is then no UTF-8 is replaced where it is read. False: that is how they are taken already.
Task<bool> NodeSession::take_bytes_as_they_are() {
  if (bytes_as_they_are_ || !usable()) co_return false;
  bytes_as_they_are_ = true;
  const Answer answer = co_await session_.query("set client_encoding = 'SQL_ASCII'");
  co_return std::holds_alternative<RowSet>(answer);
}

// A refusal is translated and names no grant: the catalogs know which ones are missing.
Task<ProbeError> NodeSession::explain(const Failure& failure) {
  if (failure.error.reason != ProbeFailure::missing_privilege || !usable()) co_return failure.error;
  const Answer answer = co_await ask(missing_grants_sql());
  if (session_.given_up()) co_return std::get<Failure>(answer).error;
  const auto* rows = std::get_if<RowSet>(&answer);
  const bool told = rows != nullptr && rows->rows.size() == 1 && rows->rows[0].size() == 1;
  co_return explain_refusal(failure, told ? rows->rows[0][0].value_or("") : "").error;
}

Task<> NodeSession::history(core::NodeFacts& facts, Duration retry_after) {
  if (!usable() || recall_history(facts)) co_return;
  const Instant now = clock_.now();
  if (now < history_due_) co_return;
  history_due_ = now + retry_after;
  const Answer answer = co_await ask(history_sql(facts.timeline));
  if (session_.given_up()) co_return;
  learn_history(answer, facts.timeline);
  if (usable()) recall_history(facts);
}

// False: it is not known.
bool NodeSession::recall_history(core::NodeFacts& facts) const {
  if (facts.timeline == core::Timeline{1}) {
    facts.history.emplace();  // nothing came before it
    return true;
  }
  if (history_of_ == facts.timeline) {
    facts.history = history_;
    return true;
  }
  facts.history_problem = history_problem_;
  return false;
}

void NodeSession::learn_history(const Answer& answer, core::Timeline timeline) {
  history_problem_.clear();
  if (const auto* failure = std::get_if<Failure>(&answer)) {
    // Where the function is missing, nobody promised it.
    if (failure->error.reason == ProbeFailure::missing_privilege)
      history_problem_ = explain_refusal(*failure, history_grants(role_)).error.message;
    return;
  }
  const auto decoded = decode_history(std::get<RowSet>(answer), timeline);
  const auto* history = std::get_if<std::optional<core::TimelineHistory>>(&decoded);
  if (history == nullptr || !*history) return;
  history_of_ = timeline;
  history_ = **history;
}

Task<> NodeSession::backends(core::NodeFacts& facts) {
  if (usable() && !backends_started_) {
    const Answer answer = co_await ask(backends_sql());
    if (session_.given_up()) co_return;
    if (const auto* rows = std::get_if<RowSet>(&answer)) {
      const auto decoded = decode_backends(*rows);
      if (const auto* started = std::get_if<std::optional<core::WallTime>>(&decoded))
        backends_started_ = *started;
    }
  }
  facts.backends_started = backends_started_;
}

Task<> NodeSession::mark(core::NodeFacts& facts, const core::RunId& run, Duration retry_after) {
  if (!mark_ || mark_->run != run) {
    if (!has_marks_) co_await look_for_marks(retry_after);
    if (has_marks_) co_await read_mark();
  }
  facts.mark = mark_;
  facts.mark_problem = mark_problem_;
}

Task<> NodeSession::look_for_marks(Duration retry_after) {
  const Instant now = clock_.now();
  if (!usable() || now < marks_due_) co_return;
  marks_due_ = now + retry_after;
  const Answer answer = co_await ask(marks_sql());
  const auto* rows = std::get_if<RowSet>(&answer);
  if (rows == nullptr) co_return;
  const auto decoded = decode_marks(*rows);
  const auto* marks = std::get_if<MarkObjects>(&decoded);
  if (marks == nullptr) co_return;
  has_marks_ = marks->there && marks->problem.empty();
  mark_problem_ = marks->there ? marks->problem : "";
}

Task<> NodeSession::read_mark() {
  if (!usable()) co_return;
  const Answer answer = co_await ask(last_mark_sql());
  if (session_.given_up()) co_return;
  if (const auto* failure = std::get_if<Failure>(&answer)) {
    has_marks_ = false;  // and is looked for again, at leisure
    mark_problem_ = failure->error.message;
    co_return;
  }
  const auto decoded = decode_last_mark(std::get<RowSet>(answer));
  if (const auto* last = std::get_if<std::optional<core::RunMark>>(&decoded)) mark_ = *last;
}

bool NodeSession::lacks_mark(const core::RunId& run) const {
  return usable() && has_marks_ && !marked_ && (!mark_ || mark_->run != run) &&
         clock_.now() >= mark_run_due_;
}

Task<> NodeSession::mark_run(Duration timeout, Duration retry_after) {
  const Answer answer = co_await session_.query(mark_run_sql(timeout));
  if (session_.given_up()) co_return;
  const auto* failure = std::get_if<Failure>(&answer);
  marked_ = failure == nullptr;
  mark_problem_ = failure == nullptr ? "" : failure->error.message;
  if (!marked_ && ++mark_failures_ >= kMarkTries) mark_run_due_ = clock_.now() + retry_after;
}

Task<> NodeSession::epoch(const std::string& sql, core::NodeFacts& facts) {
  if (!usable()) co_return;
  facts.epoch_problem = "no answer in time";  // until there is one
  const Answer answer = co_await ask(sql);
  if (session_.given_up()) co_return;
  facts.epoch_problem.clear();
  if (const auto* failure = std::get_if<Failure>(&answer)) {
    facts.epoch_problem = failure->error.message;
    co_return;
  }
  auto decoded = decode_epoch_query(std::get<RowSet>(answer));
  if (const auto* error = std::get_if<ProbeError>(&decoded)) {
    facts.epoch_problem = error->message;
  } else {
    facts.stamped = std::get<std::optional<core::StampedEpoch>>(std::move(decoded));
  }
}

Task<> NodeSession::ready_files(core::NodeFacts& facts) {
  const Answer answer = co_await ask(ready_sql());
  const auto* rows = std::get_if<RowSet>(&answer);
  if (rows == nullptr) co_return;
  const auto decoded = decode_ready(*rows);
  if (const auto* ready = std::get_if<core::ArchiverFacts::Ready>(&decoded))
    facts.archiver->ready = *ready;
}

}  // namespace rpoguard::observe
