#include "exporter/core/judge/node_lineage.hpp"

#include <utility>

namespace rpoguard::core {

NodeLineage at_first_sight() {
  return {.state = Lineage::assumed, .why = {}};
}

NodeLineage diverged(std::string why, std::optional<Lsn> replayed, std::optional<Lsn> since) {
  return {.state = Lineage::diverged, .why = std::move(why), .since = since, .replayed = replayed};
}

std::string render_lineage(const NodeLineage& lineage) {
  return lineage.why + (lineage.remedy.empty() ? "" : ": " + lineage.remedy);
}

}  // namespace rpoguard::core
