#include "exporter/cli/man_page.hpp"

#include <string_view>

#include <CLI/CLI.hpp>

namespace rpoguard::cli {
namespace {

constexpr const char* kEnd = R"(.SH EXIT STATUS
0 done, 1 refused or failed, 2 wrong usage or no answer, unless a command says otherwise.
.SH SIGNALS
.TP
.B SIGHUP
.B serve
reads its configuration again. A bad file changes nothing.
.TP
.BR SIGTERM ", " SIGINT
.B serve
closes its gates and ends.
.SH FILES
.TP
.I /etc/rpoguard/rpoguard.yml
The configuration that the systemd unit reads.
.TP
.I /usr/share/rpoguard/docs/rpoguard.reference.yml
Every key of it, with its default and what is allowed.
.TP
.I /var/lib/rpoguard
What must survive a restart: epochs, lineages, rivals, waivers, freezes.
.TP
.I /run/rpoguard
Where the systemd unit lets it write a lease page.
.SH SEE ALSO
.BR systemctl (1),
.BR psql (1)
)";

// Text, not markup: '-' would become a hyphen, and '.' or '\'' begins a request at the start of a
// line.
std::string escape(std::string_view text) {
  std::string roff;
  for (const char c : text) {
    if (c == '\\') {
      roff += "\\e";
    } else if (c == '-') {
      roff += "\\-";
    } else if ((c == '.' || c == '\'') && (roff.empty() || roff.back() == '\n')) {
      roff += std::string("\\&") + c;
    } else {
      roff += c;
    }
  }
  return roff;
}

std::string bold(std::string_view text) {
  return "\\fB" + escape(text) + "\\fR";
}

std::string italic(std::string_view text) {
  return text.empty() ? std::string() : "\\fI" + escape(text) + "\\fR";
}

std::string names_of(const CLI::Option& option) {
  std::string names;
  const auto add = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
  if (option.get_positional()) add(italic(option.get_name(true)));
  for (const std::string& name : option.get_snames()) add(bold("-" + name));
  for (const std::string& name : option.get_lnames()) add(bold("--" + name));
  // A flag takes no value.
  if (option.get_items_expected_max() > 0 && !option.get_lnames().empty())
    names += " " + italic(option.get_type_name());
  return names;
}

std::string render_option(const CLI::Option& option) {
  std::string text = ".TP\n" + names_of(option) + "\n" + escape(option.get_description());
  if (option.get_required()) text += " (required)";
  if (!option.get_default_str().empty())
    text += " (default: " + escape(option.get_default_str()) + ")";
  if (!option.get_envname().empty()) text += ". Environment: " + bold(option.get_envname());
  return text + ".\n";
}

std::string render_options(const CLI::App& app) {
  std::string text;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) text += render_option(*option);
  }
  return text;
}

std::string synopsis(const CLI::App& command) {
  std::string text = bold("rpoguard " + command.get_name()) + " [" + italic("OPTIONS") + "]";
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional()) continue;
    const std::string name = italic(option->get_name(true));
    text += option->get_required() ? " " + name : " [" + name + "]";
  }
  return text + "\n";
}

std::string render_command(const CLI::App& command) {
  std::string text = ".SS " + synopsis(command) + escape(command.get_description()) + ".\n";
  text += render_options(command);
  const std::string footer = command.get_footer();
  if (!footer.empty()) text += ".PP\n" + escape(footer) + "\n";
  return text;
}

}  // namespace

std::string render_man_page(const CLI::App& app, const std::string& version) {
  std::string text = ".TH RPOGUARD 1 \"\" \"rpoguard " + version + "\" \"User Commands\"\n";
  text += ".SH NAME\nrpoguard \\- recovery point exporter and write gate of sharded PostgreSQL\n";
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  text += ".SH SYNOPSIS\n";
  for (const CLI::App* command : commands) text += synopsis(*command) + ".br\n";
  text += bold("rpoguard") + " [" + italic("OPTIONS") + "]\n";
  text += ".SH DESCRIPTION\n" + escape(app.get_description()) + "\n";
  text += ".SH OPTIONS\n" + render_options(app);
  text += ".SH COMMANDS\n";
  for (const CLI::App* command : commands) text += render_command(*command);
  return text + kEnd;
}

}  // namespace rpoguard::cli
