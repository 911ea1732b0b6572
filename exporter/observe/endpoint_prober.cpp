#include "exporter/observe/endpoint_prober.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <asio/steady_timer.hpp>

#include "exporter/base/ticker.hpp"
#include "exporter/core/check.hpp"
#include "exporter/observe/grants.hpp"
#include "exporter/observe/pg_dialer.hpp"
#include "exporter/observe/pg_queries.hpp"

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

/// One endpoint, tried again and again.
class Endpoint : public std::enable_shared_from_this<Endpoint> {
 public:
  using Report = std::function<void(core::EndpointObservation)>;

  Endpoint(const DialContext& context, const core::Clock& clock, const core::EndpointSpec& spec,
           std::string canary_name, Report report)
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
    end();
  }

 private:
  void wait(Duration time) {
    tick_.expires_after(time);
    tick_.async_wait([self = shared_from_this()](asio::error_code error) {
      if (!error && !self->closed_) self->tick();
    });
  }

  // A try that is still under way is not doubled.
  void tick() {
    const Instant now = clock_.now();
    due_ = base::next_tick(due_, now, spec_.interval);
    wait(due_ - now);
    if (!trying_) begin(now);
  }

  // Handlers of a try that is over do nothing (A3).
  template <typename Handler>
  auto guarded(Handler handler) {
    return [self = shared_from_this(), attempt = attempt_, handler](auto&&... args) {
      if (self->attempt_ == attempt) handler(*self, std::forward<decltype(args)>(args)...);
    };
  }

  void begin(Instant now) {
    trying_ = true;
    asked_ = now;
    ++attempt_;
    deadline_.expires_after(spec_.timeout);
    deadline_.async_wait(guarded([](Endpoint& self, asio::error_code error) {
      if (!error) self.finish(self.deadline_error());
    }));
    dialer_->dial(guarded([](Endpoint& self, Dialed dialed) {
      if (const Failure* failure = std::get_if<Failure>(&dialed))
        return self.finish(explain_login(*failure, self.dialer_->used()).error);
      self.connection_ = std::get<std::shared_ptr<PgConnection>>(std::move(dialed));
      self.ask();
    }));
  }

  ProbeError deadline_error() const {
    if (facts_) return {core::ProbeFailure::timeout, "it answers, but the canary's commit hangs"};
    return connection_ ? connection_->deadline_error() : dialer_->deadline_error();
  }

  void ask() {
    connection_->query(endpoint_sql(), guarded([](Endpoint& self, const Answer& answer) {
                         if (const Failure* failure = std::get_if<Failure>(&answer))
                           return self.finish(failure->error);
                         self.on_answer(decode_endpoint(std::get<RowSet>(answer)));
                       }));
  }

  void on_answer(std::variant<EndpointFacts, ProbeError> decoded) {
    const EndpointFacts* facts = std::get_if<EndpointFacts>(&decoded);
    if (facts == nullptr || !spec_.canary || facts->in_recovery) return finish(std::move(decoded));
    facts_ = *facts;
    const Instant sent = clock_.now();
    connection_->query(canary_sql(canary_name_, std::max<Duration>(spec_.timeout / 2, kLockMin)),
                       guarded([sent](Endpoint& self, const Answer& answer) {
                         if (const Failure* failure = std::get_if<Failure>(&answer))
                           return self.finish(canary_error(*failure, self.dialer_->used().user));
                         self.facts_->commit_took = self.clock_.now() - sent;
                         self.finish(*self.facts_);
                       }));
  }

  void finish(std::variant<EndpointFacts, ProbeError> outcome) {
    end();
    report_({asked_, clock_.now(), std::move(outcome)});
  }

  void end() {
    ++attempt_;
    trying_ = false;
    deadline_.cancel();
    dialer_->close();
    if (connection_) std::exchange(connection_, nullptr)->close();
    facts_.reset();
  }

  static constexpr Duration kLockMin = std::chrono::milliseconds(1);

  const core::Clock& clock_;
  const core::EndpointSpec spec_;
  const std::string canary_name_;
  const Report report_;
  std::shared_ptr<PgDialer> dialer_;
  asio::steady_timer tick_;
  asio::steady_timer deadline_;
  Instant due_{};
  Instant asked_{};
  bool trying_ = false;
  bool closed_ = false;
  std::uint64_t attempt_ = 0;
  std::shared_ptr<PgConnection> connection_;
  std::optional<EndpointFacts> facts_;  // while the canary is under way
};

}  // namespace

class EndpointProber::Impl {
 public:
  Impl(asio::io_context& loop, std::shared_ptr<const core::Spec> spec, const core::Clock& clock,
       PasswordReader read_password, EndpointSink sink)
      : spec_(std::move(spec)),
        read_password_(std::move(read_password)),
        sink_(std::move(sink)),
        resolver_(loop, clock, system_lookup, Resolver::kThreadsMax, Duration::zero()) {
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
  Resolver resolver_;
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
