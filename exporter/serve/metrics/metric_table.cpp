#include "exporter/serve/metrics/metric_table.hpp"

#include <algorithm>

#include "exporter/base/check.hpp"
#include "exporter/serve/metrics/metric_rows.hpp"

namespace rpoguard::serve {
namespace {

std::vector<MetricRow> sorted_rows() {
  std::vector<MetricRow> rows;
  for (const auto part : {process_rows(), shard_rows(), archive_rows(), node_rows()})
    rows.insert(rows.end(), part.begin(), part.end());
  std::ranges::sort(rows, {}, &MetricRow::name);
  RPOGUARD_CHECK(std::ranges::adjacent_find(rows, {}, &MetricRow::name) == rows.end());
  return rows;
}

}  // namespace

const std::vector<MetricRow>& metric_table() {
  static const std::vector<MetricRow> table = sorted_rows();
  return table;
}

}  // namespace rpoguard::serve
