#include "exporter/core/tell/advice.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "exporter/base/text.hpp"

namespace rpoguard::core {
namespace {

// Why it does not count while the writer is in the home region; empty: it does.
std::string excluded(const ShardSpec& shard, const NodeSpec& node) {
  if (node.region == shard.home_region) return "it is in the writer's region";
  if (!node.durability_target) return "durability_target is false";
  if (!region_allowed(shard, node.region)) return "allowed_regions does not have " + node.region;
  return "";
}

bool archive_counts_at_home(const ShardSpec& shard) {
  return std::ranges::any_of(shard.archive.readable_from, [&](const std::string& region) {
    return region != shard.home_region && region_allowed(shard, region);
  });
}

// Equal for "us-east-1", "US-East1" and "us_east_1".
std::string sound_of(const std::string& region) {
  std::string sound = base::lower(region);
  std::erase_if(sound, [](char c) { return c == '-' || c == '_' || c == '.'; });
  return sound;
}

std::set<std::string> regions_of(const ShardSpec& shard) {
  std::set<std::string> regions(shard.allowed_regions.begin(), shard.allowed_regions.end());
  regions.insert(shard.archive.readable_from.begin(), shard.archive.readable_from.end());
  regions.insert(shard.home_region);
  for (const NodeSpec& node : shard.nodes) regions.insert(node.region);
  return regions;
}

}  // namespace

std::string who_counts(const ShardSpec& shard) {
  std::string counts;
  std::string others;
  for (const NodeSpec& node : shard.nodes) {
    const std::string why = excluded(shard, node);
    if (why.empty()) {
      counts += (counts.empty() ? "" : ", ") + node.name;
    } else {
      others += "; " + node.name + " does not: " + why;
    }
  }
  if (archive_counts_at_home(shard)) counts += counts.empty() ? "the archive" : ", the archive";
  return (counts.empty()
              ? "nothing counts"
              : counts + (counts.find(',') == std::string::npos ? " counts" : " count")) +
         others;
}

std::vector<std::string> doubts_about(const Spec& spec) {
  std::map<std::string, std::set<std::string>> spellings;
  for (const ShardSpec& shard : spec.shards) {
    for (const std::string& region : regions_of(shard)) spellings[sound_of(region)].insert(region);
  }
  std::vector<std::string> doubts;
  for (const auto& [sound, regions] : spellings) {
    if (regions.size() < 2) continue;
    std::string names;
    for (const std::string& region : regions) names += (names.empty() ? "" : " and ") + region;
    doubts.push_back(names +
                     " are different regions: a copy in one of them is remote from a "
                     "writer in the other");
  }
  return doubts;
}

}  // namespace rpoguard::core
