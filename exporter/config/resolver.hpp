// Which value counts: the nearest one written, or the default of the key table.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/config/settings.hpp"

namespace rpoguard::config {

/// The value in force for one key.
template <typename T>
struct Chosen {
  /// Absent: refused where it is written (reported), or not written and without a default.
  std::optional<T> value;
  /// Where it is written; nullopt: it is the default.
  std::optional<Place> written;
};

/// Names one shard, or one of its nodes, by position.
struct NodeAt {
  std::size_t shard;
  std::size_t node;
};

/// Names one connection: that to a node, or (no node) that through the shard's writer endpoint.
struct ConnectAt {
  // NOLINTNEXTLINE(google-explicit-constructor)
  ConnectAt(NodeAt at) : shard(at.shard), node(at.node) {}
  explicit ConnectAt(std::size_t its_shard) : shard(its_shard) {}

  std::size_t shard;
  std::optional<std::size_t> node;
};

/// Looks values up by their names in the reference file: global("probe.interval"),
/// policy(0, "gate.mode"), connect({0, 1}, "port"), shard(0, "id"), node({0, 1}, "name"),
/// hook(0, "url"). The type
/// must be the one the key yields (value.hpp). `settings` must outlive it.
class Resolver {
 public:
  explicit Resolver(const Settings& settings);

  template <typename T>
  Chosen<T> global(std::string_view key) const {
    return choose<T>(key, {std::string(key)});
  }
  template <typename T>
  Chosen<T> policy(std::size_t shard, std::string_view name) const {
    return choose<T>("defaults." + std::string(name), policy_places(shard, name));
  }
  template <typename T>
  Chosen<T> connect(ConnectAt at, std::string_view name) const {
    return choose<T>("defaults.connect." + std::string(name), connect_places(at, name));
  }
  template <typename T>
  Chosen<T> shard(std::size_t shard, std::string_view name) const {
    return choose<T>("shards[]." + std::string(name), {shard_path(shard, name)});
  }
  template <typename T>
  Chosen<T> node(NodeAt node, std::string_view name) const {
    return choose<T>("shards[].nodes[]." + std::string(name), {node_path(node, name)});
  }

  template <typename T>
  Chosen<T> hook(std::size_t hook, std::string_view name) const {
    return choose<T>("hooks[]." + std::string(name),
                     {"hooks[" + std::to_string(hook) + "]." + std::string(name)});
  }

  /// Where the shard's data may be: as written, or the regions of its nodes. nullopt: one of them
  /// is missing or was refused, so nothing can be said about all of them.
  std::optional<std::vector<std::string>> allowed_regions(std::size_t shard) const;
  std::optional<std::vector<std::string>> regions_of_nodes(std::size_t shard) const;
  /// Where a policy key stands in the shard itself, or would stand if it did not come from
  /// `defaults`.
  Place place_in_shard(std::size_t shard, std::string_view name) const;

  const Settings& settings() const { return settings_; }
  /// Paths from near to far in which a connect key of this connection may be written. The endpoint
  /// has its own host and port: those two are policy("writer_endpoint.host").
  static std::vector<std::string> connect_places(ConnectAt at, std::string_view name);

 private:
  static std::string shard_path(std::size_t shard, std::string_view name);
  static std::string node_path(NodeAt node, std::string_view name);
  static std::vector<std::string> policy_places(std::size_t shard, std::string_view name);
  const Setting* first_written(const std::vector<std::string>& places) const;

  template <typename T>
  Chosen<T> choose(std::string_view key, const std::vector<std::string>& places) const {
    Chosen<T> chosen;
    const std::optional<Value>* value = &defaults_.find(key)->second;
    if (const Setting* setting = first_written(places)) {
      chosen.written = setting->place;
      value = &setting->value;
    }
    if (value->has_value()) chosen.value = std::get<T>(**value);
    return chosen;
  }

  const Settings& settings_;
  std::map<std::string_view, std::optional<Value>> defaults_;
};

}  // namespace rpoguard::config
