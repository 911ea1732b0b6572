#include "exporter/core/judge/memory.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
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

using Address = DurableMemory::Address;
using Addresses = std::vector<Address>;

Addresses addresses_of(const ShardSpec& spec) {
  Addresses addresses;
  for (const NodeSpec& node : spec.nodes)
    addresses.push_back({node.name, node.connect.host, node.connect.port});
  return addresses;
}

bool leads_there(const Address& a, const Address& b) {
  return a.host == b.host && a.port == b.port;
}

bool has(const Addresses& addresses, const Address& address) {
  return std::ranges::find(addresses, address) != addresses.end();
}

// The names by which the server was called that this one leads to; empty: it is called as before,
// or nobody knew it.
//
// Example. phx-a and phx-b have changed places: phx-a leads to where phx-b did. What is held
// against phx-a now goes with phx-b.
std::vector<std::string> former_names(const Address& now, const Addresses& before,
                                      const Addresses& after) {
  std::vector<std::string> names;
  if (has(before, now)) return names;
  for (const Address& old : before) {
    if (leads_there(old, now) && !has(after, old)) names.push_back(old.name);
  }
  return names;
}

bool is_worse(const NodeLineage& a, const NodeLineage& b) {
  return !is_sound(a.state) && is_sound(b.state);
}

using NodeLineages = std::map<std::string, NodeLineage>;
using Rivals = std::map<std::string, std::optional<Epoch>>;

NodeLineages renamed(const NodeLineages& known, const Addresses& before, const Addresses& after) {
  NodeLineages nodes = known;
  for (const Address& now : after) {
    const auto names = former_names(now, before, after);
    if (!names.empty()) nodes.erase(now.name);
    for (const std::string& name : names) {
      const auto old = known.find(name);
      if (old == known.end()) continue;
      const auto put = nodes.try_emplace(now.name, old->second).first;
      if (is_worse(old->second, put->second)) put->second = old->second;
    }
  }
  return nodes;
}

Rivals renamed(const Rivals& known, const Addresses& before, const Addresses& after) {
  Rivals rivals = known;
  for (const Address& now : after) {
    const auto names = former_names(now, before, after);
    if (!names.empty()) rivals.erase(now.name);
    for (const std::string& name : names) rivals.erase(name);
  }
  for (const Address& now : after) {
    for (const std::string& name : former_names(now, before, after)) {
      const auto old = known.find(name);
      if (old != known.end()) rivals.insert_or_assign(now.name, old->second);
    }
  }
  return rivals;
}

void rename_writer(WriterRun& run, const Addresses& before, const Addresses& after) {
  for (const Address& now : after) {
    const auto names = former_names(now, before, after);
    if (std::ranges::find(names, run.node) == names.end()) continue;
    run.node = now.name;
    return;
  }
}

// What is known of a server goes with its address when its node gets another name.
void rename_nodes(DurableMemory& durable, const Addresses& before, Addresses after) {
  durable.lineage.nodes = renamed(durable.lineage.nodes, before, after);
  durable.epochs.rivals = renamed(durable.epochs.rivals, before, after);
  if (auto& run = durable.lineage.run) rename_writer(*run, before, after);
  durable.addresses = std::move(after);
}

// Another one may hold other WAL. How often it is looked at, and who may read it, changes nothing.
bool is_same_repository(const ArchiveSpec& a, const ArchiveSpec& b) {
  return a.source == b.source && a.directory == b.directory && a.command == b.command &&
         a.format == b.format;
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
  memory.durable.lineage.fed_by.erase(name);
  const auto node = static_cast<std::size_t>(found - spec.nodes.begin());
  memory.lineage.tracks.resize(spec.nodes.size());
  memory.lineage.tracks[node] = {};
  memory.lineage.tracks[node].not_before = now;
  if (node < memory.copies.size()) memory.copies[node] = {};
  return "";
}

ShardMemory adopt(ShardMemory memory, const ShardSpec& before, const ShardSpec& after) {
  rename_nodes(memory.durable, addresses_of(before), addresses_of(after));
  memory.readings = rearranged(std::move(memory.readings), before, after);
  memory.lineage.tracks = rearranged(std::move(memory.lineage.tracks), before, after);
  memory.servers.sightings = rearranged(std::move(memory.servers.sightings), before, after);
  memory.copies = rearranged(std::move(memory.copies), before, after);
  // Another witness may mean something else by its numbers.
  if (before.epoch_witness != after.epoch_witness) memory.epoch_witness = {};
  if (before.generation_witness != after.generation_witness) memory.generation_witness = {};
  if (!is_same_repository(before.archive, after.archive)) {  // it has not answered yet either
    ArchiveMemory archive;
    archive.failure = std::move(memory.archive.failure);
    memory.archive = std::move(archive);
    memory.durable.archive_foreign_until.reset();
    memory.durable.archive_last_backup.reset();
  }
  return memory;
}

DurableMemory recall(DurableMemory durable, const ShardSpec& spec) {
  const Addresses before = durable.addresses;
  rename_nodes(durable, before, addresses_of(spec));
  return durable;
}

}  // namespace rpoguard::core
