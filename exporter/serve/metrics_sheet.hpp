// The samples of one metrics page, and the text they become. Keeps prometheus-cpp out of headers.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/core/slo.hpp"
#include "exporter/serve/metric_table.hpp"

namespace prometheus {
struct MetricFamily;
}

namespace rpoguard::serve {

/// One family per row of the table, filled sample by sample. Label values must be valid UTF-8 (P2).
class MetricsSheet {
 public:
  /// In the order of the row's labels.
  using Values = std::initializer_list<std::string_view>;

  MetricsSheet();
  ~MetricsSheet();
  MetricsSheet(const MetricsSheet&) = delete;
  MetricsSheet& operator=(const MetricsSheet&) = delete;

  /// Room for so many samples of each family.
  void expect(std::size_t samples);
  void add(Metric metric, Values label_values, double value);
  void add(Metric metric, Values label_values, bool value) {
    add(metric, label_values, value ? 1.0 : 0.0);
  }
  // An unknown value is absent.
  template <typename T, typename ToDouble>
  void add(Metric metric, Values label_values, const std::optional<T>& value, ToDouble to_double) {
    if (value) add(metric, label_values, static_cast<double>(to_double(*value)));
  }
  template <typename T>
  void add(Metric metric, Values label_values, const std::optional<T>& value) {
    if (value) add(metric, label_values, static_cast<double>(*value));
  }
  /// Time takes the place of observations: each whole second counts as one.
  void add(Metric metric, Values label_values, const core::ExposureHistogram& histogram);

  /// The families that have samples. Once only.
  std::vector<prometheus::MetricFamily> take();

 private:
  std::vector<prometheus::MetricFamily> families_;
};

/// The text format 0.0.4.
std::string to_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace rpoguard::serve
