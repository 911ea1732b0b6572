#include "exporter/core/view.hpp"

#include <algorithm>

namespace rpoguard::core {

std::optional<Duration> exposure_at(const ShardView& shard, Instant now) {
  if (!shard.recovery_point) return std::nullopt;
  return now - *shard.recovery_point;
}

std::optional<Duration> exposure_known_at(const ShardView& shard, Instant now) {
  if (!shard.recovery_point) return std::nullopt;
  if (!shard.oldest_known_missing) return Duration{0};
  return now - *shard.oldest_known_missing;
}

std::optional<Duration> at_risk_span_at(const ShardView& shard, Instant now) {
  if (!shard.recovery_point) return std::nullopt;
  return std::max(Duration{0}, shard.last_possible_ack.value_or(now) - *shard.recovery_point);
}

bool usable_at(const ShardView& shard, Instant now) {
  return shard.writes_usable && now < shard.gate.open_until;
}

const ShardView* View::find(const std::string& id) const {
  for (const auto& shard : shards) {
    if (shard && shard->spec->id == id) return shard.get();
  }
  return nullptr;
}

}  // namespace rpoguard::core
