// Which value counts: the nearest one written, or the default of the key table.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "exporter/config/keys.hpp"
#include "exporter/config/settings.hpp"

namespace rpoguard::config {

/// The value in force for one key.
template <typename T>
struct Chosen {
  const Key* key;
  /// Absent: refused where it is written (reported), or not written and without a default.
  std::optional<T> value;
  /// Where it is written; nullopt: it is the default.
  std::optional<Place> written;
};

/// Names what keys are for, by position: the program as a whole,
struct WholeFile {
  using Owner = core::Spec;
};
/// one shard,
struct ShardAt {
  using Owner = core::ShardSpec;
  std::size_t shard;
};
/// one of its nodes,
struct NodeAt {
  using Owner = core::NodeSpec;
  std::size_t shard;
  std::size_t node;
};
/// one connection: that to a node, or (no node) that through the shard's writer endpoint,
struct ConnectAt {
  using Owner = core::ConnectSpec;
  std::size_t shard;
  std::optional<std::size_t> node{};
};
/// one hook.
struct HookAt {
  using Owner = core::HookSpec;
  std::size_t hook;
};

/// Looks values up by the member that they are for, which is one of the owner that the position
/// names: get<&Spec::probe, &ProbeSpec::interval>(WholeFile{}), get<&NodeSpec::name>(NodeAt{0, 1}).
/// `settings` must outlive it.
class KeyResolver {
 public:
  explicit KeyResolver(const Settings& settings);

  template <auto... Steps, typename At>
  Chosen<typename Path<Steps...>::Type> get(At at) const {
    using Member = Path<Steps...>;
    static_assert(std::is_same_v<typename Member::Owner, typename At::Owner>);
    const Key& key = key_of<Steps...>();
    const Chosen<Value> chosen = get(key, at);
    std::optional<typename Member::Type> value;
    if (chosen.value) value = value_as<typename Member::Type>(*chosen.value, key.choices);
    return {.key = &key, .value = std::move(value), .written = chosen.written};
  }
  /// The same with the value as the key table yields it. REQUIRES: the key is one of the owner.
  template <typename At>
  Chosen<Value> get(const Key& key, At at) const {
    return choose(key, places(key, at));
  }

  /// Where the shard's data may be: as written, or the regions of its nodes. nullopt: one of them
  /// is missing or was refused, so nothing can be said about all of them.
  std::optional<std::vector<std::string>> allowed_regions(ShardAt at) const;
  std::optional<std::vector<std::string>> regions_of_nodes(ShardAt at) const;
  /// Where a key stands in the shard itself, or would stand if it did not come from `defaults`.
  Place place_in_shard(const Key& key, ShardAt at) const;
  /// What is written at this path; null: nothing.
  const Setting* written_at(std::string_view path) const;

  const Settings& settings() const { return settings_; }

  /// Paths from near to far in which the key may be written. REQUIRES: it is one of the owner. The
  /// writer endpoint has its own host and port, which are keys of the shard.
  static std::vector<std::string> places(const Key& key, WholeFile at);
  static std::vector<std::string> places(const Key& key, ShardAt at);
  static std::vector<std::string> places(const Key& key, NodeAt at);
  static std::vector<std::string> places(const Key& key, ConnectAt at);
  static std::vector<std::string> places(const Key& key, HookAt at);

 private:
  Chosen<Value> choose(const Key& key, const std::vector<std::string>& places) const;

  const Settings& settings_;
  std::map<std::string_view, std::optional<Value>> defaults_;
};

}  // namespace rpoguard::config
