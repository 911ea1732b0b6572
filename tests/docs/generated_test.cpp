// The parts of documents that are printed from the program's own tables are current.
#include <map>
#include <sstream>

#include "exporter/config/keys.hpp"
#include "exporter/config/load.hpp"
#include "exporter/core/model/view.hpp"
#include "exporter/serve/metrics/metric_table.hpp"

#include "tests/docs/markdown.hpp"

namespace rpoguard::test {
namespace {

// A cell of a table: pipes would end it.
std::string cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
    text.insert(at, "\\");
  return text;
}

std::string code(const std::string& text) {
  return text.empty() ? text : "`" + text + "`";
}

std::string type_of(const config::Key& key) {
  switch (key.type) {
    case config::Type::duration:
      return "duration: ";
    case config::Type::integer:
      return "whole number: ";
    case config::Type::number:
      return "number: ";
    default:
      return {};
  }
}

std::string default_of(const config::Key& key) {
  if (key.required) return "required";
  if (key.default_text.starts_with('('))
    return std::string(key.default_text.substr(1, key.default_text.size() - 2));
  if (key.default_text.empty()) return key.optional ? "none" : "";
  return code(std::string(key.default_text));
}

// "defaults.archive.max_age" is of the group "archive", "defaults.rpo" of the promise.
std::string group_of(const config::Key& key) {
  std::string path(key.path);
  const bool shared = path.starts_with("defaults.");
  if (shared) path = path.substr(std::string("defaults.").size());
  const std::size_t dot = path.find_first_of(".[");
  if (dot != std::string::npos) return path.substr(0, dot);
  return shared ? "defaults" : "process";
}

std::string row_of(const config::Key& key) {
  std::string help = cell(std::string(key.help));
  if (key.secret) help += " (secret)";
  return "| " + code(std::string(key.path)) + " | " + type_of(key) + cell(render_allowed(key)) +
         " | " + default_of(key) + " | " + (key.reloadable ? "reload" : "restart") + " | " + help +
         " |\n";
}

std::string configuration_table() {
  std::vector<std::string> groups;
  std::map<std::string, std::string> rows;
  for (const config::Key& key : config::all_keys()) {
    const std::string group = group_of(key);
    if (!rows.contains(group)) groups.push_back(group);
    rows[group] += row_of(key);
  }
  std::string text;
  for (const std::string& group : groups) {
    text += "\n### " + group + "\n\n| Key | Value | Default | Takes effect | Meaning |\n";
    text += "|---|---|---|---|---|\n" + rows[group];
  }
  return text + "\n";
}

const char* kind_of(serve::MetricKind kind) {
  switch (kind) {
    case serve::MetricKind::counter:
      return "counter";
    case serve::MetricKind::gauge:
      return "gauge";
    case serve::MetricKind::histogram:
      return "histogram";
  }
  return "";
}

std::string metric_rows() {
  std::string text = "| Name | Type | Labels | Meaning |\n|---|---|---|---|\n";
  for (const serve::MetricRow& metric : serve::metric_table()) {
    std::string labels;
    for (const std::string_view label : metric.labels) {
      if (!label.empty()) labels += (labels.empty() ? "" : ", ") + code(std::string(label));
    }
    text += "| " + code(std::string(metric.name)) + " | " + kind_of(metric.kind) + " | " + labels +
            " | " + cell(std::string(metric.help)) + " |\n";
  }
  return text;
}

TEST(GeneratedParts, the_configuration_reference_is_the_key_table) {
  EXPECT_TRUE(is_current("docs/configuration.md", "configuration", configuration_table()));
}

TEST(GeneratedParts, the_metrics_reference_is_the_metric_table) {
  EXPECT_TRUE(is_current("docs/metrics.md", "metrics", metric_rows()));
}

std::vector<std::string> first_column_of(const std::string& section) {
  std::vector<std::string> words;
  std::istringstream lines(section);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    words.push_back(line.substr(3, line.find('`', 3) - 3));
  }
  return words;
}

TEST(GeneratedParts, troubleshooting_has_the_reasons_in_the_order_in_which_they_are_told) {
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < core::kReasonCount; ++i)
    reasons.emplace_back(name_of(static_cast<core::Reason>(i)));
  for (const char* of_serve : {"shutting_down", "unknown_shard", "bad_request"})
    reasons.emplace_back(of_serve);
  EXPECT_EQ(first_column_of(section_of("docs/operations.md", "## When the gate is closed")),
            reasons);
}

TEST(GeneratedParts, troubleshooting_has_a_row_for_each_failure_of_a_probe) {
  std::vector<std::string> failures;
  for (std::size_t i = 0; i < core::kProbeFailureCount; ++i)
    failures.emplace_back(name_of(static_cast<core::ProbeFailure>(i)));
  EXPECT_EQ(first_column_of(section_of("docs/operations.md", "## When a node gives no answer")),
            failures);
}

// A file of which only the shards are left out is completed; any other has to be whole.
std::string completed(const std::string& text) {
  if (text.find("\nshards:") != std::string::npos || text.starts_with("shards:")) return text;
  return text +
         "shards:\n"
         "  - id: \"184\"\n"
         "    home_region: iad\n"
         "    nodes:\n"
         "      - {name: iad-a, region: iad, host: 10.0.0.1}\n"
         "      - {name: iad-b, region: iad, host: 10.0.0.2}\n"
         "      - {name: phx-a, region: phx, host: 10.1.0.1}\n";
}

bool is_of_rpoguard(const std::string& text) {
  for (const char* key : {"state_dir:", "defaults:", "hooks:", "listen:", "probe:", "lease:",
                          "control:", "shards:"}) {
    if (text.starts_with(key)) return true;
  }
  return false;
}

TEST(GeneratedParts, every_example_of_a_configuration_is_accepted) {
  std::size_t checked = 0;
  for (const std::string& path : documents()) {
    for (const CodeBlock& block : read_document(path).blocks) {
      if (block.kind != "yaml" || !is_of_rpoguard(block.text)) continue;
      ++checked;
      const config::Loaded loaded = config::load_text(completed(block.text), block.place());
      for (const config::Diagnostic& problem : loaded.diagnostics)
        ADD_FAILURE() << block.place() << ": " << render(problem);
    }
  }
  EXPECT_GE(checked, 8U);
}

TEST(GeneratedParts, a_wrong_example_would_be_found) {
  EXPECT_FALSE(config::load_text(completed("defaults:\n  rpo: soon\n"), "x").diagnostics.empty());
  EXPECT_FALSE(config::load_text(completed("defaults:\n  rpos: 5s\n"), "x").diagnostics.empty());
}

}  // namespace
}  // namespace rpoguard::test
