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

std::vector<std::string> Resolver::connect_places(NodeAt node, std::string_view name) {
  const std::string in_connect = "connect." + std::string(name);
  return {node_path(node, name), node_path(node, in_connect), shard_path(node.shard, in_connect),
          "defaults." + in_connect};
}

const Setting* Resolver::first_written(const std::vector<std::string>& places) const {
  for (const std::string& place : places) {
    const auto found = settings_.by_path.find(place);
    if (found != settings_.by_path.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace rpoguard::config
