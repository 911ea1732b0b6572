// What no key can say alone: missing keys, and values that contradict each other.
#pragma once

#include "exporter/config/report.hpp"
#include "exporter/config/resolver.hpp"

namespace rpoguard::config {

/// Reports every required key that is not written.
void check_required(const KeyResolver& resolver, Report& report);

/// Reports every contradiction. A value that has been refused takes part in none.
void check_contradictions(const KeyResolver& resolver, Report& report);

}  // namespace rpoguard::config
