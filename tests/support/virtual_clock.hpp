// Time that stands still until a test moves it.
#pragma once

#include <atomic>
#include <cstdint>

#include "exporter/core/model/clock.hpp"

namespace rpoguard::test {

/// Thread-safe. Starts at 1000 s after boot and at 2026-01-01 00:00:00 UTC; both move together.
class VirtualClock final : public core::Clock {
 public:
  core::Instant now() const override { return core::Instant(core::Duration(now_.load())); }
  core::WallTime wall() const override {
    const auto moved = core::Duration(now_.load()) - kStart;
    return core::WallTime(std::chrono::seconds(1'767'225'600)) +
           std::chrono::duration_cast<std::chrono::microseconds>(moved);
  }
  void advance(core::Duration by) { now_ += by.count(); }

 private:
  static constexpr core::Duration kStart = std::chrono::seconds(1000);
  std::atomic<std::int64_t> now_{kStart.count()};
};

}  // namespace rpoguard::test
