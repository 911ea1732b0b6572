// The rows of the key table, in parts and in the order of the reference file; keys.hpp is how to
// look at them. A row carries the member that its key sets; what it takes to read one that is no
// plain member stands beside the row.
#pragma once

#include <vector>

#include "exporter/config/key.hpp"

namespace rpoguard::config {

std::vector<Key> process_keys();   ///< table_process.cpp: of the program as a whole
std::vector<Key> promise_keys();   ///< table_shard.cpp: what is promised
std::vector<Key> source_keys();    ///< table_sources.cpp: epochs, witnesses, the archive
std::vector<Key> failover_keys();  ///< table_shard.cpp: waivers and the gate
std::vector<Key> connect_keys();   ///< table_connect.cpp: to nodes
std::vector<Key> endpoint_keys();  ///< table_connect.cpp: through the writer endpoint
std::vector<Key> hook_keys();      ///< table_hooks.cpp
std::vector<Key> shard_keys();     ///< table_shard.cpp: shards and their nodes

}  // namespace rpoguard::config
