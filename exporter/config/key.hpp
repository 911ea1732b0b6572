// One row of the table of configuration keys: it drives reading, defaults, validation and the
// documentation.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/config/member.hpp"
#include "exporter/core/model/hook.hpp"

namespace rpoguard::config {

/// How the text of a value is read.
enum class Type {
  address,    ///< host:port to listen on
  argument,   ///< one word of a command: printable text, may be empty
  boolean,    ///< true | false
  choice,     ///< one of Key::choices
  choices,    ///< a list of them
  command,    ///< a list: the path of a program, then its arguments
  dns_name,   ///< a name in the DNS; "*.name" is any below it, "*" any
  dns_names,  ///< a list of dns_name
  duration,   ///< with units: 800ms, 5s, 1h30m
  env_name,   ///< name of an environment variable
  host,       ///< name or address without a port, or the absolute directory of a Unix socket
  integer,
  label,     ///< id, name or region: becomes a metric label and part of a path
  labels,    ///< a list of label
  number,    ///< decimal fraction
  path,      ///< absolute path
  pointer,   ///< JSON pointer to a member (RFC 6901)
  query,     ///< one SQL statement, without the ; at its end
  queries,   ///< a list of query
  settings,  ///< a list of name=value
  text,      ///< printable text of at most limits::kNameBytesMax bytes
  url,       ///< core::split_url(), with {shard} in its path or query
};

/// Bounds of an integer, number or duration, as text in the syntax of the type.
struct Range {
  std::string_view low{};
  std::string_view high{};
  bool low_excluded = false;
  bool high_excluded = false;
  /// One value outside of the bounds that is accepted too: "0s", "off".
  std::string_view or_word{};
};

/// What the paths of keys begin with that may stand in more than one place, or in each item of a
/// list.
inline constexpr std::string_view kDefaults = "defaults.";
inline constexpr std::string_view kConnect = "defaults.connect.";
inline constexpr std::string_view kShard = "shards[].";
inline constexpr std::string_view kNode = "shards[].nodes[].";
inline constexpr std::string_view kHook = "hooks[].";

/// What a key of connections is for the writer endpoint alone.
struct InEndpoint {
  std::string_view path{};  ///< empty: it is none there
  std::string_view help{};
};

/// One key. `path` is where the reference file writes it; places_of() has all places.
struct Key {
  std::string_view path{};
  Target sets{};  ///< the member of the specification that it is for
  Type type = Type::text;
  /// The value when it is not written. In parentheses: it is derived from other keys.
  std::string_view default_text{};
  PerOwner<Deriver> derived{};  ///< derives it, when all keys before this one have been read
  Range range{};
  Words choices{};
  bool required = false;   ///< has no default
  bool optional = false;   ///< the empty text "" or list [] means: not set
  bool reloadable = true;  ///< false: takes effect only after a restart
  bool secret = false;     ///< its value is never shown
  /// Of a hook's key: the types that have a use for it; empty: all.
  std::vector<core::HookType> hook_types{};
  bool needed = false;      ///< by hooks of these types
  std::string_view help{};  ///< one line
  InEndpoint in_endpoint{};
};

/// Every place where the key may be written, as path patterns ("shards[].nodes[].port"), nearest
/// last: keys of `defaults` also in a shard, keys of `connect` also in a node, directly or in its
/// own `connect`.
std::vector<std::string> places_of(const Key& key);

/// The path as messages name it, without what stands for its group of places: "gate.mode".
std::string short_name(const Key& key);

/// The rows of several parts, one after the other.
std::vector<Key> joined(std::initializer_list<std::vector<Key>> parts);

/// A list; its elements are read one by one.
bool is_list(Type type);

/// "100ms..60s", "flush | replay", "absolute path".
std::string render_allowed(const Key& key);

}  // namespace rpoguard::config
