// The machine's clocks.
#pragma once

#include "exporter/core/model/clock.hpp"

namespace rpoguard::run {

/// Thread-safe; no state.
class SystemClock final : public core::Clock {
 public:
  core::Instant now() const override;
  core::WallTime wall() const override;
};

}  // namespace rpoguard::run
