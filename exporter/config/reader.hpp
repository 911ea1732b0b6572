// YAML text -> our own tree. Hides yaml-cpp and its traps: the only file that includes it is
// reader.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/config/report.hpp"

namespace rpoguard::config {

struct Entry;

/// One YAML node as it stands in the file: a plain value that owns its children. Scalars are
/// uninterpreted text.
struct Node {
  enum class Kind { null, plain, quoted, list, map };

  Node() = default;
  Node(Kind its_kind, Mark its_mark, std::string its_text = {},
       std::string_view its_forbidden = {});
  bool is_scalar() const { return kind == Kind::plain || kind == Kind::quoted; }

  Kind kind = Kind::null;
  Mark mark;
  std::string text;            ///< plain, quoted
  std::vector<Node> items;     ///< list
  std::vector<Entry> entries;  ///< map, in the order of the file, duplicates included
  /// What is written here that a configuration may not use (alias, anchor, tag); empty: nothing.
  std::string_view forbidden;
};

/// A key of a map and its value.
struct Entry {
  std::string key;
  Mark mark;
  std::string_view forbidden;  ///< as Node::forbidden, at the key itself
  Node value;
};

/// Reads one YAML document of at most limits::kConfigBytesMax bytes. nullopt when it cannot be read
/// as a tree; the report then has the reason. Never throws.
std::optional<Node> read_yaml(std::string_view text, Report& report);

}  // namespace rpoguard::config
