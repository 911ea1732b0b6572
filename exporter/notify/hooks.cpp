#include "exporter/notify/hooks.hpp"

#include <algorithm>
#include <utility>

#include "exporter/base/detached_threads.hpp"
#include "exporter/base/mutex.hpp"
#include "exporter/notify/worker.hpp"

namespace rpoguard::notify {
namespace {

// What a halted command or session needs to come to its end.
constexpr std::chrono::milliseconds kHaltPatience{300};

}  // namespace

class Hooks::Impl {
 public:
  explicit Impl(Parts parts) : parts_(std::move(parts)) {}

  ~Impl() {
    each([](Worker& worker) { worker.drain(); });
    threads_.wait_for_end(kDrain);
    each([](Worker& worker) { worker.halt(); });
    threads_.wait_for_end(kHaltPatience);
  }

  void apply(const std::vector<core::HookSpec>& specs) {
    const base::MutexLock lock(mutex_);
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
    const base::MutexLock lock(mutex_);
    for (const auto& worker : workers_) call(*worker);
  }

 private:
  std::shared_ptr<Worker> start(const core::HookSpec& spec) {
    auto worker = spec.type == core::HookType::alertmanager ? make_alert_worker(spec, parts_)
                                                            : make_event_worker(spec, parts_);
    threads_.start([worker] { worker->run(); });
    return worker;
  }

  const Parts parts_;
  base::DetachedThreads threads_;
  mutable base::Mutex mutex_;
  std::vector<std::shared_ptr<Worker>> workers_ GUARDED_BY(mutex_);
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
