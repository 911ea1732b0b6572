#include "exporter/core/spec.hpp"

#include <algorithm>

#include "exporter/core/check.hpp"

namespace rpoguard::core {

const char* name_of(Durability value) {
  return value == Durability::flush ? "flush" : "replay";
}

const char* name_of(EpochSource value) {
  return value == EpochSource::table ? "table" : "timeline";
}

const char* name_of(GateMode value) {
  switch (value) {
    case GateMode::enforce:
      return "enforce";
    case GateMode::shadow:
      return "shadow";
    case GateMode::off:
      return "off";
  }
  check_failed("a known GateMode", __FILE__, __LINE__);
}

const char* name_of(AfterFailover value) {
  return value == AfterFailover::waive ? "waive" : "enforce";
}

bool region_allowed(const ShardSpec& shard, const std::string& region) {
  return std::ranges::find(shard.allowed_regions, region) != shard.allowed_regions.end();
}

}  // namespace rpoguard::core
