// A page in Prometheus' text format, as a test reads it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rpoguard::test {

using Labels = std::map<std::string, std::string>;

struct Sample {
  std::string name;
  Labels labels;
  double value = 0;
};

/// A number as Prometheus writes it, also Inf and NaN. Throws std::runtime_error.
double parse_value(const std::string& text);

/// Parsed once; a value. Strict: throws std::runtime_error on a line that is neither a comment nor
/// a sample, and on a sample that is there twice.
class Metrics {
 public:
  explicit Metrics(const std::string& page);

  /// The one sample of that name that has all of these labels (it may have more); absent when there
  /// is none. Throws std::runtime_error when several fit.
  std::optional<double> value(const std::string& name, const Labels& labels = {}) const;
  /// All samples of that name that have all of these labels.
  std::vector<Sample> all(const std::string& name, const Labels& labels = {}) const;
  /// "gauge", "counter", ...; empty when the page does not say.
  std::string type_of(const std::string& name) const;
  std::string help_of(const std::string& name) const;
  const std::vector<Sample>& samples() const { return samples_; }

 private:
  std::vector<Sample> samples_;
  std::map<std::string, std::string> types_;
  std::map<std::string, std::string> helps_;
};

}  // namespace rpoguard::test
