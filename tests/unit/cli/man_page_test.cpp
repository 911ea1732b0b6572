#include "exporter/cli/man_page.hpp"

#include <regex>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "exporter/cli/app.hpp"

namespace rpoguard::cli {
namespace {

std::string output_of(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "rpoguard");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  testing::internal::CaptureStdout();
  const int exit_code = run(static_cast<int>(argv.size()), argv.data());
  std::string text = testing::internal::GetCapturedStdout();
  EXPECT_EQ(exit_code, 0) << text;
  return text;
}

std::set<std::string> all_of(const std::string& text, const char* what) {
  const std::regex pattern(what);
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern); it != std::sregex_iterator();
       ++it)
    found.insert((*it)[1]);
  return found;
}

// As a reader sees it: without fonts and escapes.
std::string plain(const std::string& roff) {
  return std::regex_replace(std::regex_replace(roff, std::regex(R"(\\f[BIR])"), ""),
                            std::regex(R"(\\-)"), "-");
}

TEST(ManPage, has_every_command_and_every_option_that_help_has) {
  const std::string page = plain(output_of({"--man"}));
  const std::string help = output_of({"--help"});
  const std::set<std::string> commands =
      all_of(help.substr(help.find("Subcommands:")), R"(\n  ([a-z][a-z-]*) )");
  ASSERT_GE(commands.size(), 6U) << help;
  for (const std::string& command : commands) {
    const std::size_t start = page.find("\n.SS rpoguard " + command + " ");
    ASSERT_NE(start, std::string::npos) << command;
    const std::string part = page.substr(start, page.find("\n.S", start + 4) - start);
    const std::string command_help = output_of({command, "--help"});
    for (const std::string& option : all_of(command_help, R"([ ,](--[a-z][a-z.-]*))"))
      EXPECT_NE(part.find(option), std::string::npos) << command << " " << option << "\n" << part;
    for (const std::string& name : all_of(command_help, R"(Env:([A-Z_]+))"))
      EXPECT_NE(part.find(name), std::string::npos) << command << " " << name;
  }
}

TEST(ManPage, says_of_an_option_what_help_says) {
  CLI::App app("about", "rpoguard");
  CLI::App* command = app.add_subcommand("watch", "Watch it");
  std::string file;
  bool flag = false;
  command->add_option("FILE", file, "What to read")->required()->type_name("");
  command->add_option("--name,-n", file, "A name")->type_name("TEXT")->envname("NAME");
  command->add_flag("--quick", flag, "Be quick");
  command->add_flag("--secret-switch", flag, "Nobody's business")->group("");
  const std::string page = render_man_page(app, "1.2.3");
  EXPECT_NE(page.find(".TH RPOGUARD 1 \"\" \"rpoguard 1.2.3\""), std::string::npos) << page;
  EXPECT_NE(page.find("\\fBrpoguard watch\\fR [\\fIOPTIONS\\fR] \\fIFILE\\fR\n"), std::string::npos)
      << page;
  EXPECT_NE(page.find("\\fIFILE\\fR\nWhat to read (required).\n"), std::string::npos) << page;
  EXPECT_NE(page.find("\\fB\\-n\\fR, \\fB\\-\\-name\\fR \\fITEXT\\fR\n"
                      "A name. Environment: \\fBNAME\\fR.\n"),
            std::string::npos)
      << page;
  EXPECT_NE(page.find("\\fB\\-\\-quick\\fR\nBe quick.\n"), std::string::npos) << page;
  EXPECT_EQ(page.find("secret"), std::string::npos) << "a hidden option stays hidden";
}

TEST(ManPage, takes_text_for_text_not_for_markup) {
  CLI::App app("about", "rpoguard");
  app.add_subcommand("x", "one\n.so /etc/passwd\n'two \\fB");
  const std::string page = render_man_page(app, "1");
  EXPECT_NE(page.find("one\n\\&.so /etc/passwd\n\\&'two \\efB.\n"), std::string::npos) << page;
}

}  // namespace
}  // namespace rpoguard::cli
