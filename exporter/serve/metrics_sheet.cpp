#include "exporter/serve/metrics_sheet.hpp"

#include <cmath>
#include <limits>

#include <prometheus/metric_family.h>

#include "exporter/core/check.hpp"
#include "exporter/serve/text.hpp"

namespace rpoguard::serve {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricType type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return MetricType::Counter;
    case MetricKind::gauge:
      return MetricType::Gauge;
    case MetricKind::histogram:
      return MetricType::Histogram;
  }
  return MetricType::Untyped;
}

ClientMetric& add_sample(MetricFamily& family, const MetricInfo& info,
                         MetricsSheet::Values label_values) {
  ClientMetric& sample = family.metric.emplace_back();
  sample.label.reserve(label_values.size());
  std::size_t i = 0;
  for (const std::string_view label : label_values) {
    sample.label.push_back({std::string(info.labels.at(i++)), std::string(label)});
  }
  RPOGUARD_CHECK(i == info.labels.size() || info.labels.at(i).empty());
  return sample;
}

std::uint64_t whole_seconds(core::Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(duration).count());
}

// The escapes of the text format: backslash, quote, line feed.
void append_escaped(std::string& out, std::string_view label_value) {
  for (;;) {
    const std::size_t special = label_value.find_first_of("\\\"\n");
    out += label_value.substr(0, special);
    if (special == std::string_view::npos) return;
    out += '\\';
    out += label_value[special] == '\n' ? 'n' : label_value[special];
    label_value.remove_prefix(special + 1);
  }
}

void append_label(std::string& out, char separator, std::string_view name, std::string_view value) {
  out += separator;
  out += name;
  out += "=\"";
  append_escaped(out, value);
  out += '"';
}

// `bound`: the le of a bucket; empty: not a bucket.
void append_sample(std::string& out, std::string_view name, std::string_view suffix,
                   const ClientMetric& sample, std::string_view bound, double value) {
  out += name;
  out += suffix;
  char separator = '{';
  for (const auto& label : sample.label) {
    append_label(out, separator, label.name, label.value);
    separator = ',';
  }
  if (!bound.empty()) {
    append_label(out, separator, "le", bound);
    separator = ',';
  }
  if (separator == ',') out += '}';
  out += ' ';
  append_number(out, value);
  out += '\n';
}

void append_histogram(std::string& out, std::string_view name, const ClientMetric& sample) {
  for (const auto& bucket : sample.histogram.bucket) {
    std::string bound = "+Inf";
    if (std::isfinite(bucket.upper_bound)) {
      bound.clear();
      append_number(bound, bucket.upper_bound);
    }
    append_sample(out, name, "_bucket", sample, bound,
                  static_cast<double>(bucket.cumulative_count));
  }
  append_sample(out, name, "_sum", sample, "", sample.histogram.sample_sum);
  append_sample(out, name, "_count", sample, "",
                static_cast<double>(sample.histogram.sample_count));
}

void append_family(std::string& out, const MetricFamily& family, std::string_view type) {
  out += "# HELP " + family.name + ' ' + family.help + "\n# TYPE " + family.name + ' ';
  out += type;
  out += '\n';
}

}  // namespace

MetricsSheet::MetricsSheet() : families_(kMetricCount) {
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const MetricInfo& info = metric_table()[i];
    families_[i].name = info.name;
    families_[i].help = info.help;
    families_[i].type = type_of(info.kind);
  }
}

MetricsSheet::~MetricsSheet() = default;

void MetricsSheet::expect(std::size_t samples) {
  for (auto& family : families_) family.metric.reserve(samples);
}

void MetricsSheet::add(Metric metric, Values label_values, double value) {
  const auto index = static_cast<std::size_t>(metric);
  const MetricInfo& info = metric_table()[index];
  ClientMetric& sample = add_sample(families_[index], info, label_values);
  (info.kind == MetricKind::counter ? sample.counter.value : sample.gauge.value) = value;
}

void MetricsSheet::add(Metric metric, Values label_values,
                       const core::ExposureHistogram& histogram) {
  const auto index = static_cast<std::size_t>(metric);
  auto& out = add_sample(families_[index], metric_table()[index], label_values).histogram;
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

std::vector<MetricFamily> MetricsSheet::take() {
  std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
  return std::move(families_);
}

// prometheus-cpp's TextSerializer writes piece by piece through a stream, which makes a page of 100
// shards more than twice as slow, and rounds to 16 digits.
std::string to_text(const std::vector<MetricFamily>& families) {
  constexpr std::size_t kBytesPerSample = 96;
  std::size_t samples = 0;
  for (const auto& family : families) samples += family.metric.size();
  std::string text;
  text.reserve(samples * kBytesPerSample);
  for (const auto& family : families) {
    if (family.type == MetricType::Histogram) {
      append_family(text, family, "histogram");
      for (const auto& sample : family.metric) append_histogram(text, family.name, sample);
      continue;
    }
    const bool counter = family.type == MetricType::Counter;
    append_family(text, family, counter ? "counter" : "gauge");
    for (const auto& sample : family.metric) {
      append_sample(text, family.name, "", sample, "",
                    counter ? sample.counter.value : sample.gauge.value);
    }
  }
  return text;
}

}  // namespace rpoguard::serve
