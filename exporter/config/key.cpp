#include "exporter/config/key.hpp"

#include <initializer_list>

#include "exporter/base/check.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::config {
namespace {

static_assert(core::limits::kNodesPerShardMax == 16, "render_type() says 16");
static_assert(core::limits::kNameBytesMax == 63, "render_type() says 63");
static_assert(core::limits::kHooksMax == 16, "the reference file says 16");
static_assert(core::limits::kQueryBytesMax == 4096, "render_type() says 4096");
static_assert(core::limits::kCommandWordsMax == 64, "render_type() says 64");

std::string render_range(const Key& key) {
  const Range& range = key.range;
  std::string text;
  if (!range.or_word.empty()) text += std::string(range.or_word) + " or ";
  if (range.low_excluded || range.high_excluded) {
    text += std::string("more than ") + std::string(range.low);
    text += range.high_excluded ? " and less than " : " and at most ";
    return text + std::string(range.high);
  }
  return text + std::string(range.low) + ".." + std::string(range.high);
}

std::string render_choices(const Key& key) {
  std::string text;
  for (const std::string_view choice : key.choices) {
    if (!text.empty()) text += " | ";
    text += choice;
  }
  return text;
}

std::string render_type(const Key& key) {
  switch (key.type) {
    case Type::address:
      return "host:port, e.g. \":10187\", \"10.0.0.1:10187\" or \"[::1]:10187\"";
    case Type::argument:
      return "printable text of at most 4095 bytes";
    case Type::boolean:
      return "true | false";
    case Type::choice:
      return render_choices(key);
    case Type::choices:
      return "a list of " + render_choices(key);
    case Type::command:
      return "a list of 1..64 texts: the absolute path of a program, then its arguments";
    case Type::dns_name:
      return "a name in the DNS, without a port";
    case Type::dns_names:
      return "a list of 1..16 different names in the DNS, e.g. [\"rpoguard.example.com\"]";
    case Type::env_name:
      return "letters, digits and _, not starting with a digit";
    case Type::host:
      return "a host name, an IP address, or an absolute path to a socket directory";
    case Type::duration:
    case Type::integer:
    case Type::number:
      return render_range(key);
    case Type::label:
      return "1..63 bytes of printable text without white space, /, ? and #";
    case Type::labels:
      return "a list of 1..16 different names, e.g. [iad, phx]";
    case Type::path:
      return "an absolute path";
    case Type::pointer:
      return "a JSON pointer (RFC 6901) such as /shard/epoch";
    case Type::query:
      return "one SQL statement of at most 4096 bytes";
    case Type::queries:
      return "a list of 1..16 SQL statements of at most 4096 bytes each";
    case Type::settings:
      return "a list of 1..16 texts NAME=VALUE";
    case Type::text:
      return "1..63 bytes of printable text";
    case Type::url:
      return "http[s]://HOST[:PORT][/PATH][?QUERY]; {shard} in PATH and QUERY is the shard's id";
  }
  RPOGUARD_CHECK(false);  // uncovered: all types return
}

}  // namespace

std::vector<std::string> places_of(const Key& key) {
  std::vector<std::string> places{std::string(key.path)};
  if (!key.path.starts_with(kDefaults)) return places;
  places.push_back(std::string(kShard) + std::string(key.path.substr(kDefaults.size())));
  if (!key.path.starts_with(kConnect)) return places;
  const std::string name = short_name(key);
  places.push_back(std::string(kNode) + "connect." + name);
  places.push_back(std::string(kNode) + name);
  return places;
}

std::string short_name(const Key& key) {
  for (const std::string_view group : {kConnect, kDefaults, kNode, kShard, kHook})
    if (key.path.starts_with(group)) return std::string(key.path.substr(group.size()));
  return std::string(key.path);
}

std::vector<Key> joined(std::initializer_list<std::vector<Key>> parts) {
  std::vector<Key> all;
  for (const std::vector<Key>& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

bool is_list(Type type) {
  return type == Type::labels || type == Type::command || type == Type::choices ||
         type == Type::dns_names || type == Type::queries || type == Type::settings;
}

std::string render_allowed(const Key& key) {
  std::string text = render_type(key);
  if (key.optional) text += is_list(key.type) ? ", or [] for none" : ", or \"\" for none";
  return text;
}

}  // namespace rpoguard::config
