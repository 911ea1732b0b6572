// The shipped rule files and their promtool tests, as values.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace rpoguard::test {

struct AlertRule {
  std::string name{};
  std::string file{};
  std::string expr{};
  std::string hold{};  ///< "for"; empty: none
  std::map<std::string, std::string> labels{};
  std::map<std::string, std::string> annotations{};
};

struct RecordingRule {
  std::string name{};
  std::string expr{};
  std::map<std::string, std::string> labels{};
};

struct RuleSet {
  std::vector<AlertRule> alerts{};
  std::vector<RecordingRule> recordings{};
};

/// rules/*.rules.yml, sorted.
std::vector<std::string> rule_files();
/// Throws std::runtime_error when a rule is neither an alert nor a recording.
RuleSet read_rules(const std::string& file);
/// Of all rule files.
RuleSet shipped_rules();

/// One question of a promtool test: who fires at that moment?
struct AlertQuestion {
  std::string alert{};
  double at_seconds = 0;
  std::vector<std::map<std::string, std::string>> firing{};  ///< labels
};

struct PromtoolCase {
  std::string name{};
  std::string file{};
  std::vector<std::string> series{};  ///< as written: name{label="value",...}
  std::vector<AlertQuestion> questions{};
};

/// Of all rules/tests/*_test.yml.
std::vector<PromtoolCase> promtool_cases();

/// Series names of a PromQL expression with the matchers that stand behind them in braces.
struct Selector {
  std::string name{};
  std::map<std::string, std::string> matchers{};  ///< label -> value, without the operator
};

/// Every rpoguard_... selector of a text. A scanner, not a parser: promtool has parsed it already.
std::vector<Selector> rpoguard_selectors(const std::string& text);
/// Labels in by, without, on, ignoring and group_left lists.
std::set<std::string> grouping_labels(const std::string& expr);

/// The command with the files behind it ends with 0; the message is its output.
testing::AssertionResult accepted_by(std::vector<std::string> command,
                                     const std::vector<std::string>& files);

/// Paths of the files in a folder of the repository with that ending, sorted.
std::vector<std::string> files_in(const std::string& folder, const std::string& ending);

}  // namespace rpoguard::test
