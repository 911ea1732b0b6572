// The style rules that a program can check. Each returns complaints, "path:line: what is wrong".
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/tidy/source.hpp"

namespace rpoguard::tidy {

using Complaints = std::vector<std::string>;

/// main -> cli -> run -> {serve, observe, notify, config, net} -> core -> base, and the arrows
/// between the rooms of a folder; core stays pure; each third-party header has its few files.
Complaints check_includes(const Source& source);
/// Line, function and file lengths; #pragma once; no tabs, no trailing blanks.
Complaints check_shape(const Source& source);
/// Calls with a trap behind them, and words that do not belong into the repository.
Complaints check_banned(const Source& source);
/// Every mutex of exporter/ guards a member, in words that clang checks.
Complaints check_mutexes(const Source& source);
/// Every .cpp of exporter/ is tested by a file of its own, or excused by name.
Complaints check_tested(const std::vector<Source>& sources);
/// No include loop between units of exporter/ (a header and its .cpp).
Complaints check_loops(const std::vector<Source>& sources);
/// A literal that is the path of a configuration key stands in the key's row and nowhere else.
Complaints check_keys_written_once(const std::vector<Source>& sources);
/// Metric names that rules, dashboards, charts and documents use exist in `known`.
Complaints check_metric_names(const Source& source, const std::set<std::string>& known);
/// The metric names that serve/ defines.
std::set<std::string> defined_metrics(const std::vector<Source>& sources);
/// A metric is defined once: no string in exporter/ is the name of a metric, but the one in its
/// row.
Complaints check_metric_rows(const std::vector<Source>& sources);
/// Nothing lies around at the top.
Complaints check_top_level(const std::string& root);

}  // namespace rpoguard::tidy
