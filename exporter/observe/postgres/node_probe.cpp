#include "exporter/observe/postgres/node_probe.hpp"

#include <algorithm>
#include <utility>

#include "exporter/observe/postgres/grants.hpp"

namespace rpoguard::observe {

namespace {

using core::Duration;
using core::Instant;
using core::ProbeError;

// The server gives up a little before we do, so that a slow statement costs no reconnect.
Duration statement_timeout(Duration timeout) {
  const Duration margin =
      std::clamp<Duration>(timeout / 8, std::chrono::milliseconds(10), std::chrono::seconds(1));
  return std::max<Duration>(timeout - margin, std::chrono::milliseconds(1));
}

Duration mark_timeout(Duration timeout) {
  return std::max<Duration>(timeout / 2, std::chrono::milliseconds(1));
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
      pause_(context.timing.interval) {}

void NodeProbe::tick() {
  if (closed_ || waiting_ || step_ == Step::asking) return;
  started_ = context_.clock.now();
  if (step_ == Step::idle) {
    if (session_ && !session_->usable()) session_.reset();
    if (!session_ && !pause_.over(started_))
      return target_.on_fast({started_, started_, last_error_});
  }
  waiting_ = true;
  arm_deadline();
  if (step_ == Step::connecting) return;  // the look that does so answers this tick, if in time
  look_ = look();
  look_.start();
}

// One look, from top to bottom. When a deadline passes, what is awaited ends in a failure: see
// on_deadline() and on_connect_deadline().
//
// Say the time-out is 1 s, and the network is slow. Tick 1 begins to connect; after 1 s it is
// answered "the connection did not come up in time", and this goes on. Tick 2 waits for it; the
// session is there after 0.3 s. From then on tick 2 has another 1 s for the light statement and for
// what follows it, and ends in facts. The next looks find the session and begin with the statement.
Task<> NodeProbe::look() {
  if (!session_) {
    const std::optional<ProbeError> problem = co_await connect();
    if (problem) co_return fail(*problem);
    step_ = Step::idle;
    if (!waiting_) co_return;  // the next tick finds the session
    arm_deadline();
  }
  step_ = Step::asking;
  Asked<core::NodeFacts> light = co_await session_->light();
  if (const auto* error = std::get_if<ProbeError>(&light.outcome)) co_return fail(*error);
  core::NodeFacts& facts = std::get<core::NodeFacts>(light.outcome);
  co_await follow_up(facts);
  pause_.reset();
  const bool marks = is_to_be_marked(facts);
  answer_tick({light.at, context_.clock.now(), std::move(light.outcome)});
  if (marks && !closed_) co_await mark();
  if (!closed_ && session_->usable() && context_.clock.now() >= slow_due_) co_await look_slowly();
  step_ = Step::idle;
}

// Absent: there is a session; else why not.
Task<std::optional<ProbeError>> NodeProbe::connect() {
  step_ = Step::connecting;
  connect_deadline_.arm(context_.timing.connect_timeout,
                        [self = shared_from_this()] { self->on_connect_deadline(); });
  dialer_->dial(
      [self = shared_from_this()](Dialed dialed) { self->dialed_.put(std::move(dialed)); });
  Dialed dialed = co_await dialed_;
  std::optional<ProbeError> problem;
  if (const auto* failure = std::get_if<Failure>(&dialed)) {
    problem = explain_login(*failure, dialer_->used()).error;
  } else {
    session_.emplace(std::get<std::shared_ptr<PgConnection>>(std::move(dialed)),
                     dialer_->used().user, context_.clock, weak_from_this());
    problem = co_await session_->set_up(statement_timeout(context_.timing.timeout),
                                        target_.wants_epoch_table);
    if (problem) session_.reset();  // none of its settings hold
  }
  connect_deadline_.cancel();
  co_return problem;
}

// What the answer makes worth asking, one question after the other.
Task<> NodeProbe::follow_up(core::NodeFacts& facts) {
  co_await session_->backends(facts);
  co_await session_->history(facts, context_.timing.slow_interval);
  if (expected_) co_await session_->mark(facts, expected_->run, context_.timing.slow_interval);
  if (!target_.epoch_query.empty()) co_await session_->epoch(target_.epoch_query, facts);
  const Instant now = context_.clock.now();
  const bool archives = target_.ready_interval && !facts.in_recovery && facts.archiver;
  if (!session_->usable() || !archives || now < ready_due_) co_return;
  ready_due_ = now + *target_.ready_interval;
  co_await session_->ready_files(facts);
}

// The run that has been confirmed, and no later one.
bool NodeProbe::is_to_be_marked(const core::NodeFacts& facts) const {
  return expected_ && expected_->is_here && !facts.in_recovery &&
         core::run_of(facts) == expected_->run && session_->lacks_mark(expected_->run);
}

// After the look has been answered, and over before the next is due, unless the server hangs.
Task<> NodeProbe::mark() {
  arm_deadline();
  co_await session_->mark_run(mark_timeout(context_.timing.timeout), context_.timing.slow_interval);
  deadline_.cancel();
}

Task<> NodeProbe::look_slowly() {
  slow_due_ = context_.clock.now() + context_.timing.slow_interval;
  arm_deadline();
  Asked<core::SlowFacts> slow = co_await session_->slow();
  deadline_.cancel();
  target_.on_slow({slow.at, context_.clock.now(), std::move(slow.outcome)});
}

void NodeProbe::arm_deadline() {
  deadline_.arm(context_.timing.timeout, [self = shared_from_this()] { self->on_deadline(); });
}

// libpq keeps no time on an asynchronous connection: this deadline is the only one.
void NodeProbe::on_deadline() {
  if (step_ == Step::asking) return session_->give_up();
  last_error_ = session_ ? session_->deadline_error() : dialer_->deadline_error();
  if (!session_) dialer_->try_again();
  answer_tick({started_, context_.clock.now(), last_error_});
}

void NodeProbe::on_connect_deadline() {
  if (session_) return session_->give_up();
  dialer_->give_up();
}

void NodeProbe::fail(ProbeError error) {
  step_ = Step::idle;
  last_error_ = std::move(error);
  if (session_ && !session_->usable()) session_.reset();
  if (!session_) pause_.begin(context_.clock.now());
  answer_tick({started_, context_.clock.now(), last_error_});
}

// Once per tick: a connection may fail between two.
void NodeProbe::answer_tick(core::NodeObservation seen) {
  if (!std::exchange(waiting_, false)) return;
  deadline_.cancel();
  target_.on_fast(std::move(seen));
}

void NodeProbe::close() {
  if (std::exchange(closed_, true)) return;
  deadline_.cancel();
  connect_deadline_.cancel();
  dialer_->close();
  if (session_) session_->close();
}

}  // namespace rpoguard::observe
