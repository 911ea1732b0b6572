// What the threads of hooks are given, and what they report.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "exporter/core/model/clock.hpp"
#include "exporter/core/model/hook.hpp"
#include "exporter/notify/attempt.hpp"

namespace rpoguard::notify {

/// For the log: something became of a delivery.
struct DeliveryNote {
  std::string hook;
  std::string event;                         ///< its id; empty: alerts
  std::optional<core::EventKind> kind = {};  ///< absent: alerts
  std::string shard = {};                    ///< empty: alerts, or it concerns all
  Attempt attempt = {};     ///< retry: the first of several tries failed, more will follow
  std::uint32_t tries = 1;  ///< 0: it was dropped before the first
};

/// What the threads use; they own it, for a receiver that hangs may keep them beyond the end.
struct Parts {
  std::shared_ptr<const core::Clock> clock;
  std::map<core::HookType, Deliver> deliver;  ///< for every type but alertmanager
  /// Called on the threads and by those who publish or stop; thread-safe, never waits.
  std::function<void(const DeliveryNote&)> report;
};

}  // namespace rpoguard::notify
