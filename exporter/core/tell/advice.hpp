// What a configuration means, for the person who wrote it. Pure.
#pragma once

#include <string>
#include <vector>

#include "exporter/core/model/spec.hpp"

namespace rpoguard::core {

/// Which copies count while the writer is in the home region, and why each other one does not:
/// "phx-a counts; iad-b does not: it is in the writer's region".
std::string who_counts(const ShardSpec& shard);

/// What is allowed and rarely meant, one sentence each: regions that differ only in case, '-', '_'
/// or '.'. "IAD" beside "iad" is another region, so its copies count as remote ones.
std::vector<std::string> doubts_about(const Spec& spec);

}  // namespace rpoguard::core
