// How long writes have not been usable: a step of an evaluation.
#pragma once

#include <optional>

#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

struct Outage {
  bool ever_usable = false;
  std::optional<Instant> since;  ///< writes are not usable since; absent: they are
  std::optional<Duration> last;  ///< length of the last outage that ended
};

/// The time before writes were usable for the first time is an outage that nobody had: it is shown
/// while it lasts, and counts as none afterwards.
Outage follow_outage(Outage outage, bool usable, Instant now);

}  // namespace rpoguard::core
