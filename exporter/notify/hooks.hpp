// Tells hooks of events and Alertmanagers of alerts, each hook on a thread of its own.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "exporter/core/tell/alert.hpp"
#include "exporter/notify/parts.hpp"

namespace rpoguard::notify {

/// No call waits for a receiver. Thread-safe.
class Hooks {
 public:
  /// How long the destructor lets deliveries go on that are under way or queued.
  static constexpr std::chrono::milliseconds kDrain{1500};

  explicit Hooks(Parts parts);
  ~Hooks();
  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;

  /// From now on these. One that is as before keeps its queue and its counts; those that are gone
  /// give up what they had.
  void apply(const std::vector<core::HookSpec>& specs);
  void publish(const Notice& notice);
  /// All that is wrong with one shard now.
  void set_alerts(const std::string& shard, const std::vector<core::Alert>& alerts);
  /// Alerts of other shards are over.
  void keep_shards(const std::vector<std::string>& shards);
  std::vector<core::HookStats> stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rpoguard::notify
