// Delivers events in their order, each again and again until it is taken or too old.
#include <algorithm>
#include <random>
#include <utility>

#include "exporter/base/check.hpp"
#include "exporter/notify/backoff.hpp"
#include "exporter/notify/queue.hpp"
#include "exporter/notify/worker.hpp"

namespace rpoguard::notify {
namespace {

class EventWorker final : public Worker {
 public:
  EventWorker(const core::HookSpec& spec, const Parts& parts)
      : Worker(spec), clock_(parts.clock), report_(parts.report) {
    const auto found = parts.deliver.find(spec.type);
    RPOGUARD_CHECK(found != parts.deliver.end());
    deliver_ = found->second;
  }

  void publish(const Notice& notice) override {
    if (!spec().wants(notice.recorded.event.kind)) return;
    if (const auto dropped = queue_.put(notice))
      report(*dropped, {Outcome::failed, "dropped: too many events wait"}, 0);
  }
  core::HookStats stats() const override {
    core::HookStats stats = queue_.stats();
    stats.name = spec().name;
    return stats;
  }
  void drain() override { queue_.drain(); }
  void halt() override {
    for (const Notice& dropped : queue_.halt())
      report(dropped, {Outcome::failed, "dropped: the hook ends"}, 0);
  }
  void run() override {
    while (const auto notice = queue_.next()) queue_.done(deliver(*notice));
  }

 private:
  bool deliver(const Notice& notice) {
    for (std::uint32_t tries = 1;; ++tries) {
      Attempt attempt = deliver_(spec(), notice, [this] { return queue_.halted(); });
      const bool again = attempt.outcome == Outcome::retry;
      const core::Duration pause =
          std::max(backoff(tries, chance_(random_)), attempt.wait.value_or(core::Duration{0}));
      const bool too_old = again && clock_->now() + pause - notice.happened >= spec().give_up_after;
      if (too_old) attempt = {Outcome::failed, attempt.note + "; given up"};
      if (attempt.outcome != Outcome::retry || tries == 1) report(notice, attempt, tries);
      if (attempt.outcome != Outcome::retry) return attempt.outcome == Outcome::delivered;
      if (!queue_.wait(pause)) {
        report(notice, {Outcome::failed, attempt.note + "; given up: the hook ends"}, tries);
        return false;
      }
    }
  }

  // Whatever becomes of an event: what is lost has a name.
  void report(const Notice& notice, const Attempt& attempt, std::uint32_t tries) const {
    report_({spec().name, notice.recorded.id, notice.recorded.event.kind,
             notice.recorded.event.shard, attempt, tries});
  }

  const std::shared_ptr<const core::Clock> clock_;
  const std::function<void(const DeliveryNote&)> report_;
  Deliver deliver_;
  HookQueue queue_;
  std::mt19937_64 random_{std::random_device{}()};
  std::uniform_real_distribution<double> chance_{0.0, 1.0};
};

}  // namespace

std::shared_ptr<Worker> make_event_worker(const core::HookSpec& spec, const Parts& parts) {
  return std::make_shared<EventWorker>(spec, parts);
}

}  // namespace rpoguard::notify
