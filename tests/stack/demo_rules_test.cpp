// The demo's templates, judged by the tools of Prometheus and Alertmanager.
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

const std::string kSource = RPOGUARD_SOURCE_DIR;

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

}  // namespace
}  // namespace rpoguard::test
