// Whose WAL a node holds, as far as that is known.
#pragma once

#include <optional>
#include <string>

#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

/// What is known of one node's WAL. It stays until something else is seen, or an operator says so.
struct NodeLineage {
  Lineage state = Lineage::unknown;
  std::string why;       ///< one sentence for a person where the state needs explaining, else empty
  std::string remedy{};  ///< what to do about it; only of what counts now, never kept on disk
  /// Where the writer's WAL had come to when this doubt arose: a mark that was written before says
  /// nothing to it. Absent: not known, or no doubt.
  std::optional<Lsn> since{};
  /// Diverged: up to here it had replayed WAL by then, or written it itself.
  std::optional<Lsn> replayed{};
  friend bool operator==(const NodeLineage&, const NodeLineage&) = default;
};

/// Of a node against which nothing is held: it has not been judged yet, because rpoguard has just
/// been installed, the node was added, or it was the writer itself; or it has been readmitted.
NodeLineage at_first_sight();

/// Of a node that holds other WAL than the writer's.
NodeLineage diverged(std::string why, std::optional<Lsn> replayed,
                     std::optional<Lsn> since = std::nullopt);

/// "it had WAL beyond 0/300: save what only it has, rebuild it, ..."; empty where nothing needs
/// explaining.
std::string render_lineage(const NodeLineage& lineage);

/// May a position of such a node prove anything?
constexpr bool is_sound(Lineage lineage) {
  return lineage == Lineage::follows || lineage == Lineage::assumed;
}

}  // namespace rpoguard::core
