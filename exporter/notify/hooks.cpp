#include "exporter/notify/hooks.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "exporter/notify/worker.hpp"

namespace rpoguard::notify {
namespace {

// How many threads still run. They are detached and own it.
class Running {
 public:
  void begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    --count_;
    changed_.notify_all();
  }
  void wait_for_none(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

// What a halted command or session needs to come to its end.
constexpr std::chrono::milliseconds kHaltPatience{300};

}  // namespace

class Hooks::Impl {
 public:
  explicit Impl(Parts parts) : parts_(std::move(parts)) {}

  ~Impl() {
    for (const auto& worker : workers_) worker->drain();
    running_->wait_for_none(kDrain);
    for (const auto& worker : workers_) worker->halt();
    running_->wait_for_none(kHaltPatience);
  }

  void apply(const std::vector<core::HookSpec>& specs) {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Worker>> next;
    for (const core::HookSpec& spec : specs) {
      const auto same = std::ranges::find_if(
          workers_, [&](const auto& worker) { return worker && worker->spec() == spec; });
      next.push_back(same == workers_.end() ? start(spec) : std::exchange(*same, nullptr));
    }
    for (const auto& worker : workers_) {
      if (worker) worker->halt();
    }
    workers_ = std::move(next);
  }

  template <typename Call>
  void each(Call call) const {
    const std::lock_guard lock(mutex_);
    for (const auto& worker : workers_) call(*worker);
  }

 private:
  std::shared_ptr<Worker> start(const core::HookSpec& spec) const {
    auto worker = spec.type == core::HookType::alertmanager ? make_alert_worker(spec, parts_)
                                                            : make_event_worker(spec, parts_);
    running_->begin();
    std::thread([worker, running = running_] {
      worker->run();
      running->end();
    }).detach();
    return worker;
  }

  const Parts parts_;
  const std::shared_ptr<Running> running_ = std::make_shared<Running>();
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Worker>> workers_;
};

Hooks::Hooks(Parts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {}
Hooks::~Hooks() = default;

void Hooks::apply(const std::vector<core::HookSpec>& specs) {
  impl_->apply(specs);
}

void Hooks::publish(const Notice& notice) {
  impl_->each([&](Worker& worker) { worker.publish(notice); });
}

void Hooks::set_alerts(const std::string& shard, const std::vector<core::Alert>& alerts) {
  impl_->each([&](Worker& worker) { worker.set_alerts(shard, alerts); });
}

void Hooks::keep_shards(const std::vector<std::string>& shards) {
  impl_->each([&](Worker& worker) { worker.keep_shards(shards); });
}

std::vector<core::HookStats> Hooks::stats() const {
  std::vector<core::HookStats> all;
  impl_->each([&](const Worker& worker) { all.push_back(worker.stats()); });
  return all;
}

}  // namespace rpoguard::notify
