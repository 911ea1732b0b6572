// Keeps one Alertmanager told of what is wrong.
#include <algorithm>
#include <random>
#include <utility>

#include "exporter/base/mutex.hpp"
#include "exporter/notify/alert_book.hpp"
#include "exporter/notify/alertmanager.hpp"
#include "exporter/notify/backoff.hpp"
#include "exporter/notify/worker.hpp"

namespace rpoguard::notify {
namespace {

// A page that is late is of less use than one more request.
constexpr core::Duration kPauseMax = std::chrono::seconds(5);

class AlertWorker final : public Worker {
 public:
  AlertWorker(const core::HookSpec& spec, const Parts& parts)
      : Worker(spec), clock_(parts.clock), report_(parts.report) {
    stats_.name = spec.name;
  }

  void set_alerts(const std::string& shard, const std::vector<core::Alert>& alerts) override {
    const base::MutexLock lock(mutex_);
    book_.set(shard, alerts, clock_->now(), clock_->wall());
    wake();
  }
  void keep_shards(const std::vector<std::string>& shards) override {
    const base::MutexLock lock(mutex_);
    book_.keep_only(shards, clock_->wall());
    wake();
  }
  core::HookStats stats() const override {
    const base::MutexLock lock(mutex_);
    return stats_;
  }
  // Whoever stops has nothing new to tell: what is told ends by itself, or goes on elsewhere.
  void drain() override { halt(); }
  void halt() override {
    const base::MutexLock lock(mutex_);
    halted_ = true;
    wake();
  }

  void run() override {
    base::MutexLock lock(mutex_);
    while (!halted_) {
      const core::Instant now = clock_->now();
      const auto messages = book_.take_due(now, clock_->wall());
      stats_.queued = messages.size();
      if (messages.empty()) {
        wait_for_news(lock, now);
        continue;
      }
      lock.unlock();
      const Attempt attempt = push_alerts(spec(), messages);
      lock.lock();
      take(attempt, messages, now);
      if (attempt.outcome != Outcome::delivered) pause(lock, attempt);
    }
  }

 private:
  void wake() REQUIRES(mutex_) {
    changed_at_all_ = true;
    changed_.notify_all();
  }

  void wait_for_news(base::MutexLock& lock, core::Instant now) REQUIRES(mutex_) {
    const auto woken = [this]() REQUIRES(mutex_) { return halted_ || changed_at_all_; };
    if (const auto next = book_.next_due()) {
      changed_.wait_for(lock, *next - now, woken);
    } else {
      changed_.wait(lock, woken);
    }
    changed_at_all_ = false;
  }

  void take(const Attempt& attempt, const std::vector<AlertBook::Message>& messages,
            core::Instant asked) REQUIRES(mutex_) {
    if (attempt.outcome == Outcome::delivered) {
      book_.sent(messages, asked);
      ++stats_.delivered;
      stats_.queued = 0;
      if (failures_ > 0) say(attempt);
      failures_ = 0;
      return;
    }
    ++stats_.failed;
    if (++failures_ == 1) say(attempt);
  }

  void pause(base::MutexLock& lock, const Attempt& attempt) REQUIRES(mutex_) {
    const core::Duration asked = attempt.wait.value_or(core::Duration{0});
    const core::Duration length =
        std::min(std::max(backoff(failures_, chance_(random_)), asked), kPauseMax);
    changed_.wait_for(lock, length, [this]() REQUIRES(mutex_) { return halted_; });
    ++stats_.retries;
  }

  void say(const Attempt& attempt) const REQUIRES(mutex_) {
    if (!halted_)
      report_({.hook = spec().name, .event = "", .attempt = attempt, .tries = failures_ + 1});
  }

  const std::shared_ptr<const core::Clock> clock_;
  const std::function<void(const DeliveryNote&)> report_;
  mutable base::Mutex mutex_;
  base::Condition changed_;
  AlertBook book_ GUARDED_BY(mutex_);
  core::HookStats stats_ GUARDED_BY(mutex_);
  bool changed_at_all_ GUARDED_BY(mutex_) = false;
  bool halted_ GUARDED_BY(mutex_) = false;
  std::uint32_t failures_ GUARDED_BY(mutex_) = 0;
  std::mt19937_64 random_{std::random_device{}()};
  std::uniform_real_distribution<double> chance_{0.0, 1.0};
};

}  // namespace

std::shared_ptr<Worker> make_alert_worker(const core::HookSpec& spec, const Parts& parts) {
  return std::make_shared<AlertWorker>(spec, parts);
}

}  // namespace rpoguard::notify
