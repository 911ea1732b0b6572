#include "demo/tools/gateway.hpp"

#include <algorithm>
#include <functional>
#include <random>
#include <utility>

#include "demo/tools/pg_client.hpp"

namespace rpoguard::demo {
namespace {

constexpr const char* kWrite =
    "insert into ledger (token, payload) values ($1, $2) on conflict (token) do nothing";

using SteadyClock = std::chrono::steady_clock;

/// Tokens of different runs do not meet: 31 random bits, then 32 counted ones.
std::int64_t first_token() {
  std::random_device random;
  return static_cast<std::int64_t>(random() & 0x7fffffffU) << 32;
}

SteadyClock::duration interval_of(int workers, double rate) {
  return std::chrono::duration_cast<SteadyClock::duration>(
      std::chrono::duration<double>(static_cast<double>(workers) / rate));
}

}  // namespace

/// One caller of the gateway and its database connection.
class Gateway::Worker {
 public:
  explicit Worker(Gateway& gateway)
      : gateway_(gateway), payload_(gateway.options_.payload_bytes, 'x') {}

  void run(SteadyClock::time_point turn) {
    while (gateway_.await_turn(turn)) {
      if (!token_) token_ = gateway_.next_token();
      core::Duration wait{};
      if (write(wait)) {
        token_.reset();
      } else if (!gateway_.pause(wait)) {
        return;
      }
    }
  }

 private:
  /// True once the caller has been told of the commit.
  bool write(core::Duration& wait) {
    const std::optional<Lease> lease = gateway_.acquire(wait);
    if (!lease) return false;
    wait = gateway_.options_.backoff_max;
    if (!connect_to(lease->writer)) return false;

    Commit commit{*token_, boot_now(), {}, lease->writer};
    // Connecting takes time: never send on a lease that has run out meanwhile.
    if (commit.sent >= lease->until) {
      wait = {};
      return false;
    }
    const PgOutcome outcome = client_.execute(kWrite, {std::to_string(*token_), payload_},
                                              commit.sent + gateway_.options_.write_timeout);
    if (outcome != PgOutcome::ok) {
      gateway_.fail(client_.error());
      return false;
    }
    if (boot_now() >= lease->until && !renewed(*lease, wait)) return false;
    commit.acked = boot_now();
    gateway_.acknowledge(std::move(commit));
    return true;
  }

  bool renewed(const Lease& lease, core::Duration& wait) {
    const std::optional<Lease> renewed = gateway_.acquire(wait);
    return renewed && renewed->writer == lease.writer && renewed->epoch == lease.epoch;
  }

  bool connect_to(const std::string& node) {
    if (client_.connected() && node_ == node) return true;
    const GatewayOptions& options = gateway_.options_;
    const auto address = options.nodes.find(node);
    if (address == options.nodes.end()) {
      gateway_.fail("the gate names the writer " + node + ", which is not configured here");
      return false;
    }
    node_ = node;
    if (client_.connect({address->second, options.dbname, options.user, options.password},
                        boot_now() + options.write_timeout)) {
      return true;
    }
    gateway_.fail(client_.error());
    return false;
  }

  Gateway& gateway_;
  std::string payload_;
  PgClient client_;
  std::string node_;
  std::optional<std::int64_t> token_;  // kept until it is acknowledged
};

Gateway::Gateway(GatewayOptions options)
    : options_(std::move(options)), next_token_(first_token()), rate_(options_.rate) {
  if (!options_.log_file.empty()) log_.open(options_.log_file, std::ios::app);
}

Gateway::~Gateway() {
  stop();
}

void Gateway::start() {
  const auto now = SteadyClock::now();
  for (int i = 0; i < options_.workers; ++i) {
    const auto phase = options_.rate > 0 ? interval_of(i, options_.rate) : SteadyClock::duration{};
    threads_.emplace_back([this, turn = now + phase] { Worker(*this).run(turn); });
  }
}

void Gateway::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Gateway::set_rate(double writes_per_second) {
  {
    const std::lock_guard lock(mutex_);
    rate_ = writes_per_second;
  }
  wake_.notify_all();
}

GatewayCounters Gateway::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

std::vector<Commit> Gateway::commits() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}

std::string Gateway::writer() const {
  const std::lock_guard lock(mutex_);
  return writer_;
}

std::string Gateway::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

bool Gateway::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

std::int64_t Gateway::next_token() {
  return next_token_++;
}

std::optional<Gateway::Lease> Gateway::acquire(core::Duration& wait) {
  if (!options_.ungated_writer.empty()) {
    return Lease{core::Instant::max(), std::nullopt, options_.ungated_writer};
  }
  const std::lock_guard lock(lease_mutex_);
  if (boot_now() < lease_.until) return lease_;
  if (stopping()) return std::nullopt;
  return ask(wait);
}

/// REQUIRES: lease_mutex_.
std::optional<Gateway::Lease> Gateway::ask(core::Duration& wait) {
  wait = options_.backoff_max;
  for (int attempt = 0; attempt < 2; ++attempt) {
    {
      const std::lock_guard lock(mutex_);
      ++counters_.gate_asked;
    }
    const auto answer =
        ask_gate({options_.gate, options_.shard, lease_.epoch, options_.gate_timeout});
    if (!answer) {
      refuse("the gate does not answer", true);
      return std::nullopt;
    }
    const bool news = answer->epoch && answer->epoch != lease_.epoch;
    if (answer->epoch) lease_.epoch = answer->epoch;
    if (answer->open && !answer->writer.empty()) {
      lease_.until = std::min(answer->until, boot_now() + options_.cache_max);
      lease_.writer = answer->writer;
      const std::lock_guard lock(mutex_);
      writer_ = answer->writer;
      return lease_;
    }
    // A promotion has made this gateway's routing stale: take the new epoch and ask again.
    if (answer->reason == "stale_epoch" && news) continue;
    refuse(answer->reason.empty() ? "no writer named" : answer->reason, false);
    wait = std::min(options_.backoff_max, answer->retry_after);
    return std::nullopt;
  }
  refuse("stale_epoch", false);
  return std::nullopt;
}

void Gateway::acknowledge(Commit commit) {
  const std::lock_guard lock(mutex_);
  ++counters_.acked;
  trouble_.clear();
  if (log_.is_open()) {
    log_ << commit.token << ' ' << commit.sent.time_since_epoch().count() << ' '
         << commit.acked.time_since_epoch().count() << ' ' << commit.node << '\n'
         << std::flush;
  }
  if (options_.keep_commits) commits_.push_back(std::move(commit));
}

void Gateway::refuse(const std::string& why, bool unanswered) {
  const std::lock_guard lock(mutex_);
  ++counters_.refused;
  if (unanswered) ++counters_.unanswered;
  trouble_ = why;
}

void Gateway::fail(const std::string& why) {
  const std::lock_guard lock(mutex_);
  ++counters_.failed;
  trouble_ = why;
}

bool Gateway::pause(core::Duration duration) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, duration, [this] { return stopping_; });
  return !stopping_;
}

bool Gateway::await_turn(SteadyClock::time_point& turn) {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || rate_ > 0; });
    const double rate = rate_;
    const bool changed = wake_.wait_until(
        lock, turn, [this, rate] { return stopping_ || std::not_equal_to<>()(rate_, rate); });
    if (stopping_) return false;
    if (!changed) break;
    turn = SteadyClock::now();
  }
  // A worker that is late skips turns instead of sending a burst.
  turn = std::max(turn + interval_of(options_.workers, rate_), SteadyClock::now());
  return true;
}

}  // namespace rpoguard::demo
