#include "exporter/config/keys.hpp"

#include <algorithm>
#include <vector>

#include "exporter/base/check.hpp"
#include "exporter/config/key_table.hpp"

namespace rpoguard::config {
namespace {

const std::vector<Key>& table() {
  static const std::vector<Key> rows =
      joined({process_keys(), promise_keys(), source_keys(), failover_keys(), connect_keys(),
              endpoint_keys(), hook_keys(), shard_keys()});
  return rows;
}

}  // namespace

std::span<const Key> all_keys() {
  return table();
}

const Key& key_of(std::type_index path) {
  const auto found = std::ranges::find(table(), path, [](const Key& key) { return key.sets.path; });
  RPOGUARD_CHECK(found != table().end());
  return *found;
}

}  // namespace rpoguard::config
