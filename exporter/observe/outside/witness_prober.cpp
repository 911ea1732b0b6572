#include "exporter/observe/outside/witness_prober.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <asio/steady_timer.hpp>

#include "exporter/base/check.hpp"
#include "exporter/base/ticker.hpp"
#include "exporter/core/model/url.hpp"
#include "exporter/net/http_client.hpp"
#include "exporter/observe/outside/witness_answer.hpp"
#include "exporter/observe/system/resolver.hpp"
#include "exporter/observe/system/way_back.hpp"
#include "exporter/observe/system/worker_pool.hpp"

namespace rpoguard::observe {
namespace {

using core::Duration;
using core::Instant;
using core::ProbeError;
using core::ProbeFailure;

using Outcome = decltype(core::WitnessObservation::outcome);

/// One request, with all that a thread needs to make it.
struct Request {
  core::WitnessSpec witness;
  core::Url url;
  Addresses addresses;
  PasswordReader read_token;
};

ProbeError error_of(net::HttpFailure failure) {
  const auto reason = [&] {
    switch (failure) {
      case net::HttpFailure::cannot_connect:
        return ProbeFailure::unreachable;
      case net::HttpFailure::cut_short:
        return ProbeFailure::connection_lost;
      case net::HttpFailure::too_large:
        return ProbeFailure::bad_answer;
      case net::HttpFailure::tls_failed:
        return ProbeFailure::tls_failed;
      case net::HttpFailure::bad_token:
        return ProbeFailure::auth_failed;
    }
    return ProbeFailure::bad_answer;
  };
  return ProbeError{reason(), net::text_of(failure)};
}

// Blocks. Tries the addresses in turn; the deadline of the request is kept by the loop.
Outcome ask(const Request& request) {
  net::HttpGet get;
  get.host = request.url.host;
  get.port = request.url.port;
  get.path = request.url.target;
  get.tls = request.url.tls;
  get.ca_file = request.witness.ca_file;
  get.body_bytes_max = kWitnessBytesMax;
  get.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(request.witness.timeout) /
                static_cast<std::int64_t>(request.addresses.size());
  if (!request.witness.token_file.empty()) {
    const auto token = request.read_token({.file = request.witness.token_file, .env = {}});
    if (!token) return ProbeError{ProbeFailure::auth_failed, token.error().message};
    get.bearer_token = token.value();
  }
  std::variant<net::HttpAnswer, net::HttpFailure> answer = net::HttpFailure::cannot_connect;
  for (const std::string& address : request.addresses) {
    get.address = address;
    answer = net::http_exchange(get);
    const auto* failure = std::get_if<net::HttpFailure>(&answer);
    if (failure == nullptr || *failure != net::HttpFailure::cannot_connect) break;
  }
  if (const auto* failure = std::get_if<net::HttpFailure>(&answer)) return error_of(*failure);
  const auto& given = std::get<net::HttpAnswer>(answer);
  return decode_witness(request.witness, given.status, given.body);
}

}  // namespace

class WitnessProber::Impl : public std::enable_shared_from_this<WitnessProber::Impl> {
 public:
  Impl(asio::io_context& loop, std::shared_ptr<const core::Spec> spec, const core::Clock& clock,
       PasswordReader read_token, WitnessSink sink)
      : loop_(loop),
        spec_(std::move(spec)),
        clock_(clock),
        read_token_(std::move(read_token)),
        sink_(std::move(sink)),
        resolver_(loop, clock),
        way_back_(std::make_shared<WayBack<Impl>>(loop, *this)) {
    for (std::size_t shard = 0; shard < spec_->shards.size(); ++shard) {
      add(shard, WitnessKind::epoch, spec_->shards[shard].epoch_witness);
      add(shard, WitnessKind::generation, spec_->shards[shard].generation_witness);
    }
  }

  void start() {
    RPOGUARD_CHECK(!started_);
    started_ = true;
    const Instant now = clock_.now();
    const auto count = static_cast<std::int64_t>(targets_.size());
    for (std::int64_t i = 0; i < count; ++i) {  // spread evenly over the interval
      Target& target = *targets_[static_cast<std::size_t>(i)];
      target.due = now + target.witness.interval * i / count;
      wait_for_tick(target, now);
    }
  }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    way_back_->close();
    for (const auto& target : targets_) {
      give_up(*target);
      target->tick.cancel();
      target->deadline.cancel();
    }
    pools_.clear();
  }

 private:
  /// One attempt. Once it is over the answer that is still on its way is nobody's.
  struct Attempt {
    std::atomic<bool> over{false};
    Instant asked;
  };

  struct Target {
    std::size_t shard;
    WitnessKind kind;
    core::WitnessSpec witness;
    base::Result<core::Url> url;
    asio::steady_timer tick;
    asio::steady_timer deadline;
    Instant due{};
    std::shared_ptr<Attempt> attempt{};  // null: none is running
  };

  void add(std::size_t shard, WitnessKind kind, const std::optional<core::WitnessSpec>& witness) {
    if (!witness) return;
    targets_.push_back(
        std::make_unique<Target>(Target{shard, kind, *witness, core::split_url(witness->url),
                                        asio::steady_timer(loop_), asio::steady_timer(loop_)}));
  }

  template <typename Next>
  void wait(asio::steady_timer& timer, Duration time, Next next) {
    timer.expires_after(time);
    timer.async_wait([self = shared_from_this(), next](asio::error_code error) {
      if (!error && !self->stopped_) next();
    });
  }

  void wait_for_tick(Target& target, Instant now) {
    wait(target.tick, std::max(target.due - now, Duration::zero()), [this, &target] {
      const Instant then = clock_.now();
      target.due = base::next_tick(target.due, then, target.witness.interval);
      wait_for_tick(target, then);
      begin(target, then);
    });
  }

  void begin(Target& target, Instant now) {
    if (target.attempt) return;  // a time-out longer than the interval
    const auto attempt = std::make_shared<Attempt>();
    attempt->asked = now;
    target.attempt = attempt;
    if (!target.url)
      return finish(target, attempt,
                    ProbeError{ProbeFailure::bad_answer, target.url.error().message});
    wait(target.deadline, target.witness.timeout, [this, &target, attempt] {
      finish(target, attempt, ProbeError{ProbeFailure::timeout, "no answer in time"});
    });
    resolver_.resolve(target.url.value().host, [this, alive = weak_from_this(), &target,
                                                attempt](base::Result<Addresses> addresses) {
      const auto self = alive.lock();
      if (!self || attempt->over) return;
      if (!addresses)
        return finish(target, attempt,
                      ProbeError{ProbeFailure::dns_failed, addresses.error().message});
      submit(target, attempt, std::move(addresses).value());
    });
  }

  void submit(Target& target, const std::shared_ptr<Attempt>& attempt, Addresses addresses) {
    const core::Url& url = target.url.value();
    auto& pool = pools_[{url.host, url.port}];
    if (!pool) pool = std::make_unique<WorkerPool>(kRequestsMax);
    pool->run([request = Request{target.witness, url, std::move(addresses), read_token_},
               way_back = way_back_, &target, attempt] {
      if (attempt->over) return;
      // While the prober is there its targets are.
      way_back->call([&target, attempt, outcome = ask(request)](Impl& self) mutable {
        self.finish(target, attempt, std::move(outcome));
      });
    });
  }

  void finish(Target& target, const std::shared_ptr<Attempt>& attempt, Outcome outcome) {
    if (attempt->over) return;
    give_up(target);
    target.deadline.cancel();
    sink_(target.shard, target.kind, {attempt->asked, clock_.now(), std::move(outcome)});
  }

  static void give_up(Target& target) {
    if (target.attempt) target.attempt->over = true;
    target.attempt.reset();
  }

  asio::io_context& loop_;
  const std::shared_ptr<const core::Spec> spec_;
  const core::Clock& clock_;
  const PasswordReader read_token_;
  const WitnessSink sink_;
  HostResolver resolver_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::map<std::pair<std::string, std::uint16_t>, std::unique_ptr<WorkerPool>> pools_;
  const std::shared_ptr<WayBack<Impl>> way_back_;
  bool started_ = false;
  bool stopped_ = false;
};

WitnessProber::WitnessProber(asio::io_context& loop, std::shared_ptr<const core::Spec> spec,
                             const core::Clock& clock, PasswordReader read_token, WitnessSink sink)
    : impl_(std::make_shared<Impl>(loop, std::move(spec), clock, std::move(read_token),
                                   std::move(sink))) {}

WitnessProber::~WitnessProber() {
  impl_->stop();
}

void WitnessProber::start() {
  impl_->start();
}

void WitnessProber::stop() {
  impl_->stop();
}

}  // namespace rpoguard::observe
