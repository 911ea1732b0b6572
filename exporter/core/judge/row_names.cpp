#include "exporter/core/judge/row_names.hpp"

#include <cstddef>

#include "exporter/base/check.hpp"

namespace rpoguard::core {
namespace {

/// Who says it, from the least to the most.
enum class Source { guessed, announced, configured };

struct Claim {
  std::string name;
  Source source = Source::guessed;
};

Claim claim_of(const NodeSpec& node, const std::optional<Sighting>& server) {
  if (!node.application_name.empty()) return {node.application_name, Source::configured};
  if (server && server->announced_name) return {*server->announced_name, Source::announced};
  return {node.name, Source::guessed};
}

}  // namespace

std::vector<std::string> row_names(const ShardSpec& spec, const Servers& servers) {
  RPOGUARD_CHECK(servers.sightings.size() == spec.nodes.size());
  std::vector<Claim> claims;
  for (std::size_t node = 0; node < spec.nodes.size(); ++node)
    claims.push_back(claim_of(spec.nodes[node], servers.sightings[node]));
  std::vector<std::string> names;
  for (std::size_t node = 0; node < claims.size(); ++node) {
    names.push_back(claims[node].name);
    for (std::size_t other = 0; other < claims.size(); ++other) {
      if (claims[other].name == claims[node].name && claims[other].source >= claims[node].source &&
          !servers.are_one(spec.nodes[other], spec.nodes[node]))
        names.back().clear();
    }
  }
  return names;
}

}  // namespace rpoguard::core
