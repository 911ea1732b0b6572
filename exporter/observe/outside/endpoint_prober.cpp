#include "exporter/observe/outside/endpoint_prober.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <asio/steady_timer.hpp>

#include "exporter/base/check.hpp"
#include "exporter/base/ticker.hpp"
#include "exporter/observe/postgres/grants.hpp"
#include "exporter/observe/postgres/pg_dialer.hpp"
#include "exporter/observe/postgres/pg_queries.hpp"
#include "exporter/observe/postgres/pg_session.hpp"
#include "exporter/observe/system/deadline.hpp"
#include "exporter/observe/system/task.hpp"

namespace rpoguard::observe {

namespace {

using core::Duration;
using core::EndpointFacts;
using core::Instant;
using core::ProbeError;

ProbeError canary_error(Failure failure, const std::string& role) {
  failure.error.message.insert(0, "the canary: ");
  if (failure.error.reason == core::ProbeFailure::missing_privilege)
    return explain_refusal(std::move(failure), canary_grants(role)).error;
  // No such schema or table.
  if (failure.sqlstate == "3F000" || failure.sqlstate == "42P01")
    failure.error.message += ": apply what rpoguard sql --with-canary prints";
  return failure.error;
}

/// One endpoint, looked at again and again.
class Endpoint : public std::enable_shared_from_this<Endpoint> {
 public:
  using Sink = std::function<void(core::EndpointObservation)>;

  Endpoint(const DialContext& context, const core::Clock& clock, const core::EndpointSpec& spec,
           std::string canary_name, Sink report)
      : clock_(clock),
        spec_(spec),
        canary_name_(std::move(canary_name)),
        report_(std::move(report)),
        dialer_(std::make_shared<PgDialer>(context, spec.connect, spec.timeout)),
        tick_(context.loop),
        deadline_(context.loop) {}

  /// `place` of `count`: all of them are spread evenly over the interval.
  void start(std::int64_t place, std::int64_t count) {
    const Duration delay = spec_.interval * place / count;
    due_ = clock_.now() + delay;
    wait(delay);
  }

  void stop() {
    closed_ = true;
    tick_.cancel();
    deadline_.cancel();
    dialer_->close();
    if (session_) session_->close();
  }

 private:
  using Outcome = std::variant<EndpointFacts, ProbeError>;

  void wait(Duration time) {
    tick_.expires_after(time);
    tick_.async_wait([self = shared_from_this()](asio::error_code error) {
      if (!error && !self->closed_) self->tick();
    });
  }

  // A look that is still under way is not doubled.
  void tick() {
    const Instant now = clock_.now();
    due_ = base::next_tick(due_, now, spec_.interval);
    wait(due_ - now);
    if (std::exchange(looking_, true)) return;
    look_ = look(now);
    look_.start();
  }

  // Always over a new connection, as any client would.
  Task<> look(Instant asked) {
    deadline_.arm(spec_.timeout, [self = shared_from_this()] { self->on_deadline(); });
    Outcome outcome = co_await connect_and_ask();
    deadline_.cancel();
    session_.reset();
    looking_ = false;
    report_({asked, clock_.now(), std::move(outcome)});
  }

  Task<Outcome> connect_and_ask() {
    dialer_->dial(
        [self = shared_from_this()](Dialed dialed) { self->dialed_.put(std::move(dialed)); });
    Dialed dialed = co_await dialed_;
    if (const auto* failure = std::get_if<Failure>(&dialed))
      co_return explain_login(*failure, dialer_->used()).error;
    session_.emplace(std::get<std::shared_ptr<PgConnection>>(std::move(dialed)), weak_from_this());
    const Answer answer = co_await session_->query(endpoint_sql());
    if (const auto* failure = std::get_if<Failure>(&answer)) co_return failure->error;
    Outcome outcome = decode_endpoint(std::get<RowSet>(answer));
    auto* facts = std::get_if<EndpointFacts>(&outcome);
    if (facts == nullptr || !spec_.canary || facts->in_recovery) co_return outcome;
    const Instant sent = clock_.now();
    const Duration lock_timeout = std::max<Duration>(spec_.timeout / 2, kLockMin);
    const Answer committed = co_await session_->query(canary_sql(canary_name_, lock_timeout));
    if (session_->given_up())
      co_return ProbeError{core::ProbeFailure::timeout,
                           "it answers, but the canary's commit hangs"};
    if (const auto* failure = std::get_if<Failure>(&committed))
      co_return canary_error(*failure, dialer_->used().user);
    facts->commit_took = clock_.now() - sent;
    co_return outcome;
  }

  void on_deadline() {
    if (session_) return session_->give_up();
    dialer_->give_up();
  }

  static constexpr Duration kLockMin = std::chrono::milliseconds(1);

  const core::Clock& clock_;
  const core::EndpointSpec spec_;
  const std::string canary_name_;
  const Sink report_;
  const std::shared_ptr<PgDialer> dialer_;
  asio::steady_timer tick_;
  Deadline deadline_;
  Instant due_{};
  bool looking_ = false;
  bool closed_ = false;
  Inbox<Dialed> dialed_;
  std::optional<PgSession> session_;
  Task<> look_;  // refers to all above, so it goes first
};

}  // namespace

class EndpointProber::Impl {
 public:
  Impl(asio::io_context& loop, std::shared_ptr<const core::Spec> spec, const core::Clock& clock,
       PasswordReader read_password, EndpointSink sink)
      : spec_(std::move(spec)),
        read_password_(std::move(read_password)),
        sink_(std::move(sink)),
        resolver_(loop, clock, system_lookup, HostResolver::kThreadsMax, Duration::zero()) {
    for (std::size_t i = 0; i < spec_->shards.size(); ++i) {
      const core::ShardSpec& shard = spec_->shards[i];
      if (!shard.endpoint) continue;
      endpoints_.push_back(std::make_shared<Endpoint>(
          DialContext{loop, resolver_, read_password_}, clock, *shard.endpoint, shard.id,
          [this, i](core::EndpointObservation seen) { sink_(i, std::move(seen)); }));
    }
  }

  void start() {
    RPOGUARD_CHECK(!std::exchange(started_, true));
    const auto count = static_cast<std::int64_t>(endpoints_.size());
    for (std::int64_t i = 0; i < count; ++i)
      endpoints_[static_cast<std::size_t>(i)]->start(i, count);
  }

  void stop() {
    for (const auto& endpoint : endpoints_) endpoint->stop();
  }

 private:
  const std::shared_ptr<const core::Spec> spec_;
  const PasswordReader read_password_;
  const EndpointSink sink_;
  HostResolver resolver_;
  std::vector<std::shared_ptr<Endpoint>> endpoints_;
  bool started_ = false;
};

EndpointProber::EndpointProber(asio::io_context& loop, std::shared_ptr<const core::Spec> spec,
                               const core::Clock& clock, PasswordReader read_password,
                               EndpointSink sink)
    : impl_(std::make_shared<Impl>(loop, std::move(spec), clock, std::move(read_password),
                                   std::move(sink))) {}

EndpointProber::~EndpointProber() {
  impl_->stop();
}

void EndpointProber::start() {
  impl_->start();
}

void EndpointProber::stop() {
  impl_->stop();
}

}  // namespace rpoguard::observe
