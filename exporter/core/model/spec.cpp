#include "exporter/core/model/spec.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "exporter/base/check.hpp"

namespace rpoguard::core {
namespace {

// The words in the order of the enumerators.
template <std::size_t N, typename Enum>
const char* word(const std::array<const char*, N>& words, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  RPOGUARD_CHECK(index < N);
  return words[index];
}

}  // namespace

const char* name_of(Durability value) {
  return word(std::array{"flush", "replay"}, value);
}

const char* name_of(EpochSource value) {
  return word(std::array{"table", "timeline", "query", "http"}, value);
}

const char* name_of(ArchiveSource value) {
  return word(std::array{"postgres", "directory", "command"}, value);
}

const char* name_of(ArchiveFormat value) {
  return word(std::array{"names", "pgbackrest"}, value);
}

const char* name_of(GateMode value) {
  return word(std::array{"enforce", "shadow", "off"}, value);
}

const char* name_of(AfterFailover value) {
  return word(std::array{"waive", "enforce"}, value);
}

std::optional<std::size_t> find_shard(const Spec& spec, std::string_view id) {
  const auto found = std::ranges::find(spec.shards, id, &ShardSpec::id);
  if (found == spec.shards.end()) return std::nullopt;
  return static_cast<std::size_t>(found - spec.shards.begin());
}

bool region_allowed(const ShardSpec& shard, const std::string& region) {
  return std::ranges::find(shard.allowed_regions, region) != shard.allowed_regions.end();
}

}  // namespace rpoguard::core
