// Contradictions in the list of hooks.
#pragma once

#include "exporter/config/report.hpp"
#include "exporter/config/resolver.hpp"

namespace rpoguard::config {

/// Reports names that are not unique, and keys that a hook's type needs or has no use for.
void check_hooks(const KeyResolver& resolver, Report& report);

}  // namespace rpoguard::config
