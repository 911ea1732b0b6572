// How long to leave a server alone that cannot be connected to.
#pragma once

#include <random>

#include "exporter/core/model/units.hpp"

namespace rpoguard::observe {

/// Twice as long after each failure, less a random share of up to half: many clients of one server
/// do not come back at the same moment. Not thread-safe.
class ReconnectPause {
 public:
  /// Whoever asks when it is over does so once per `interval`.
  explicit ReconnectPause(core::Duration interval);

  void begin(core::Instant now);
  bool over(core::Instant now) const { return now >= until_; }
  /// It works: the next pause is a short one.
  void reset();

 private:
  const core::Duration longest_;
  core::Duration length_;
  core::Instant until_{};
  std::minstd_rand random_;
};

}  // namespace rpoguard::observe
