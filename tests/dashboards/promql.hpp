// A PromQL expression as the dashboard rules look at it: which series it reads and by which labels
// it speaks. No grammar: whether Prometheus accepts it is for Prometheus to say.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace rpoguard::dashboards {

struct Matcher {
  std::string label;
  std::string op;     ///< = =~ != !~
  std::string value;  ///< without quotes
};

/// One vector selector, e.g. of rate(x{a="b"}[5m]): metric x, range 5m, function rate.
struct Selector {
  std::string metric;
  std::vector<Matcher> matchers;
  std::string range;     ///< between the square brackets; empty for an instant vector
  std::string function;  ///< the innermost call around it; empty without one

  /// The matcher of that label; null when there is none.
  const Matcher* matcher(const std::string& label) const;
};

struct Expression {
  std::vector<Selector> selectors;
  std::set<std::string> grouping;  ///< labels of by, without, on, ignoring and the group_ modifiers
  std::set<std::string> invented;  ///< labels that label_replace and label_join set
  std::string problem;             ///< why it cannot be read; empty when it can
};

/// Grafana's variables may stand wherever a word, a string or a duration may.
Expression read_expression(const std::string& text);

}  // namespace rpoguard::dashboards
