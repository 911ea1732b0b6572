// Under which name the writer's row for each node stands.
#pragma once

#include <string>
#include <vector>

#include "exporter/core/judge/servers.hpp"
#include "exporter/core/model/spec.hpp"

namespace rpoguard::core {

/// By node, the application_name of the writer's row for it; empty where no name tells it apart.
/// What the configuration says holds, whatever the copy announces; else what the copy announces
/// itself; else, as long as it has not told, the node's name. A name that two servers have by the
/// same right is neither's. REQUIRES: sightings are parallel to the spec's nodes.
std::vector<std::string> row_names(const ShardSpec& spec, const Servers& servers);

}  // namespace rpoguard::core
