#include "exporter/core/judge/freeze.hpp"

namespace rpoguard::core {

FreezeState expire_freeze(FreezeState state, WallTime wall) {
  auto& freeze = state.freeze;
  if (freeze && freeze->until && *freeze->until <= wall) {
    state.ended = "the freeze by " + freeze->by + " has expired as set";
    freeze.reset();
  }
  return state;
}

}  // namespace rpoguard::core
