// What a row of the metric table adds its samples to. Keeps prometheus-cpp out of headers.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "exporter/core/model/slo.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/serve/metrics/metric_row.hpp"

namespace prometheus {
struct MetricFamily;
}

namespace rpoguard::serve {

/// A value as the page shows it: durations in seconds, moments in seconds since 1970, true is 1. An
/// unknown value stays unknown.
template <typename T>
requires std::is_arithmetic_v<T> std::optional<double> number_of(T value) {
  return static_cast<double>(value);
}
inline std::optional<double> number_of(core::Duration value) {
  return core::to_seconds(value);
}
// Whole microseconds divided once: no digits that are not there.
inline std::optional<double> number_of(core::WallTime value) {
  return static_cast<double>(value.time_since_epoch().count()) / 1e6;
}
inline std::optional<double> number_of(core::Lsn value) {
  return static_cast<double>(value.value);
}
inline std::optional<double> number_of(core::Epoch value) {
  return static_cast<double>(value.value);
}
inline std::optional<double> number_of(core::Timeline value) {
  return static_cast<double>(value.value);
}
template <typename T>
std::optional<double> number_of(const std::optional<T>& value) {
  return value ? number_of(*value) : std::nullopt;
}

/// The samples of one row.
class Samples {
 public:
  /// In the order of the row's labels, valid UTF-8: Prometheus refuses a page with any other.
  using LabelValues = std::span<const std::string_view>;

  Samples(const MetricRow& row, prometheus::MetricFamily& family) : row_(row), family_(family) {}

  /// Room for so many.
  void expect(std::size_t samples);
  template <typename T>
  void add(LabelValues labels, const T& value) {
    if constexpr (std::is_same_v<T, core::ExposureHistogram>) {
      add_histogram(labels, value);
    } else if (const std::optional<double> number = number_of(value)) {
      add_number(labels, *number);
    }
  }

 private:
  void add_number(LabelValues labels, double value);
  /// Time takes the place of observations: each whole second counts as one.
  void add_histogram(LabelValues labels, const core::ExposureHistogram& histogram);

  const MetricRow& row_;
  prometheus::MetricFamily& family_;
};

/// The samples of one row that are about one subject: its own labels come first.
class SamplesOf {
 public:
  using LabelValues = std::initializer_list<std::string_view>;

  SamplesOf(Samples& samples, LabelValues subject) : samples_(samples) { append(subject); }

  /// Adds one sample. `more`: the labels that follow the subject's.
  template <typename T>
  void operator()(LabelValues more, const T& value) {
    const std::size_t own = count_;
    append(more);
    samples_.add({values_.data(), count_}, value);
    count_ = own;
  }

 private:
  void append(LabelValues values) {
    for (const std::string_view value : values) values_.at(count_++) = value;
  }

  Samples& samples_;
  std::array<std::string_view, kMetricLabelsMax> values_;
  std::size_t count_ = 0;
};

}  // namespace rpoguard::serve
