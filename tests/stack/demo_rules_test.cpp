// The rule files and the demo's templates, judged by the tools of Prometheus and Alertmanager.
#include <algorithm>
#include <filesystem>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

const std::string kSource = RPOGUARD_SOURCE_DIR;

std::vector<std::string> files_in(const std::string& directory, const std::string& ending) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(kSource + "/" + directory)) {
    if (entry.path().string().ends_with(ending)) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

testing::AssertionResult accepted_by(std::vector<std::string> command,
                                     const std::vector<std::string>& files) {
  if (files.empty()) return testing::AssertionFailure() << "there is nothing to check";
  command.insert(command.end(), files.begin(), files.end());
  const CommandResult result = run_command({.argv = command});
  if (result.exit_code == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.output;
}

/// The template with every @NAME@ replaced.
std::string filled(const std::string& name) {
  std::string text = read_file(kSource + "/demo/lib/" + name);
  for (const auto& [mark, value] :
       std::vector<std::pair<std::string, std::string>>{{"@RULES@", kSource + "/rules"},
                                                        {"@OPS@", "127.0.0.1:1"},
                                                        {"@ALERTMANAGER@", "127.0.0.1:2"},
                                                        {"@PAGER@", "127.0.0.1:3"}}) {
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark)) {
      text.replace(at, mark.size(), value);
    }
  }
  return text;
}

TEST(DemoRules, promtool_accepts_every_rule_file) {
  EXPECT_TRUE(accepted_by({"promtool", "check", "rules", "--lint=all", "--lint-fatal"},
                          files_in("rules", ".rules.yml")));
}

TEST(DemoRules, alerts_fire_stay_silent_and_resolve) {
  EXPECT_TRUE(accepted_by({"promtool", "test", "rules"}, files_in("rules/tests", ".yml")));
}

TEST(DemoRules, promtool_accepts_the_prometheus_template_with_the_rules) {
  const TempDir dir;
  write_file(dir / "prometheus.yml", filled("prometheus.yml"));
  EXPECT_TRUE(accepted_by({"promtool", "check", "config"}, {dir / "prometheus.yml"}));
}

TEST(DemoRules, amtool_accepts_the_alertmanager_template) {
  const TempDir dir;
  write_file(dir / "alertmanager.yml", filled("alertmanager.yml"));
  EXPECT_TRUE(accepted_by({"amtool", "check-config"}, {dir / "alertmanager.yml"}));
}

TEST(DemoRules, every_alert_has_severity_texts_and_a_section_in_the_runbooks) {
  const std::string runbooks = read_file(kSource + "/rules/RUNBOOKS.md");
  std::size_t alerts = 0;
  for (const std::string& file : files_in("rules", ".rules.yml")) {
    const std::string text = read_file(file);
    const std::string key = "- alert: ";
    for (std::size_t at = text.find(key); at != std::string::npos;) {
      const std::size_t next = text.find(key, at + 1);
      const std::string alert = text.substr(at, next - at);
      std::string name = alert.substr(key.size(), alert.find('\n') - key.size());
      EXPECT_NE(runbooks.find("## " + name + "\n"), std::string::npos) << name;
      EXPECT_TRUE(alert.find("severity: critical") != std::string::npos ||
                  alert.find("severity: warning") != std::string::npos)
          << name;
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      for (const std::string& part : {std::string("summary: "), std::string("description: "),
                                      "runbook_url: \"rules/RUNBOOKS.md#" + name + "\""}) {
        EXPECT_NE(alert.find(part), std::string::npos) << name << " lacks " << part;
      }
      ++alerts;
      at = next;
    }
  }
  EXPECT_GE(alerts, 13U);
}

}  // namespace
}  // namespace rpoguard::test
