// How often a shard wants to be probed.
#pragma once

#include <optional>

#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// The configured interval; a quarter of it (but not less than limits::kProbeIntervalMin) once the
/// exposure has passed half of the RPO: near the limit each look is worth more. An RPO of 0 and an
/// unknown exposure know no half.
Duration wanted_interval(const ShardSpec& spec, const ProbeSpec& probe,
                         std::optional<Duration> exposure);

}  // namespace rpoguard::core
