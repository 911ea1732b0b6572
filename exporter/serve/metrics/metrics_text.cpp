#include "exporter/serve/metrics/metrics_text.hpp"

#include <cmath>
#include <string_view>

#include <prometheus/metric_family.h>

#include "exporter/serve/http/text.hpp"

namespace rpoguard::serve {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

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
