// Tree -> values by path: everything that is written in the file, checked one by one against the
// key table.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/config/key.hpp"
#include "exporter/config/reader.hpp"
#include "exporter/config/report.hpp"
#include "exporter/config/value.hpp"

namespace rpoguard::config {

/// A cursor: a node and the key path that leads to it.
struct At {
  const Node* node;
  std::string path;  ///< "shards[3].rpo"

  Place place() const { return {node->mark, path}; }
};

/// One key as written.
struct Setting {
  const Key* key = nullptr;
  Place place{};               ///< of the value
  std::optional<Value> value;  ///< absent: refused, and reported
};

struct Settings {
  std::map<std::string, Setting, std::less<>> by_path;
  /// One entry of `shards`, `nodes` or `hooks`.
  struct Item {
    Place place;          ///< "shards[0].nodes[2]"
    bool is_map = false;  ///< false: something else stands there, and is reported
  };
  struct Shard {
    Item item;
    std::vector<Item> nodes;
  };
  Item root;
  std::vector<Shard> shards;
  std::vector<Item> hooks;
};

/// Reports every unknown, repeated, misplaced or malformed key.
Settings collect_settings(const Node& root, Report& report);

}  // namespace rpoguard::config
