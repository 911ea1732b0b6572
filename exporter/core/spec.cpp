#include "exporter/core/spec.hpp"

#include <algorithm>

#include "exporter/core/check.hpp"

namespace rpoguard::core {

const char* name_of(Durability value) {
  return value == Durability::flush ? "flush" : "replay";
}

const char* name_of(EpochSource value) {
  switch (value) {
    case EpochSource::table:
      return "table";
    case EpochSource::timeline:
      return "timeline";
    case EpochSource::query:
      return "query";
    case EpochSource::http:
      return "http";
  }
  check_failed("a known EpochSource", __FILE__, __LINE__);
}

const char* name_of(ArchiveSource value) {
  switch (value) {
    case ArchiveSource::postgres:
      return "postgres";
    case ArchiveSource::directory:
      return "directory";
    case ArchiveSource::command:
      return "command";
  }
  check_failed("a known ArchiveSource", __FILE__, __LINE__);
}

const char* name_of(ArchiveFormat value) {
  return value == ArchiveFormat::names ? "names" : "pgbackrest";
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
