#include "exporter/config/resolver.hpp"

namespace rpoguard::config {
namespace {

std::string item(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "].";
}

std::string in_shard(std::size_t shard) {
  return item("shards", shard);
}

std::string in_node(std::size_t shard, std::size_t node) {
  return in_shard(shard) + item("nodes", node);
}

}  // namespace

KeyResolver::KeyResolver(const Settings& settings) : settings_(settings) {
  for (const Key& key : all_keys()) defaults_.emplace(key.path, default_of(key));
}

std::vector<std::string> KeyResolver::places(const Key& key, WholeFile /*at*/) {
  return {std::string(key.path)};
}

std::vector<std::string> KeyResolver::places(const Key& key, ShardAt at) {
  std::vector<std::string> places{in_shard(at.shard) + short_name(key)};
  if (key.path.starts_with(kDefaults)) places.emplace_back(key.path);
  return places;
}

std::vector<std::string> KeyResolver::places(const Key& key, NodeAt at) {
  return {in_node(at.shard, at.node) + short_name(key)};
}

std::vector<std::string> KeyResolver::places(const Key& key, ConnectAt at) {
  const std::string name = short_name(key);
  const std::string in_connect = "connect." + name;
  const std::string shared = in_shard(at.shard) + in_connect;
  if (!at.node) {
    const std::string own = "writer_endpoint." + name;
    return {in_shard(at.shard) + own, std::string(kDefaults) + own, shared, std::string(key.path)};
  }
  const std::string node = in_node(at.shard, *at.node);
  return {node + name, node + in_connect, shared, std::string(key.path)};
}

std::vector<std::string> KeyResolver::places(const Key& key, HookAt at) {
  return {item("hooks", at.hook) + short_name(key)};
}

std::optional<std::vector<std::string>> KeyResolver::regions_of_nodes(ShardAt at) const {
  std::vector<std::string> regions;
  for (std::size_t i = 0; i < settings_.shards[at.shard].nodes.size(); ++i) {
    const auto region = get<&core::NodeSpec::region>(NodeAt{.shard = at.shard, .node = i});
    if (!region.value) return std::nullopt;
    regions.push_back(*region.value);
  }
  if (regions.empty()) return std::nullopt;
  return regions;
}

std::optional<std::vector<std::string>> KeyResolver::allowed_regions(ShardAt at) const {
  const auto allowed = get<&core::ShardSpec::allowed_regions>(at);
  return allowed.written ? allowed.value : regions_of_nodes(at);
}

Place KeyResolver::place_in_shard(const Key& key, ShardAt at) const {
  const std::string path = places(key, at).front();
  if (const Setting* written = written_at(path)) return written->place;
  return {settings_.shards[at.shard].item.place.mark, path};
}

const Setting* KeyResolver::written_at(std::string_view path) const {
  const auto found = settings_.by_path.find(path);
  return found == settings_.by_path.end() ? nullptr : &found->second;
}

Chosen<Value> KeyResolver::choose(const Key& key, const std::vector<std::string>& places) const {
  for (const std::string& place : places) {
    if (const Setting* setting = written_at(place))
      return {.key = &key, .value = setting->value, .written = setting->place};
  }
  return {.key = &key, .value = defaults_.find(key.path)->second, .written = std::nullopt};
}

}  // namespace rpoguard::config
