#include "exporter/cli/app.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "exporter/cli/commands.hpp"
#include "exporter/cli/man_page.hpp"
#include "exporter/cli/printed.hpp"
#include "exporter/config/text.hpp"
#include "exporter/core/model/limits.hpp"
#include "exporter/run/process_start.hpp"

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
  run::WebFiles web_files;
  std::string part = "0/1";
  std::uint32_t parts = 1;
  std::string role = "rpoguard";
  std::string home_region;
  bool with_canary = false;
  bool with_marks = false;
  StatusOptions status;
  std::string color = "auto";
  FreezeOptions freeze;
  bool all = false;
  WaiverOptions waiver;
  LowerOptions lowered;
  NodeOptions rival;
  NodeOptions readmitted;
};

CLI::Option* add_config_option(CLI::App& command, std::string& file) {
  return command.add_option("--config.file,-c", file, "Configuration file (YAML)")
      ->type_name("FILE")
      ->envname("RPOGUARD_CONFIG_FILE");
}

void add_web_options(CLI::App& command, run::WebFiles& files) {
  command
      .add_option(
          "--web.config.file", files.ops,
          "TLS, users and headers of the ops listener, in the format of Prometheus's exporters")
      ->type_name("FILE")
      ->envname("RPOGUARD_WEB_CONFIG_FILE");
  command
      .add_option("--gate.web.config.file", files.gate,
                  "The same for the gate listener, without users")
      ->type_name("FILE")
      ->envname("RPOGUARD_GATE_WEB_CONFIG_FILE");
}

// How to be let in by an ops listener with TLS or users.
void add_access_options(CLI::App& command, Access& access) {
  command
      .add_option("--ca-file", access.ca_file,
                  "CA that verifies the listener's certificate; without --url it selects https")
      ->type_name("FILE");
  auto* certificate =
      command.add_option("--cert-file", access.cert_file, "Client certificate")->type_name("FILE");
  auto* key = command.add_option("--key-file", access.key_file, "Key of the client certificate")
                  ->type_name("FILE");
  certificate->needs(key);
  key->needs(certificate);
  command.add_option("--user-file", access.user_file, "File with one line USER:PASSWORD")
      ->type_name("FILE");
}

// Why it is none; empty when it is one.
std::string valid_part(const std::string& text) {
  const auto part = core::parse_part(text);
  return part ? std::string() : part.error().message;
}

std::string valid_node(const std::string& text) {
  return names_node(text) ? "" : "name it as SHARD/NODE, as in 184/phx-a";
}

void add_serve(CLI::App& app, Options& options, int& exit_code) {
  auto* command = app.add_subcommand("serve",
                                     "Watch the shards; answer metrics, readiness and gate "
                                     "requests until SIGTERM. SIGHUP reloads");
  add_config_option(*command, options.config_file)->required();
  add_web_options(*command, options.web_files);
  command
      ->add_option("--part", options.part,
                   "Watch only the shards of this part; the first of three is 0/3")
      ->type_name("INDEX/COUNT")
      ->envname("RPOGUARD_PART")
      ->check(valid_part);
  command->callback([&] {
    exit_code =
        serve(options.config_file, core::parse_part(options.part).value(), options.web_files);
  });
}

void add_check_config(CLI::App& app, Options& options, int& exit_code) {
  auto* command = app.add_subcommand(
      "check-config", "Check a configuration file; print every problem with its place");
  command->add_option("FILE,--config.file,-c", options.config_file, "Configuration file (YAML)")
      ->required()
      ->type_name("")
      ->envname("RPOGUARD_CONFIG_FILE");
  command
      ->add_option(
          "--parts", options.parts,
          "Also print which part watches which shard if serve runs with --part=INDEX/COUNT")
      ->type_name("COUNT")
      ->check(CLI::Range(std::size_t{1}, core::limits::kShardsMax));
  add_web_options(*command, options.web_files);
  command->callback(
      [&] { exit_code = check_config(options.config_file, options.parts, options.web_files); });
}

void add_status(CLI::App& app, Options& options, int& exit_code) {
  auto* command =
      app.add_subcommand("status", "Show the cluster view of a running rpoguard as a table");
  add_config_option(*command, options.status.config_file);
  command
      ->add_option("--url", options.status.url,
                   "Its ops listener; default: as in the configuration file, else "
                   "http://127.0.0.1:10187")
      ->type_name("URL");
  add_access_options(*command, options.status.access);
  command->add_option("--shard", options.status.shard, "Only this shard")->type_name("ID");
  command->add_flag("--watch,-w", options.status.watch, "Refresh every second until interrupted");
  command->add_flag("--json", options.status.json, "Print the view as JSON");
  command->add_flag("--live", options.status.live,
                    "Only ask whether rpoguard itself works, not the shards: for health checks of "
                    "containers; asks listen.health if configured");
  command->add_option("--color", options.color, "Colours: auto (only on a terminal), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  command->footer(
      "Exit code: 0 if every shown shard takes writes, 1 if one does not, 2 if rpoguard does not "
      "answer. With --live: 0 if rpoguard works, 1 if it does not, 2 if it does not answer.");
  command->callback([&] {
    const bool terminal = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    options.status.color = options.color == "always" || (options.color == "auto" && terminal);
    exit_code = status(options.status);
  });
}

// What all orders to a running rpoguard share.
CLI::App* add_order_command(CLI::App& app, OrderOptions& order, const char* name,
                            const char* about) {
  auto* command = app.add_subcommand(name, about);
  command->add_option("--by", order.by, "Who decides this; default: the login name")
      ->type_name("WHO");
  add_config_option(*command, order.config_file);
  command
      ->add_option("--url", order.url,
                   "The ops listener; default: as in the configuration file, else "
                   "http://127.0.0.1:10187")
      ->type_name("URL");
  command
      ->add_option("--token-file", order.token_file,
                   "File with the token; default: control.token_file of the configuration")
      ->type_name("FILE");
  add_access_options(*command, order.access);
  command->footer("Exit code: 0 done, 1 refused, 2 rpoguard does not answer.");
  return command;
}

// What freeze and unfreeze share.
CLI::App* add_freezing_command(CLI::App& app, Options& options, const char* name,
                               const char* about) {
  auto* command = add_order_command(app, options.freeze.order, name, about);
  auto* shard =
      command->add_option("SHARD,--shard", options.freeze.shard, "The shard")->type_name("ID");
  auto* all = command->add_flag("--all", options.all, "All shards");
  shard->excludes(all);
  return command;
}

void run_freezing_command(Options& options, bool freezes, int& exit_code) {
  if (options.freeze.shard.empty() && !options.all) throw CLI::RequiredError("SHARD or --all");
  options.freeze.freeze = freezes;
  exit_code = freeze(options.freeze);
}

void add_freeze(CLI::App& app, Options& options, int& exit_code) {
  FreezeOptions& freeze = options.freeze;
  auto* command = add_freezing_command(
      app, options, "freeze",
      "Close the gate of a shard by hand; the freeze survives a restart of rpoguard");
  command->add_option("--reason", freeze.order.reason, "Why")->required()->type_name("TEXT");
  auto* length =
      command->add_option("--for", freeze.length, "How long: 30m, 2h; default: until unfreeze")
          ->type_name("DURATION");
  command->add_option("--until", freeze.until, "When it ends, in UTC: 2030-01-31T18:00Z")
      ->type_name("TIME")
      ->excludes(length);
  command->callback([&] { run_freezing_command(options, true, exit_code); });
}

void add_unfreeze(CLI::App& app, Options& options, int& exit_code) {
  auto* command = add_freezing_command(app, options, "unfreeze", "End a freeze");
  command->add_option("--reason", options.freeze.order.reason, "Why")->type_name("TEXT");
  command->callback([&] { run_freezing_command(options, false, exit_code); });
}

void add_shard_option(CLI::App& command, std::string& shard) {
  command.add_option("SHARD,--shard", shard, "The shard")->required()->type_name("ID");
}

void add_waive(CLI::App& app, Options& options, int& exit_code) {
  WaiverOptions& waiver = options.waiver;
  auto* command = add_order_command(
      app, waiver.order, "waive",
      "Open the gate of a shard without proof of a copy, for a while: your word that writes are "
      "worth their loss. It ends with the first proof, and survives a restart of rpoguard");
  add_shard_option(*command, waiver.shard);
  command->add_option("--reason", waiver.order.reason, "Why")->required()->type_name("TEXT");
  auto* length = command->add_option("--for", waiver.length, "How long at most: 30m, 2h, 30d")
                     ->type_name("DURATION");
  command->add_option("--until", waiver.until, "When it ends, in UTC: 2030-01-31T18:00Z")
      ->type_name("TIME")
      ->excludes(length);
  command->callback([&waiver, &exit_code] {
    if (waiver.length.empty() && waiver.until.empty()) throw CLI::RequiredError("--for or --until");
    exit_code = waive(waiver);
  });
}

void add_unwaive(CLI::App& app, Options& options, int& exit_code) {
  WaiverOptions& waiver = options.waiver;
  auto* command = add_order_command(app, waiver.order, "unwaive", "End a waiver");
  add_shard_option(*command, waiver.shard);
  command->add_option("--reason", waiver.order.reason, "Why")->type_name("TEXT");
  command->callback([&waiver, &exit_code] {
    waiver.waive = false;
    exit_code = waive(waiver);
  });
}

void add_lower(CLI::App& app, Options& options, int& exit_code) {
  LowerOptions& lowered = options.lowered;
  auto* command = add_order_command(
      app, lowered.order, "lower",
      "Lower a number that rpoguard remembers for ever, and that was raised by mistake. Correct "
      "what raised it first");
  add_shard_option(*command, lowered.shard);
  command->add_option("--reason", lowered.order.reason, "Why")->required()->type_name("TEXT");
  auto* epoch = command->add_option("--epoch", lowered.epoch, "The highest epoch from now on")
                    ->type_name("NUMBER");
  command
      ->add_option("--generation", lowered.generation,
                   "The highest generation of the shard map from now on")
      ->type_name("NUMBER")
      ->excludes(epoch);
  command->callback([&lowered, &exit_code] {
    if (lowered.epoch.empty() && lowered.generation.empty())
      throw CLI::RequiredError("--epoch or --generation");
    exit_code = lower(lowered);
  });
}

void add_node_command(CLI::App& app, NodeOptions& options, const char* verb, const char* about,
                      int& exit_code) {
  auto* command = add_order_command(app, options.order, verb, about);
  command->add_option("NODE", options.node, "SHARD/NODE, as in 184/phx-a")
      ->required()
      ->type_name("")
      ->check(valid_node);
  command->add_option("--reason", options.order.reason, "Why you are sure")
      ->required()
      ->type_name("TEXT");
  command->callback([&options, verb, &exit_code] { exit_code = order_for_node(options, verb); });
}

void add_node_commands(CLI::App& app, Options& options, int& exit_code) {
  add_node_command(app, options.rival, "forget-rival",
                   "End a split brain with a node that cannot be reached: your word that it takes "
                   "no writes any more. Fence it first",
                   exit_code);
  add_node_command(app, options.readmitted, "readmit",
                   "Count a copy again that rpoguard does not trust to hold the writer's WAL: your "
                   "word that it does. Rebuild it first",
                   exit_code);
}

void add_sql(CLI::App& app, Options& options, int& exit_code) {
  auto* command = app.add_subcommand(
      "sql",
      "Print the migration for psql: the monitoring role, cluster_state and cluster_promote()");
  command->add_option("--role", options.role, "Role that rpoguard connects as")
      ->capture_default_str()
      ->type_name("NAME");
  command->add_option("--home-region", options.home_region, "Region of the writer")
      ->required()
      ->type_name("REGION");
  command->add_flag("--with-canary", options.with_canary,
                    "Also make the table for writer_endpoint.canary, and let the role write to it");
  command->add_flag("--with-marks", options.with_marks,
                    "Also make the table of marks, one row for each run of the writer, and the "
                    "function by which the role adds that row. Copies that rpoguard did not see "
                    "when the run began, or that were rebuilt, then count again without `readmit`");
  command->footer(
      "Apply it on the writer of each shard, as a superuser: rpoguard sql --home-region iad | psql "
      "app");
  command->callback([&] {
    exit_code =
        print_sql(options.role, options.home_region, options.with_canary, options.with_marks);
  });
}

// What is wrong with the first word, if it is no command; empty: it is one.
std::string unknown_command(const CLI::App& app, int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  if (word.empty()) return "";
  if (word.starts_with('-')) {
    const std::string name = word.substr(0, word.find('='));
    if (app.get_option_no_throw(name) != nullptr) return "";
    return "there is no option \"" + printed(name) + "\" before the command";
  }
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  if (std::ranges::find(names, word) != names.end()) return "";
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const std::string nearest(config::nearest(word, candidates));
  return "there is no command \"" + printed(word) + "\"" +
         (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?");
}

int run_app(CLI::App& app, int argc, char** argv, const int& exit_code) {
  if (const std::string unknown = unknown_command(app, argc, argv); !unknown.empty()) {
    std::fprintf(stderr, "rpoguard: %s\nrpoguard --help lists the commands\n", unknown.c_str());
    return kUsageError;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  return exit_code;
}

}  // namespace

int run(int argc, char** argv) {
  if (!run::open_standard_descriptors()) return kUsageError;
  if (argc > 1 && std::string_view(argv[1]) == "serve") run::reset_signals();
  CLI::App app(kAbout, "rpoguard");
  app.set_version_flag("--version", std::string("rpoguard ") + RPOGUARD_VERSION);
  app.add_flag_callback(
      "--man",
      [&app] {
        std::fputs(render_man_page(app, RPOGUARD_VERSION).c_str(), stdout);
        throw CLI::Success();
      },
      "Print the manual page, for man -l -");
  app.require_subcommand(1);
  Options options;
  int exit_code = 0;
  add_serve(app, options, exit_code);
  add_check_config(app, options, exit_code);
  add_status(app, options, exit_code);
  add_freeze(app, options, exit_code);
  add_unfreeze(app, options, exit_code);
  add_waive(app, options, exit_code);
  add_unwaive(app, options, exit_code);
  add_node_commands(app, options, exit_code);
  add_lower(app, options, exit_code);
  add_sql(app, options, exit_code);
  return run_app(app, argc, argv, exit_code);
}

}  // namespace rpoguard::cli
