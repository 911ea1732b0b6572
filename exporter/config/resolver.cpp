#include "exporter/config/resolver.hpp"

namespace rpoguard::config {

Resolver::Resolver(const Settings& settings) : settings_(settings) {
  for (const Key& key : all_keys()) defaults_.emplace(key.path, default_of(key));
}

std::string Resolver::shard_path(std::size_t shard, std::string_view name) {
  return "shards[" + std::to_string(shard) + "]." + std::string(name);
}

std::string Resolver::node_path(NodeAt node, std::string_view name) {
  return shard_path(node.shard, "nodes[" + std::to_string(node.node) + "]." + std::string(name));
}

std::vector<std::string> Resolver::policy_places(std::size_t shard, std::string_view name) {
  return {shard_path(shard, name), "defaults." + std::string(name)};
}

std::vector<std::string> Resolver::connect_places(ConnectAt at, std::string_view name) {
  const std::string in_connect = "connect." + std::string(name);
  const std::string shared = shard_path(at.shard, in_connect);
  if (!at.node) {
    const auto own = policy_places(at.shard, "writer_endpoint." + std::string(name));
    return {own[0], own[1], shared, "defaults." + in_connect};
  }
  const NodeAt node{.shard = at.shard, .node = *at.node};
  return {node_path(node, name), node_path(node, in_connect), shared, "defaults." + in_connect};
}

std::optional<std::vector<std::string>> Resolver::regions_of_nodes(std::size_t index) const {
  std::vector<std::string> regions;
  for (std::size_t i = 0; i < settings_.shards[index].nodes.size(); ++i) {
    const auto region = node<std::string>({.shard = index, .node = i}, "region");
    if (!region.value) return std::nullopt;
    regions.push_back(*region.value);
  }
  if (regions.empty()) return std::nullopt;
  return regions;
}

std::optional<std::vector<std::string>> Resolver::allowed_regions(std::size_t index) const {
  const auto allowed = shard<std::vector<std::string>>(index, "allowed_regions");
  return allowed.written ? allowed.value : regions_of_nodes(index);
}

Place Resolver::place_in_shard(std::size_t shard, std::string_view name) const {
  const std::string path = shard_path(shard, name);
  const auto written = settings_.by_path.find(path);
  if (written != settings_.by_path.end()) return written->second.place;
  return {settings_.shards[shard].item.place.mark, path};
}

const Setting* Resolver::first_written(const std::vector<std::string>& places) const {
  for (const std::string& place : places) {
    const auto found = settings_.by_path.find(place);
    if (found != settings_.by_path.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace rpoguard::config
