#include "exporter/serve/metrics/metrics_samples.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include <prometheus/metric_family.h>

#include "exporter/base/check.hpp"

namespace rpoguard::serve {
namespace {

using prometheus::ClientMetric;

ClientMetric& add_sample(prometheus::MetricFamily& family, const MetricRow& row,
                         Samples::LabelValues values) {
  RPOGUARD_CHECK(values.size() == row.labels.size() || row.labels.at(values.size()).empty());
  ClientMetric& sample = family.metric.emplace_back();
  sample.label.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    sample.label.push_back({std::string(row.labels.at(i)), std::string(values[i])});
  return sample;
}

std::uint64_t whole_seconds(core::Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(duration).count());
}

}  // namespace

void Samples::expect(std::size_t samples) {
  family_.metric.reserve(samples);
}

void Samples::add_number(LabelValues labels, double value) {
  ClientMetric& sample = add_sample(family_, row_, labels);
  (row_.kind == MetricKind::counter ? sample.counter.value : sample.gauge.value) = value;
}

void Samples::add_histogram(LabelValues labels, const core::ExposureHistogram& histogram) {
  auto& out = add_sample(family_, row_, labels).histogram;
  core::Duration so_far{};
  for (std::size_t i = 0; i < histogram.time.size(); ++i) {
    so_far += histogram.time.at(i);
    const bool bounded = i < core::kExposureBuckets.size();
    out.bucket.push_back(
        {whole_seconds(so_far), bounded ? core::to_seconds(core::kExposureBuckets.at(i))
                                        : std::numeric_limits<double>::infinity()});
  }
  out.sample_count = whole_seconds(so_far);
  out.sample_sum = histogram.sum_seconds2;
}

}  // namespace rpoguard::serve
