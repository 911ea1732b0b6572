// Several rpoguards share the shards of one configuration: who watches which shard.
#pragma once

#include <cstdint>
#include <string_view>

#include "exporter/base/result.hpp"
#include "exporter/core/model/spec.hpp"

namespace rpoguard::core {

/// One rpoguard of `count`; index < count, count in 1..kShardsMax.
struct Part {
  std::uint32_t index = 0;
  std::uint32_t count = 1;
  friend bool operator==(const Part&, const Part&) = default;
};

/// "2/5" is the third of five.
base::Result<Part> parse_part(std::string_view text);

/// The index of the part that watches a shard. Depends on nothing but the two arguments. When a
/// part is added, a shard stays where it is or goes to the new part (jump consistent hash: Lamping
/// and Veach, 2014, of the id's 64-bit FNV-1a hash). REQUIRES: count > 0
std::uint32_t index_of_part(std::string_view shard_id, std::uint32_t count);

/// Leaves only the shards of that part, in their order. There may be none.
void keep_part(Spec& spec, Part part);

}  // namespace rpoguard::core
