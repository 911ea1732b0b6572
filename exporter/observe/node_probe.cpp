#include "exporter/observe/node_probe.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "exporter/core/check.hpp"
#include "exporter/core/limits.hpp"
#include "exporter/observe/grants.hpp"

namespace rpoguard::observe {

namespace {

using core::Duration;
using core::ProbeError;
using core::ProbeFailure;

constexpr std::array<const char*, kEpochTableCount> kLightNames{
    "rpoguard_light", "rpoguard_light_absent", "rpoguard_light_present"};
constexpr const char* kSlowName = "rpoguard_slow";

std::uint64_t next_session_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

// L4: the server gives up a little before we do, so that a slow statement costs no reconnect.
Duration statement_timeout(Duration timeout) {
  const Duration margin =
      std::clamp<Duration>(timeout / 8, std::chrono::milliseconds(10), std::chrono::seconds(1));
  return std::max<Duration>(timeout - margin, std::chrono::milliseconds(1));
}

// The attempt after the longest pause starts at a tick, so at most kReconnectBackoffMax after the
// failure.
Duration backoff_max(Duration interval) {
  return std::max(core::limits::kReconnectBackoffMin,
                  core::limits::kReconnectBackoffMax - interval);
}

// The epoch table, or its schema, went away under a prepared statement.
bool lost_epoch_table(const Failure& failure) {
  return failure.sqlstate == "42P01" || failure.sqlstate == "3F000";
}

}  // namespace

NodeProbe::NodeProbe(const ProbeContext& context, NodeTarget target)
    : context_(context),
      target_(std::move(target)),
      dialer_(std::make_shared<PgDialer>(
          DialContext{context.loop, context.resolver, context.read_password}, target_.connect,
          context.timing.connect_timeout)),
      deadline_(context.loop),
      connect_deadline_(context.loop),
      random_(std::random_device{}()),
      backoff_(core::limits::kReconnectBackoffMin) {}

// Wraps a handler of this attempt: late ones find another attempt, or none, and do nothing.
template <typename Handler>
auto NodeProbe::guarded(Handler handler) {
  return [self = shared_from_this(), attempt = attempt_, handler](auto&&... args) {
    if (self->attempt_ == attempt) handler(*self, std::forward<decltype(args)>(args)...);
  };
}

void NodeProbe::tick() {
  if (closed_ || waiting_ || step_ == Step::asking_slow) return;
  started_ = context_.clock.now();
  asked_again_ = false;
  if (step_ == Step::idle && session_ && !session_->connection->usable()) drop_session();
  if (step_ == Step::idle && !session_ && started_ < retry_at_)
    return target_.on_fast({started_, started_, last_error_});
  waiting_ = true;
  arm_deadline();
  if (connecting()) return;
  if (session_) {
    ask();
  } else {
    dial();
  }
}

void NodeProbe::begin(Step step) {
  ++attempt_;
  step_ = step;
}

void NodeProbe::end() {
  begin(Step::idle);
  connect_deadline_.cancel();
}

void NodeProbe::arm_deadline() {
  deadline_.expires_after(context_.timing.timeout);
  deadline_.async_wait([self = shared_from_this(), wait = ++wait_](asio::error_code error) {
    if (!error && wait == self->wait_) self->on_deadline();
  });
}

// L3, L4: the deadline is ours alone; a session that owes an answer is in an unknown state from
// here on (L13).
void NodeProbe::on_deadline() {
  if (connecting()) {
    last_error_ = dial_error();
    if (step_ == Step::dialing) dialer_->try_again();
    return report_failure();
  }
  ProbeError error = session_->connection->deadline_error();
  drop_session();
  if (step_ == Step::asking_slow) return finish_slow(std::move(error));
  if (step_ == Step::asking_more) return succeed();
  fail(std::move(error));
}

void NodeProbe::dial() {
  begin(Step::dialing);
  connect_deadline_.expires_after(context_.timing.connect_timeout);
  connect_deadline_.async_wait(guarded([](NodeProbe& self, asio::error_code error) {
    if (!error) self.on_connect_deadline();
  }));
  dialer_->dial(guarded([](NodeProbe& self, Dialed dialed) {
    if (Failure* failure = std::get_if<Failure>(&dialed))
      return self.fail(explain_login(std::move(*failure), self.dialer_->used()).error);
    self.set_up(std::get<std::shared_ptr<PgConnection>>(std::move(dialed)));
  }));
}

ProbeError NodeProbe::dial_error() const {
  return step_ == Step::dialing ? dialer_->deadline_error()
                                : session_->connection->deadline_error();
}

void NodeProbe::on_connect_deadline() {
  ProbeError error = dial_error();
  dialer_->close();
  drop_session();
  fail(std::move(error));
}

void NodeProbe::set_up(std::shared_ptr<PgConnection> connection) {
  const int version = connection->server_version();
  if (version < kServerVersionMin) {
    connection->close();
    return fail({ProbeFailure::query_failed, "server version " + std::to_string(version) +
                                                 " is older than " +
                                                 std::to_string(kServerVersionMin)});
  }
  step_ = Step::setting_up;
  session_.emplace(Session{.connection = std::move(connection),
                           .id = next_session_id(),
                           .light = LightDecoder(dialer_->used().user),
                           .slow = {}});
  const auto wanted = target_.wants_epoch_table ? EpochTable::absent : EpochTable::ignored;
  session_->connection->query(session_sql(statement_timeout(context_.timing.timeout), wanted),
                              guarded([wanted](NodeProbe& self, const Answer& answer) {
                                self.on_session(answer, wanted);
                              }));
}

void NodeProbe::on_session(const Answer& answer, EpochTable wanted) {
  if (const Failure* failure = std::get_if<Failure>(&answer)) return fail_answer(*failure);
  const auto decoded = decode_session(std::get<RowSet>(answer), wanted);
  if (const ProbeError* error = std::get_if<ProbeError>(&decoded)) return fail(*error);
  session_->epoch_table = std::get<EpochTable>(decoded);
  prepare_light(&NodeProbe::on_light_prepared_early);
}

// Early: still within the time of the connection, so that the first probe takes one round trip as
// all others. What was refused is tried again by that probe, which says why.
void NodeProbe::on_light_prepared_early(const Answer& answer) {
  if (!session_->connection->usable()) return fail_answer(std::get<Failure>(answer));
  end();
  if (!waiting_) return;
  arm_deadline();
  ask();
}

void NodeProbe::prepare_light(void (NodeProbe::*then)(const Answer&)) {
  const auto variant = static_cast<std::size_t>(session_->epoch_table);
  session_->connection->prepare(
      kLightNames[variant],
      light_sql(session_->connection->server_version(), session_->epoch_table),
      guarded([variant, then](NodeProbe& self, const Answer& answer) {
        if (std::holds_alternative<RowSet>(answer)) self.session_->light_prepared[variant] = true;
        (self.*then)(answer);
      }));
}

void NodeProbe::ask() {
  begin(Step::asking);
  if (session_->light_prepared[static_cast<std::size_t>(session_->epoch_table)])
    return execute_light();
  prepare_light(&NodeProbe::on_light_prepared);
}

void NodeProbe::on_light_prepared(const Answer& answer) {
  if (std::holds_alternative<Failure>(answer)) return on_light(answer);
  execute_light();
}

void NodeProbe::execute_light() {
  const auto variant = static_cast<std::size_t>(session_->epoch_table);
  asked_ = context_.clock.now();  // before the statement leaves: the WAL clock depends on it
  session_->connection->execute(
      kLightNames[variant],
      guarded([](NodeProbe& self, const Answer& answer) { self.on_light(answer); }));
}

void NodeProbe::on_light(const Answer& answer) {
  if (const Failure* failure = std::get_if<Failure>(&answer)) {
    const bool stale = session_->epoch_table == EpochTable::present && lost_epoch_table(*failure);
    if (!stale || std::exchange(asked_again_, true)) return fail_answer(*failure);
    session_->epoch_table = EpochTable::absent;
    return ask();
  }
  auto decoded = session_->light.decode(std::get<RowSet>(answer));
  if (const ProbeError* error = std::get_if<ProbeError>(&decoded)) return fail(*error);
  auto& light = std::get<LightAnswer>(decoded);
  if (session_->epoch_table != EpochTable::ignored)  // from the next probe on
    session_->epoch_table = light.epoch_table_exists ? EpochTable::present : EpochTable::absent;
  light.facts.session = session_->id;
  facts_ = std::move(light.facts);
  epoch_asked_ = false;
  follow_up();
}

// What this answer makes worth asking, one question after the other; then the facts are complete. A
// question that is refused, or not answered in time, leaves its fact unknown and takes no other
// away.
void NodeProbe::follow_up() {
  if (!session_->connection->usable()) return succeed();
  const core::Instant now = context_.clock.now();
  if (!recall_history()) {
    session_->history_due = now + context_.timing.slow_interval;
    return ask_more(history_sql(facts_->timeline), &NodeProbe::on_history);
  }
  if (!target_.epoch_query.empty() && !std::exchange(epoch_asked_, true)) {
    facts_->epoch_problem = "no answer in time";  // until there is one
    return ask_more(target_.epoch_query, &NodeProbe::on_epoch);
  }
  if (ready_wanted()) {
    ready_due_ = now + *target_.ready_interval;
    return ask_more(ready_sql(), &NodeProbe::on_ready_files);
  }
  succeed();
}

void NodeProbe::ask_more(const std::string& sql, void (NodeProbe::*then)(const Answer&)) {
  step_ = Step::asking_more;
  session_->connection->ask(sql, guarded([then](NodeProbe& self, const Answer& answer) {
                              (self.*then)(answer);
                              self.follow_up();
                            }));
}

// A timeline's past never changes, so each session asks once. False: it has to be asked for.
bool NodeProbe::recall_history() {
  if (facts_->timeline == core::Timeline{1}) {
    facts_->history.emplace();  // nothing came before it
    return true;
  }
  if (session_->history_of == facts_->timeline) {
    facts_->history = session_->history;
    return true;
  }
  facts_->history_problem = session_->history_problem;
  return context_.clock.now() < session_->history_due;
}

void NodeProbe::on_history(const Answer& answer) {
  session_->history_problem.clear();
  if (const auto* failure = std::get_if<Failure>(&answer)) {
    // Where the function is missing, nobody promised it.
    if (failure->error.reason == ProbeFailure::missing_privilege)
      session_->history_problem =
          explain_refusal(*failure, history_grants(dialer_->used().user)).error.message;
    return;
  }
  const auto* rows = std::get_if<RowSet>(&answer);
  const auto decoded = decode_history(*rows, facts_->timeline);
  const auto* history = std::get_if<std::optional<core::TimelineHistory>>(&decoded);
  if (history == nullptr || !*history) return;
  session_->history_of = facts_->timeline;
  session_->history = **history;
}

void NodeProbe::on_epoch(const Answer& answer) {
  facts_->epoch_problem.clear();
  if (const auto* failure = std::get_if<Failure>(&answer)) {
    facts_->epoch_problem = failure->error.message;
    return;
  }
  auto decoded = decode_epoch_query(std::get<RowSet>(answer));
  if (const auto* error = std::get_if<ProbeError>(&decoded)) {
    facts_->epoch_problem = error->message;
  } else {
    facts_->stamped = std::get<std::optional<core::StampedEpoch>>(std::move(decoded));
  }
}

bool NodeProbe::ready_wanted() const {
  return target_.ready_interval && !facts_->in_recovery && facts_->archiver &&
         context_.clock.now() >= ready_due_;
}

void NodeProbe::on_ready_files(const Answer& answer) {
  const auto* rows = std::get_if<RowSet>(&answer);
  if (rows == nullptr) return;
  const auto decoded = decode_ready(*rows);
  if (const auto* ready = std::get_if<core::ArchiverFacts::Ready>(&decoded))
    facts_->archiver->ready = *ready;
}

void NodeProbe::succeed() {
  backoff_ = core::limits::kReconnectBackoffMin;
  end();
  waiting_ = false;
  ++wait_;
  deadline_.cancel();
  const core::Instant now = context_.clock.now();
  target_.on_fast({asked_, now, *std::exchange(facts_, std::nullopt)});
  if (closed_ || !session_ || !session_->connection->usable() || now < slow_due_) return;
  slow_due_ = now + context_.timing.slow_interval;
  ask_slow();
}

void NodeProbe::ask_slow() {
  begin(Step::asking_slow);
  arm_deadline();
  asked_ = context_.clock.now();
  if (session_->slow_prepared) return execute_slow();
  session_->connection->prepare(kSlowName, slow_sql(session_->connection->server_version()),
                                guarded([](NodeProbe& self, const Answer& answer) {
                                  if (std::holds_alternative<Failure>(answer))
                                    return self.on_slow(answer);
                                  self.session_->slow_prepared = true;
                                  self.execute_slow();
                                }));
}

void NodeProbe::execute_slow() {
  asked_ = context_.clock.now();
  session_->connection->execute(
      kSlowName, guarded([](NodeProbe& self, const Answer& answer) { self.on_slow(answer); }));
}

void NodeProbe::on_slow(const Answer& answer) {
  if (const Failure* failure = std::get_if<Failure>(&answer)) return finish_slow(failure->error);
  finish_slow(session_->slow.decode(std::get<RowSet>(answer)));
}

void NodeProbe::finish_slow(std::variant<core::SlowFacts, ProbeError> outcome) {
  end();
  ++wait_;
  deadline_.cancel();
  target_.on_slow({asked_, context_.clock.now(), std::move(outcome)});
}

void NodeProbe::fail_answer(Failure failure) {
  const bool refused = failure.error.reason == ProbeFailure::missing_privilege;
  if (refused && session_->connection->usable()) return ask_for_grants(failure);
  fail(std::move(failure.error));
}

void NodeProbe::ask_for_grants(const Failure& failure) {
  session_->connection->ask(
      missing_grants_sql(), guarded([failure](NodeProbe& self, const Answer& answer) {
        const auto* rows = std::get_if<RowSet>(&answer);
        const bool told = rows != nullptr && rows->rows.size() == 1 && rows->rows[0].size() == 1;
        self.fail(explain_refusal(failure, told ? rows->rows[0][0].value_or("") : "").error);
      }));
}

void NodeProbe::fail(ProbeError error) {
  const bool unset = step_ == Step::setting_up;  // none of its settings hold
  end();
  last_error_ = std::move(error);
  if (session_ && (unset || !session_->connection->usable())) drop_session();
  if (!session_) {
    const double share = std::uniform_real_distribution(0.5, 1.0)(random_);
    retry_at_ = context_.clock.now() + std::chrono::duration_cast<Duration>(backoff_ * share);
    backoff_ = std::min(2 * backoff_, backoff_max(context_.timing.interval));
  }
  report_failure();
}

void NodeProbe::report_failure() {
  if (!std::exchange(waiting_, false)) return;  // a connection failed between two probes
  ++wait_;
  deadline_.cancel();
  target_.on_fast({started_, context_.clock.now(), last_error_});
}

void NodeProbe::drop_session() {
  if (session_) session_->connection->close();
  session_.reset();
}

void NodeProbe::close() {
  if (std::exchange(closed_, true)) return;
  end();
  ++wait_;
  deadline_.cancel();
  dialer_->close();
  drop_session();
}

}  // namespace rpoguard::observe
