// What a piece of work costs.
#pragma once

#include "exporter/core/model/units.hpp"

namespace rpoguard::observe {

/// Time that the calling thread has had a processor. For budgets only: it stands still while the
/// thread waits.
core::Duration processor_time();

}  // namespace rpoguard::observe
