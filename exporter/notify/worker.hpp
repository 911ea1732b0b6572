// The thread of one hook. Private to notify: callers use Hooks.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporter/core/tell/alert.hpp"
#include "exporter/notify/parts.hpp"

namespace rpoguard::notify {

/// Thread-safe, except run().
class Worker {
 public:
  explicit Worker(core::HookSpec spec) : spec_(std::move(spec)) {}
  virtual ~Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const core::HookSpec& spec() const { return spec_; }
  virtual void publish(const Notice&) {}
  virtual void set_alerts(const std::string&, const std::vector<core::Alert>&) {}
  virtual void keep_shards(const std::vector<std::string>&) {}
  virtual core::HookStats stats() const = 0;
  virtual void drain() = 0;  ///< run() shall end after what can be delivered at once
  virtual void halt() = 0;   ///< run() shall end
  virtual void run() = 0;    ///< on the hook's thread

 private:
  const core::HookSpec spec_;
};

std::shared_ptr<Worker> make_event_worker(const core::HookSpec& spec, const Parts& parts);
std::shared_ptr<Worker> make_alert_worker(const core::HookSpec& spec, const Parts& parts);

}  // namespace rpoguard::notify
