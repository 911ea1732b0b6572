#include "tests/support/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace rpoguard::test {
namespace {

[[noreturn]] void malformed(const std::string& line) {
  throw std::runtime_error("not a line of the text format: " + line);
}

/// Reads `name="value",...}` from `rest`, which starts after the opening brace; leaves what
/// follows.
Labels parse_labels(std::string_view& rest, const std::string& line) {
  Labels labels;
  while (!rest.starts_with('}')) {
    const std::size_t equals = rest.find("=\"");
    if (equals == std::string_view::npos) malformed(line);
    const std::string name(rest.substr(0, equals));
    rest.remove_prefix(equals + 2);
    std::string value;
    while (!rest.empty() && rest.front() != '"') {
      if (rest.front() == '\\' && rest.size() > 1) {
        rest.remove_prefix(1);
        value += rest.front() == 'n' ? '\n' : rest.front();
      } else {
        value += rest.front();
      }
      rest.remove_prefix(1);
    }
    if (rest.empty() || !labels.emplace(name, value).second) malformed(line);
    rest.remove_prefix(1);
    if (rest.starts_with(',')) rest.remove_prefix(1);
  }
  rest.remove_prefix(1);
  return labels;
}

Sample parse_sample(const std::string& line) {
  Sample sample;
  const std::size_t name_end = line.find_first_of("{ ");
  if (name_end == std::string::npos || name_end == 0) malformed(line);
  sample.name = line.substr(0, name_end);
  std::string_view rest = std::string_view(line).substr(name_end);
  if (rest.starts_with('{')) {
    rest.remove_prefix(1);
    sample.labels = parse_labels(rest, line);
  }
  if (!rest.starts_with(' ')) malformed(line);
  sample.value = parse_value(std::string(rest.substr(1)));
  return sample;
}

}  // namespace

double parse_value(const std::string& text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  if (text == "NaN" || text == "Nan") return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) malformed(text);
  return value;
}

Metrics::Metrics(const std::string& page) {
  std::istringstream lines(page);
  std::set<std::pair<std::string, Labels>> seen;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash;
    std::string keyword;
    std::string name;
    if (line.empty()) continue;
    if (line.starts_with('#')) {
      words >> hash >> keyword >> name;
      std::string rest;
      std::getline(words >> std::ws, rest);
      if (keyword == "TYPE" && !types_.emplace(name, rest).second) malformed(line);
      if (keyword == "HELP" && !helps_.emplace(name, rest).second) malformed(line);
      continue;
    }
    samples_.push_back(parse_sample(line));
    if (!seen.emplace(samples_.back().name, samples_.back().labels).second) {
      throw std::runtime_error("there twice: " + line);
    }
  }
}

std::vector<Sample> Metrics::all(const std::string& name, const Labels& labels) const {
  std::vector<Sample> found;
  for (const Sample& sample : samples_) {
    if (sample.name == name &&
        std::includes(sample.labels.begin(), sample.labels.end(), labels.begin(), labels.end())) {
      found.push_back(sample);
    }
  }
  return found;
}

std::optional<double> Metrics::value(const std::string& name, const Labels& labels) const {
  const std::vector<Sample> found = all(name, labels);
  if (found.size() > 1) throw std::runtime_error("several samples of " + name + " fit");
  if (found.empty()) return std::nullopt;
  return found.front().value;
}

std::string Metrics::type_of(const std::string& name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? "" : found->second;
}

std::string Metrics::help_of(const std::string& name) const {
  const auto found = helps_.find(name);
  return found == helps_.end() ? "" : found->second;
}

}  // namespace rpoguard::test
