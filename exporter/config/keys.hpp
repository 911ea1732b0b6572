// The one table of all configuration keys: it drives defaults, validation and the documentation.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rpoguard::config {

/// How the text of a value is read.
enum class Type {
  address,   ///< host:port to listen on
  argument,  ///< one word of a command: printable text, may be empty
  boolean,   ///< true | false
  choice,    ///< one of Key::choices
  choices,   ///< a list of them
  command,   ///< a list: the path of a program, then its arguments
  duration,  ///< with units: 800ms, 5s, 1h30m
  env_name,  ///< name of an environment variable
  host,      ///< name or address without a port, or the absolute directory of a Unix socket
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
  std::string_view
      or_word{};  ///< one value outside of the bounds that is accepted too: "0s", "off"
};

/// One key. `path` is where the reference file writes it; places_of() has all places.
struct Key {
  std::string_view path{};
  Type type = Type::text;
  /// The value when it is not written. In parentheses: it is derived from other keys.
  std::string_view default_text{};
  Range range{};
  std::vector<std::string_view> choices{};
  bool required = false;    ///< has no default
  bool optional = false;    ///< the empty text "" or list [] means: not set
  bool reloadable = true;   ///< false: takes effect only after a restart
  bool secret = false;      ///< its value is never shown
  std::string_view help{};  ///< one line
};

/// All keys in the order of the reference file. The rows live as long as the program.
std::span<const Key> all_keys();
/// The row with this path. REQUIRES: it exists.
const Key& key_of(std::string_view path);

/// Every place where the key may be written, as path patterns ("shards[].nodes[].port"), nearest
/// last: keys of `defaults` also in a shard, keys of `connect` also in a node, directly or in its
/// own `connect`.
std::vector<std::string> places_of(const Key& key);

/// A list; its elements are read one by one.
bool is_list(Type type);

/// "100ms..60s", "flush | replay", "absolute path".
std::string render_allowed(const Key& key);

}  // namespace rpoguard::config
