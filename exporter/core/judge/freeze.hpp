// An operator's freeze, and how it ends by itself: a step of an evaluation.
#pragma once

#include <optional>
#include <string>

#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

struct FreezeState {
  std::optional<Freeze> freeze;
  std::string ended;  ///< how the last freeze ended, for people; empty: none has since the start
};

/// Ends a freeze whose time has come.
FreezeState expire_freeze(FreezeState state, WallTime wall);

}  // namespace rpoguard::core
