#include "exporter/core/judge/memory.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace rpoguard::core {
namespace {

bool same_address(const NodeSpec& a, const NodeSpec& b) {
  return a.connect.host == b.connect.host && a.connect.port == b.connect.port;
}

bool is_same_node(const NodeSpec& a, const NodeSpec& b) {
  return a.name == b.name && same_address(a, b);
}

bool has_node(const ShardSpec& spec, const std::string& name) {
  return std::ranges::find(spec.nodes, name, &NodeSpec::name) != spec.nodes.end();
}

// What is held against a server stays when its node is given another name.
void rename_nodes(LineageRecord& record, const ShardSpec& before, const ShardSpec& after) {
  for (const NodeSpec& old : before.nodes) {
    const auto known = record.nodes.find(old.name);
    if (known == record.nodes.end() || has_node(after, old.name)) continue;
    for (const NodeSpec& node : after.nodes) {
      if (same_address(old, node) && !has_node(before, node.name))
        record.nodes[node.name] = known->second;
    }
  }
}

// What is remembered of each node that is still there, in the new order. Before the first
// evaluation nothing is.
template <typename Each>
std::vector<Each> rearranged(std::vector<Each> known, const ShardSpec& before,
                             const ShardSpec& after) {
  std::vector<Each> kept(after.nodes.size());
  for (std::size_t to = 0; to < after.nodes.size(); ++to) {
    for (std::size_t from = 0; from < std::min(before.nodes.size(), known.size()); ++from) {
      if (is_same_node(before.nodes[from], after.nodes[to])) kept[to] = std::move(known[from]);
    }
  }
  return kept;
}

}  // namespace

std::string readmit(ShardMemory& memory, const ShardSpec& spec, const std::string& name,
                    Instant now) {
  const auto found = std::ranges::find(spec.nodes, name, &NodeSpec::name);
  if (found == spec.nodes.end()) return "shard " + spec.id + " has no node " + name;
  auto& nodes = memory.durable.lineage.nodes;
  const auto known = nodes.find(name);
  if (known == nodes.end() || is_sound(known->second.state))
    return "nothing is held against " + name + ": there is nothing to readmit";
  known->second = at_first_sight();
  const auto node = static_cast<std::size_t>(found - spec.nodes.begin());
  memory.lineage.tracks.resize(spec.nodes.size());
  memory.lineage.tracks[node] = {};
  memory.lineage.tracks[node].not_before = now;
  if (node < memory.copies.size()) memory.copies[node] = {};
  return "";
}

ShardMemory adopt(ShardMemory memory, const ShardSpec& before, const ShardSpec& after) {
  rename_nodes(memory.durable.lineage, before, after);
  memory.readings = rearranged(std::move(memory.readings), before, after);
  memory.lineage.tracks = rearranged(std::move(memory.lineage.tracks), before, after);
  memory.servers.sightings = rearranged(std::move(memory.servers.sightings), before, after);
  memory.copies = rearranged(std::move(memory.copies), before, after);
  // Another witness may mean something else by its numbers.
  if (before.epoch_witness != after.epoch_witness) memory.epoch_witness = {};
  if (before.generation_witness != after.generation_witness) memory.generation_witness = {};
  if (before.archive != after.archive) {  // another repository, which has not answered yet either
    ArchiveMemory archive;
    archive.failure = std::move(memory.archive.failure);
    memory.archive = std::move(archive);
    memory.durable.archive_foreign_until.reset();
  }
  return memory;
}

}  // namespace rpoguard::core
