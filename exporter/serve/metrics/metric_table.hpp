// Every metric of the page: one row says how it is called, what it means and how it is read. Names
// are a contract with rules and dashboards.
#pragma once

#include <vector>

#include "exporter/serve/metrics/metric_row.hpp"

namespace rpoguard::serve {

/// All rows, sorted by name, as they stand on the page. No name is there twice. Thread-safe.
const std::vector<MetricRow>& metric_table();

}  // namespace rpoguard::serve
