#include "exporter/config/report.hpp"

#include <algorithm>
#include <tuple>

namespace rpoguard::config {
namespace {

auto order_of(const Diagnostic& diagnostic) {
  return std::tie(diagnostic.line, diagnostic.column, diagnostic.key, diagnostic.problem,
                  diagnostic.allowed);
}

}  // namespace

void Report::add(const Place& place, std::string problem, std::string allowed) {
  diagnostics_.push_back({.file = file_,
                          .line = place.mark.line,
                          .column = place.mark.column,
                          .key = place.path,
                          .problem = std::move(problem),
                          .allowed = std::move(allowed)});
}

std::vector<Diagnostic> Report::take_sorted() && {
  std::ranges::sort(diagnostics_, [](const Diagnostic& left, const Diagnostic& right) {
    return order_of(left) < order_of(right);
  });
  const auto end = std::unique(diagnostics_.begin(), diagnostics_.end(),
                               [](const Diagnostic& left, const Diagnostic& right) {
                                 return order_of(left) == order_of(right);
                               });
  diagnostics_.erase(end, diagnostics_.end());
  return std::move(diagnostics_);
}

}  // namespace rpoguard::config
