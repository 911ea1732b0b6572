#include "exporter/core/model/part.hpp"

#include <optional>
#include <string>

#include "exporter/base/check.hpp"
#include "exporter/base/number.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::core {
namespace {

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

}  // namespace

base::Result<Part> parse_part(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto index = base::parse_number<std::uint32_t>(text.substr(0, slash));
  const auto count = slash == std::string_view::npos
                         ? std::nullopt
                         : base::parse_number<std::uint32_t>(text.substr(slash + 1));
  if (!index || !count) return base::Error{"is not INDEX/COUNT", "the first of three is 0/3"};
  if (*count == 0 || *count > limits::kShardsMax) {
    return base::Error{"COUNT is not in 1.." + std::to_string(limits::kShardsMax)};
  }
  if (*index >= *count) return base::Error{"INDEX is not below COUNT", "the first of three is 0/3"};
  return Part{*index, *count};
}

std::uint32_t index_of_part(std::string_view shard_id, std::uint32_t count) {
  RPOGUARD_CHECK(count > 0);
  std::uint64_t key = fnv1a(shard_id);
  std::uint64_t chosen = 0;
  // In whole numbers, so that every machine agrees.
  for (std::uint64_t next = 0; next < count;) {
    chosen = next;
    key = key * 2862933555777941757u + 1;
    next = ((chosen + 1) << 31u) / ((key >> 33u) + 1);
  }
  return static_cast<std::uint32_t>(chosen);
}

void keep_part(Spec& spec, Part part) {
  std::erase_if(spec.shards, [&](const ShardSpec& shard) {
    return index_of_part(shard.id, part.count) != part.index;
  });
}

}  // namespace rpoguard::core
