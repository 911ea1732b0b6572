// The moment of an answer, on both clocks: what aged until then, and what it is dated by.
#pragma once

#include <chrono>
#include <optional>

#include "exporter/core/model/units.hpp"

namespace rpoguard::serve {

struct Moment {
  core::Instant now;
  core::WallTime wall;

  /// When it was, on the wall clock of this host.
  core::WallTime date(core::Instant instant) const {
    return wall + std::chrono::duration_cast<std::chrono::microseconds>(instant - now);
  }
  core::Duration age(core::Instant instant) const { return now - instant; }

  /// The same of what may be unknown.
  std::optional<core::WallTime> date(const std::optional<core::Instant>& instant) const {
    return instant ? std::optional(date(*instant)) : std::nullopt;
  }
  std::optional<core::Duration> age(const std::optional<core::Instant>& instant) const {
    return instant ? std::optional(age(*instant)) : std::nullopt;
  }
};

}  // namespace rpoguard::serve
