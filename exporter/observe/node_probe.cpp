#include "exporter/observe/node_probe.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "exporter/core/check.hpp"
#include "exporter/core/limits.hpp"

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

bool may_try_next_address(ProbeFailure reason) {
  return reason == ProbeFailure::refused || reason == ProbeFailure::unreachable;
}

// The epoch table, or its schema, went away under a prepared statement.
bool lost_epoch_table(const Failure& failure) {
  return failure.sqlstate == "42P01" || failure.sqlstate == "3F000";
}

}  // namespace

NodeProbe::NodeProbe(const ProbeContext& context, NodeTarget target)
    : context_(context),
      target_(std::move(target)),
      deadline_(context.loop),
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
  if (closed_ || step_ != Step::idle) return;
  started_ = context_.clock.now();
  asked_again_ = false;
  if (session_ && !session_->connection->usable()) drop_session();
  if (!session_ && started_ < retry_at_) {
    target_.on_fast({started_, started_, last_error_});
    return;
  }
  begin(session_ ? Step::asking : Step::resolving);
  if (session_) {
    ask();
  } else {
    resolve();
  }
}

void NodeProbe::begin(Step step) {
  ++attempt_;
  step_ = step;
  deadline_.expires_after(context_.timing.timeout);
  deadline_.async_wait(guarded([](NodeProbe& self, asio::error_code error) {
    if (!error) self.on_deadline();
  }));
}

void NodeProbe::end() {
  ++attempt_;
  step_ = Step::idle;
  deadline_.cancel();
}

// L3, L4: the deadline is ours alone; the session's state is unknown from here on (L13).
void NodeProbe::on_deadline() {
  switch (step_) {
    case Step::asking_slow:
      drop_session();
      finish_slow(ProbeError{ProbeFailure::timeout, "no answer to the slow statement in time"});
      return;
    case Step::resolving:
      fail({ProbeFailure::dns_failed, "no answer for " + target_.connect.host + " in time"});
      return;
    case Step::connecting:
      // A black hole among several addresses: begin with the next one next time.
      if (!addresses_.empty()) address_ = (address_ + 1) % addresses_.size();
      [[fallthrough]];
    default: {
      ProbeError error = session_->connection->deadline_error();
      drop_session();
      fail(std::move(error));
    }
  }
}

void NodeProbe::resolve() {
  addresses_tried_ = 0;
  if (is_socket_directory(target_.connect.host)) {
    addresses_ = {""};
    connect_next();
    return;
  }
  context_.resolver.resolve(
      target_.connect.host, guarded([](NodeProbe& self, core::Result<Addresses> found) {
        if (!found.ok()) {
          self.fail({ProbeFailure::dns_failed, one_line(found.error().message)});
          return;
        }
        self.addresses_ = std::move(found).value();
        self.address_ %= self.addresses_.size();
        self.connect_next();
      }));
}

void NodeProbe::connect_next() {
  const auto password = context_.read_password(target_.connect.password);  // L10: anew each time
  if (!password.ok()) {
    fail({ProbeFailure::auth_failed, one_line(password.error().message)});
    return;
  }
  step_ = Step::connecting;
  ++addresses_tried_;
  session_.emplace(Session{.connection = PgConnection::create(context_.loop),
                           .light = LightDecoder(target_.connect.user),
                           .slow = {}});
  session_->connection->connect(
      connect_params(target_.connect, addresses_[address_], password.value(),
                     context_.timing.timeout),
      guarded([](NodeProbe& self, const Answer& answer) { self.on_connected(answer); }));
}

void NodeProbe::on_connected(const Answer& answer) {
  const Failure* failure = std::get_if<Failure>(&answer);
  if (failure == nullptr) return set_up();
  if (may_try_next_address(failure->error.reason)) {
    address_ = (address_ + 1) % addresses_.size();
    if (addresses_tried_ < addresses_.size()) {
      session_->connection->close();
      return connect_next();
    }
  }
  fail_answer(*failure);
}

void NodeProbe::set_up() {
  const int version = session_->connection->server_version();
  if (version < kServerVersionMin) {
    drop_session();
    fail({ProbeFailure::query_failed, "server version " + std::to_string(version) +
                                          " is older than " + std::to_string(kServerVersionMin)});
    return;
  }
  step_ = Step::preparing;
  session_->id = next_session_id();
  const auto wanted = target_.wants_epoch_table ? EpochTable::absent : EpochTable::ignored;
  session_->connection->query(session_sql(statement_timeout(context_.timing.timeout), wanted),
                              guarded([wanted](NodeProbe& self, const Answer& answer) {
                                if (const Failure* failure = std::get_if<Failure>(&answer)) {
                                  self.drop_session();  // none of its settings hold
                                  return self.fail_answer(*failure);
                                }
                                const auto decoded =
                                    decode_session(std::get<RowSet>(answer), wanted);
                                if (const ProbeError* error = std::get_if<ProbeError>(&decoded)) {
                                  self.drop_session();
                                  return self.fail(*error);
                                }
                                self.session_->epoch_table = std::get<EpochTable>(decoded);
                                self.ask();
                              }));
}

void NodeProbe::ask() {
  const auto variant = static_cast<std::size_t>(session_->epoch_table);
  if (session_->light_prepared[variant]) return execute_light();
  step_ = Step::preparing;
  session_->connection->prepare(
      kLightNames[variant],
      light_sql(session_->connection->server_version(), session_->epoch_table),
      guarded([variant](NodeProbe& self, const Answer& answer) {
        if (std::holds_alternative<Failure>(answer)) return self.on_light(answer);
        self.session_->light_prepared[variant] = true;
        self.execute_light();
      }));
}

void NodeProbe::execute_light() {
  step_ = Step::asking;
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
// question that the server refuses leaves its fact unknown and takes no other away.
void NodeProbe::follow_up() {
  if (!recall_history()) {
    return ask_more(history_sql(facts_->timeline), &NodeProbe::on_history);
  }
  if (!target_.epoch_query.empty() && !epoch_asked_) {
    epoch_asked_ = true;
    return ask_more(target_.epoch_query, &NodeProbe::on_epoch);
  }
  if (ready_wanted()) return ask_more(ready_sql(), &NodeProbe::on_ready);
  succeed(*std::exchange(facts_, std::nullopt));
}

void NodeProbe::ask_more(const std::string& sql, void (NodeProbe::*then)(const Answer&)) {
  step_ = Step::asking_more;
  session_->connection->query(sql, guarded([then](NodeProbe& self, const Answer& answer) {
                                const Failure* failure = std::get_if<Failure>(&answer);
                                if (failure != nullptr && !self.session_->connection->usable())
                                  return self.fail_answer(*failure);
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
  return context_.clock.now() < session_->history_due;
}

void NodeProbe::on_history(const Answer& answer) {
  session_->history_due = context_.clock.now() + context_.timing.slow_interval;
  const auto* rows = std::get_if<RowSet>(&answer);
  if (rows == nullptr) return;  // no such function here, or no right to it
  const auto decoded = decode_history(*rows);
  const auto* history = std::get_if<std::optional<core::TimelineHistory>>(&decoded);
  if (history == nullptr || !*history) return;
  session_->history_of = facts_->timeline;
  session_->history = **history;
}

void NodeProbe::on_epoch(const Answer& answer) {
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

void NodeProbe::on_ready(const Answer& answer) {
  ready_due_ = context_.clock.now() + *target_.ready_interval;
  const auto* rows = std::get_if<RowSet>(&answer);
  if (rows == nullptr) return;
  const auto decoded = decode_ready(*rows);
  if (const auto* ready = std::get_if<core::ArchiverFacts::Ready>(&decoded))
    facts_->archiver->ready = *ready;
}

void NodeProbe::succeed(core::NodeFacts facts) {
  backoff_ = core::limits::kReconnectBackoffMin;
  end();
  const core::Instant now = context_.clock.now();
  target_.on_fast({asked_, now, std::move(facts)});
  if (closed_ || now < slow_due_) return;
  slow_due_ = now + context_.timing.slow_interval;
  ask_slow();
}

void NodeProbe::ask_slow() {
  begin(Step::asking_slow);
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
  target_.on_slow({asked_, context_.clock.now(), std::move(outcome)});
}

void NodeProbe::fail_answer(Failure failure) {
  if (failure.error.reason == ProbeFailure::missing_privilege)
    failure.error.message += ": apply the grants that rpoguard sql prints";
  fail(std::move(failure.error));
}

void NodeProbe::fail(ProbeError error) {
  end();
  last_error_ = std::move(error);
  if (session_ && !session_->connection->usable()) drop_session();
  const core::Instant now = context_.clock.now();
  if (!session_) {
    const double share = std::uniform_real_distribution(0.5, 1.0)(random_);
    retry_at_ = now + std::chrono::duration_cast<Duration>(backoff_ * share);
    backoff_ = std::min(2 * backoff_, backoff_max(context_.timing.interval));
  }
  target_.on_fast({started_, now, last_error_});
}

void NodeProbe::drop_session() {
  if (session_) session_->connection->close();
  session_.reset();
}

void NodeProbe::close() {
  if (std::exchange(closed_, true)) return;
  end();
  drop_session();
}

}  // namespace rpoguard::observe
