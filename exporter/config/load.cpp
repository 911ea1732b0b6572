#include "exporter/config/load.hpp"

#include <utility>

#include "exporter/config/build.hpp"
#include "exporter/config/checks.hpp"
#include "exporter/config/file.hpp"
#include "exporter/config/reader.hpp"
#include "exporter/config/report.hpp"
#include "exporter/config/resolver.hpp"
#include "exporter/config/settings.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::config {

Loaded load_text(std::string_view text, const std::string& file_name) {
  Report report(file_name);
  const auto root = read_yaml(text, report);
  if (!root) return {.spec = std::nullopt, .diagnostics = std::move(report).take_sorted()};
  const Settings settings = collect_settings(*root, report);
  const KeyResolver resolver(settings);
  check_required(resolver, report);
  check_contradictions(resolver, report);
  if (!report.empty()) {
    return {.spec = std::nullopt, .diagnostics = std::move(report).take_sorted()};
  }
  return {.spec = build_spec(resolver), .diagnostics = {}};
}

Loaded load_file(const std::string& path, Waiting waiting) {
  const auto text = read_file(path, core::limits::kConfigBytesMax, waiting);
  if (text.ok()) return load_text(text.value(), path);
  Report report(path);
  report.add({}, text.error().message);
  return {.spec = std::nullopt, .diagnostics = std::move(report).take_sorted()};
}

}  // namespace rpoguard::config
