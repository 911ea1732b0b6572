// The writer's stamp as a mark in its WAL: a copy that has replayed more than the writer had
// written when it showed the stamp, and does not show it, holds other WAL. docs/decisions/0009.
#pragma once

#include <cstdint>
#include <optional>

#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

struct StampMark {
  Epoch epoch;
  WallTime promoted_at;  ///< the writer's clock: nobody else has stamped at that very microsecond
  std::uint64_t system_identifier = 0;
  Timeline timeline;
  Lsn before;  ///< the stamp lies before this in the writer's WAL
};

/// The first that the writer has shown on its timeline. Without a writer `known` stays. Absent: it
/// was never promoted, so nobody shares its timeline; or its stamp does not tell when it was made.
std::optional<StampMark> follow_stamp_mark(std::optional<StampMark> known,
                                           const std::optional<ConfirmedWriter>& writer);

/// Does this copy, on the mark's timeline, show another stamp in its place? One that shows none
/// tells nothing.
bool shows_another(const StampMark& mark, const NodeFacts& copy);

/// Does it show no stamp at all? That tells nothing, and proves nothing either.
bool shows_none(const StampMark& mark, const NodeFacts& copy);

}  // namespace rpoguard::core
