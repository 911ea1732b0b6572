#include "exporter/cli/app.hpp"

#include <cstdlib>
#include <string>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "exporter/cli/commands.hpp"

namespace rpoguard::cli {
namespace {

constexpr int kUsageError = 2;
constexpr const char* kAbout =
    "rpoguard proves, shard by shard, how much acknowledged work would survive if the home region\n"
    "vanished now, tells Prometheus and people, and closes a gate in front of new writes before "
    "the\n"
    "promised RPO is broken.";

// What the options of all commands are parsed into.
struct Options {
  std::string config_file;
  std::string role = "rpoguard";
  std::string home_region;
  bool with_canary = false;
  StatusOptions status;
  std::string color = "auto";
};

CLI::Option* add_config_option(CLI::App& command, std::string& file) {
  return command.add_option("--config.file,-c", file, "Configuration file (YAML)")
      ->type_name("FILE")
      ->envname("RPOGUARD_CONFIG_FILE");
}

void add_serve(CLI::App& app, Options& options, int& exit_code) {
  auto* command = app.add_subcommand("serve",
                                     "Watch the shards; answer metrics, readiness and gate "
                                     "requests until SIGTERM. SIGHUP reloads");
  add_config_option(*command, options.config_file)->required();
  command->callback([&] { exit_code = serve(options.config_file); });
}

void add_check_config(CLI::App& app, Options& options, int& exit_code) {
  auto* command = app.add_subcommand(
      "check-config", "Check a configuration file; print every problem with its place");
  command->add_option("FILE", options.config_file, "Configuration file (YAML)")
      ->required()
      ->type_name("");
  command->callback([&] { exit_code = check_config(options.config_file); });
}

void add_status(CLI::App& app, Options& options, int& exit_code) {
  auto* command =
      app.add_subcommand("status", "Show the cluster view of a running rpoguard as a table");
  add_config_option(*command, options.status.config_file);
  command
      ->add_option("--url", options.status.url,
                   "Its ops listener, instead of reading the configuration file")
      ->type_name("URL");
  command->add_option("--shard", options.status.shard, "Only this shard")->type_name("ID");
  command->add_flag("--watch,-w", options.status.watch, "Refresh every second until interrupted");
  command->add_flag("--json", options.status.json, "Print the view as JSON");
  command->add_option("--color", options.color, "Colours: auto (only on a terminal), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  command->footer(
      "Exit code: 0 every shown shard takes writes, 1 at least one does not, 2 rpoguard does not "
      "answer.");
  command->callback([&] {
    const bool terminal = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    options.status.color = options.color == "always" || (options.color == "auto" && terminal);
    exit_code = status(options.status);
  });
}

void add_sql(CLI::App& app, Options& options, int& exit_code) {
  auto* command = app.add_subcommand(
      "sql",
      "Print the migration for psql: the monitoring role, cluster_state and cluster_promote()");
  command->add_option("--role", options.role, "Role that rpoguard connects as")
      ->capture_default_str()
      ->type_name("NAME");
  command->add_option("--home-region", options.home_region, "Region that holds the writer now")
      ->required()
      ->type_name("REGION");
  command->add_flag("--with-canary", options.with_canary,
                    "Also the table that writer_endpoint.canary commits to; the role may write it");
  command->footer(
      "Apply it on the writer of each shard, as a superuser: rpoguard sql --home-region iad | psql "
      "app");
  command->callback(
      [&] { exit_code = print_sql(options.role, options.home_region, options.with_canary); });
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app(kAbout, "rpoguard");
  app.set_version_flag("--version", std::string("rpoguard ") + RPOGUARD_VERSION);
  app.require_subcommand(1);
  Options options;
  int exit_code = 0;
  add_serve(app, options, exit_code);
  add_check_config(app, options, exit_code);
  add_status(app, options, exit_code);
  add_sql(app, options, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  return exit_code;
}

}  // namespace rpoguard::cli
