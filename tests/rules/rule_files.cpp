#include "tests/rules/rule_files.hpp"

#include <algorithm>
#include <filesystem>
#include <regex>
#include <stdexcept>

#include <yaml-cpp/yaml.h>

namespace rpoguard::test {
namespace {

using Texts = std::map<std::string, std::string>;

Texts texts_of(const YAML::Node& map) {
  Texts texts;
  for (const auto& entry : map) texts[entry.first.as<std::string>()] = entry.second.Scalar();
  return texts;
}

double unit_seconds(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 86400;
    default:
      throw std::runtime_error(std::string("no unit of time: ") + unit);
  }
}

double seconds_of(const std::string& duration) {
  static const std::regex part(R"((\d+)([smhd]))");
  double seconds = 0;
  for (std::sregex_iterator it(duration.begin(), duration.end(), part);
       it != std::sregex_iterator(); ++it) {
    seconds += std::stod((*it)[1]) * unit_seconds((*it)[2].str().front());
  }
  return seconds;
}

AlertQuestion question_of(const YAML::Node& node) {
  AlertQuestion question{.alert = node["alertname"].as<std::string>(),
                         .at_seconds = seconds_of(node["eval_time"].as<std::string>())};
  for (const YAML::Node& alert : node["exp_alerts"])
    question.firing.push_back(texts_of(alert["exp_labels"]));
  return question;
}

PromtoolCase case_of(const YAML::Node& node, const std::string& file) {
  PromtoolCase result{.name = node["name"].as<std::string>(), .file = file};
  for (const YAML::Node& series : node["input_series"])
    result.series.push_back(series["series"].as<std::string>());
  for (const YAML::Node& question : node["alert_rule_test"])
    result.questions.push_back(question_of(question));
  return result;
}

void add_rule(const YAML::Node& rule, const std::string& file, RuleSet& set) {
  if (rule["record"]) {
    set.recordings.push_back({.name = rule["record"].as<std::string>(),
                              .expr = rule["expr"].as<std::string>(),
                              .labels = texts_of(rule["labels"])});
    return;
  }
  if (!rule["alert"]) throw std::runtime_error(file + ": a rule without a name");
  set.alerts.push_back({.name = rule["alert"].as<std::string>(),
                        .file = file,
                        .expr = rule["expr"].as<std::string>(),
                        .hold = rule["for"].as<std::string>(""),
                        .labels = texts_of(rule["labels"]),
                        .annotations = texts_of(rule["annotations"])});
}

}  // namespace

std::vector<std::string> files_in(const std::string& folder, const std::string& ending) {
  std::vector<std::string> files;
  const std::string directory = std::string(RPOGUARD_SOURCE_DIR) + "/" + folder;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().string().ends_with(ending)) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> rule_files() {
  return files_in("rules", ".rules.yml");
}

RuleSet read_rules(const std::string& file) {
  RuleSet set;
  for (const YAML::Node& group : YAML::LoadFile(file)["groups"]) {
    for (const YAML::Node& rule : group["rules"]) add_rule(rule, file, set);
  }
  return set;
}

RuleSet shipped_rules() {
  RuleSet all;
  for (const std::string& file : rule_files()) {
    const RuleSet set = read_rules(file);
    all.alerts.insert(all.alerts.end(), set.alerts.begin(), set.alerts.end());
    all.recordings.insert(all.recordings.end(), set.recordings.begin(), set.recordings.end());
  }
  return all;
}

std::vector<PromtoolCase> promtool_cases() {
  std::vector<PromtoolCase> cases;
  for (const std::string& file : files_in("rules/tests", "_test.yml")) {
    for (const YAML::Node& test : YAML::LoadFile(file)["tests"])
      cases.push_back(case_of(test, file));
  }
  return cases;
}

std::vector<Selector> rpoguard_selectors(const std::string& text) {
  static const std::regex series(R"re((rpoguard_[a-z_]+)(\{([^}]*)\})?)re");
  static const std::regex matcher(R"re(([a-z_]+)\s*(=~|!~|!=|=)\s*["']([^"']*)["'])re");
  std::vector<Selector> selectors;
  for (std::sregex_iterator it(text.begin(), text.end(), series); it != std::sregex_iterator();
       ++it) {
    Selector selector{.name = (*it)[1]};
    const std::string braces = (*it)[3];
    for (std::sregex_iterator m(braces.begin(), braces.end(), matcher); m != std::sregex_iterator();
         ++m) {
      selector.matchers[(*m)[1]] = (*m)[3];
    }
    selectors.push_back(selector);
  }
  return selectors;
}

std::set<std::string> grouping_labels(const std::string& expr) {
  static const std::regex list(
      R"(\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([a-z_, ]*)\))");
  static const std::regex word(R"([a-z_]+)");
  std::set<std::string> labels;
  for (std::sregex_iterator it(expr.begin(), expr.end(), list); it != std::sregex_iterator();
       ++it) {
    const std::string names = (*it)[1];
    for (std::sregex_iterator w(names.begin(), names.end(), word); w != std::sregex_iterator(); ++w)
      labels.insert(w->str());
  }
  return labels;
}

testing::AssertionResult accepted_by(std::vector<std::string> command,
                                     const std::vector<std::string>& files) {
  if (files.empty()) return testing::AssertionFailure() << "there is nothing to check";
  command.insert(command.end(), files.begin(), files.end());
  const CommandResult result = run_command({.argv = command}, std::chrono::seconds(180));
  if (result.exit_code == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.output;
}

}  // namespace rpoguard::test
