#include "exporter/core/judge/memory.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
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

bool lead_there(const Addresses& addresses, const Address& to) {
  return std::ranges::any_of(addresses, [&](const Address& each) { return leads_there(each, to); });
}

const Address* find(const Addresses& addresses, const std::string& name) {
  const auto found = std::ranges::find(addresses, name, &Address::name);
  return found == addresses.end() ? nullptr : &*found;
}

// Servers that the configuration does not name any more go on under the name that they had, or,
// where that was given to another server that was known, under one that no node can have.
Addresses with_departed(const Addresses& before, const Addresses& after) {
  Addresses all = after;
  for (const Address& old : before) {
    if (lead_there(after, old)) continue;
    const Address* now = find(after, old.name);
    if (now == nullptr) {
      all.push_back(old);
    } else if (lead_there(before, *now)) {
      all.push_back({old.name + "@" + old.host, old.host, old.port});
    }  // else: the node has moved to a new address
  }
  return all;
}

/// How servers are called in one configuration and in the next. What is known of a server goes with
/// its address.
///
/// Example. phx-a and phx-b have changed places: phx-a leads to where phx-b did. What is held
/// against phx-a now goes with phx-b.
struct Naming {
  Addresses before;
  Addresses after;  ///< with_departed()

  /// Its server is called otherwise now, or the name is another server's. Absent: neither.
  std::optional<std::string> other_name(const std::string& name) const {
    const Address* old = find(before, name);
    if (old == nullptr || has(after, *old)) return std::nullopt;
    const auto now =
        std::ranges::find_if(after, [&](const Address& each) { return leads_there(each, *old); });
    return now == after.end() ? std::nullopt : std::optional(now->name);
  }
  std::string name_now(const std::string& name) const { return other_name(name).value_or(name); }
};

bool is_worse(const NodeLineage& a, const NodeLineage& b) {
  return !is_sound(a.state) && is_sound(b.state);
}

// What is known goes also with a second name that a server gets: the first may be taken from it in
// the next configuration. What two names have shown that both stay is known of each.
template <typename Value, typename Worse>
std::map<std::string, Value> renamed(const std::map<std::string, Value>& known,
                                     const Naming& naming, Worse worse) {
  std::map<std::string, Value> nodes;
  for (const auto& [name, value] : known) {
    if (!naming.other_name(name)) nodes.emplace(name, value);
  }
  for (const Address& now : naming.after) {
    for (const Address& old : naming.before) {
      const auto value = known.find(old.name);
      const bool both_stay = has(naming.before, now) && has(naming.after, old);
      if (!leads_there(old, now) || both_stay || value == known.end()) continue;
      const auto put = nodes.try_emplace(now.name, value->second).first;
      if (worse(value->second, put->second)) put->second = value->second;
    }
  }
  return nodes;
}

// What the last writer fed is its own WAL, whatever it is called from now on.
std::set<std::string> renamed_feeders(const std::set<std::string>& names,
                                      const std::optional<WriterRun>& last, const Naming& naming) {
  std::set<std::string> feeders;
  for (const std::string& name : names) {
    if (!last || name != last->node) feeders.insert(naming.name_now(name));
  }
  return feeders;
}

// A rival has one name: if it had two, the second would stay when the first is struck off.
using Rivals = std::map<std::string, std::optional<Epoch>>;
Rivals renamed_rivals(const Rivals& known, const Naming& naming) {
  Rivals rivals;
  for (const auto& [name, epoch] : known) rivals.insert_or_assign(naming.name_now(name), epoch);
  return rivals;
}

void rename_nodes(LineageRecord& record, const Naming& naming) {
  const auto never = [](const auto&, const auto&) { return false; };
  record.nodes = renamed(record.nodes, naming, is_worse);
  record.lives_in_recovery = renamed(record.lives_in_recovery, naming, never);
  record.fed_by = renamed(record.fed_by, naming, never);
  for (auto& [name, feeders] : record.fed_by)
    feeders.names = renamed_feeders(feeders.names, record.run, naming);
  for (const Address& now : naming.after) {
    const bool receives = std::ranges::any_of(naming.before, [&](const Address& old) {
      return leads_there(old, now) && record.receives.contains(old.name);
    });
    if (receives) record.receives.insert(now.name);
  }
  if (record.run) record.run->node = naming.name_now(record.run->node);
}

// The name of the last writer may be another server's now, which is not the writer by its name.
void rename_writer(EpochRecord& record, const Naming& naming) {
  if (find(naming.after, record.confirmed_node) != nullptr)
    record.confirmed_node = naming.name_now(record.confirmed_node);
}

// Of a server that is not configured any more: what is held against it must come back with it.
bool is_remembered(const DurableMemory& durable, const std::string& name) {
  const auto lineage = durable.lineage.nodes.find(name);
  const bool held = lineage != durable.lineage.nodes.end() && !is_sound(lineage->second.state);
  return held || durable.epochs.rivals.contains(name) || durable.epochs.confirmed_node == name;
}

void rename_nodes(DurableMemory& durable, const Naming& naming, const ShardSpec& after) {
  rename_nodes(durable.lineage, naming);
  durable.epochs.rivals = renamed_rivals(durable.epochs.rivals, naming);
  rename_writer(durable.epochs, naming);
  durable.addresses = addresses_of(after);
  for (const Address& each : naming.after) {
    if (!has(durable.addresses, each) && is_remembered(durable, each.name))
      durable.addresses.push_back(each);
  }
}

Naming naming_of(const Addresses& before, const ShardSpec& after) {
  return {.before = before, .after = with_departed(before, addresses_of(after))};
}

// With those that had left before.
Addresses all_addresses(const DurableMemory& durable, const ShardSpec& spec) {
  Addresses all = addresses_of(spec);
  for (const Address& each : durable.addresses) {
    if (find(all, each.name) == nullptr) all.push_back(each);
  }
  return all;
}

// Another one may hold other WAL, and another way may lead to the same one: what is held against it
// stays. How often it is looked at, and who may read it, changes nothing.
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
  const Naming naming = naming_of(all_addresses(memory.durable, before), after);
  for (Track& track : memory.lineage.tracks)
    track.fed_by = renamed_feeders(track.fed_by, memory.durable.lineage.run, naming);
  rename_nodes(memory.durable, naming, after);
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
    memory.durable.archive_last_backup.reset();
  }
  return memory;
}

DurableMemory recall(DurableMemory durable, const ShardSpec& spec) {
  const Naming naming = naming_of(durable.addresses, spec);
  rename_nodes(durable, naming, spec);
  return durable;
}

}  // namespace rpoguard::core
