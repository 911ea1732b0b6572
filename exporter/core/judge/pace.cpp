#include "exporter/core/judge/pace.hpp"

#include <algorithm>

#include "exporter/core/model/limits.hpp"

namespace rpoguard::core {

Duration wanted_interval(const ShardSpec& spec, const ProbeSpec& probe,
                         std::optional<Duration> exposure) {
  const bool close = spec.rpo > Duration{0} && exposure && *exposure > spec.rpo / 2;
  if (!close) return probe.interval;
  return std::min(probe.interval, std::max(probe.interval / 4, limits::kProbeIntervalMin));
}

}  // namespace rpoguard::core
