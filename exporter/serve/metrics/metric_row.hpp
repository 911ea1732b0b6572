// One metric of the page.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace rpoguard::serve {

enum class MetricKind { counter, gauge, histogram };

inline constexpr std::size_t kMetricLabelsMax = 4;

struct Scrape;
class Samples;

/// A row of metrics_node.cpp, metrics_shard.cpp, metrics_archive.cpp or metrics_process.cpp.
struct MetricRow {
  std::string_view name;
  MetricKind kind;
  /// Names of the labels in the order in which `read` gives their values; unused ones are empty.
  std::array<std::string_view, kMetricLabelsMax> labels;
  /// For a person at 03:00: what it is, in which unit, on which clock, and what absence means. One
  /// line without backslashes: it goes to the page as it stands.
  std::string_view help;
  /// Adds every sample that there is at the moment of the scrape. An unknown value is no sample.
  void (*read)(const Scrape& scrape, Samples& samples);
};

}  // namespace rpoguard::serve
