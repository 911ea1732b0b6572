// Every command in the documents is typed at real servers and succeeds. Commands that need a
// cluster of Kubernetes stand in blocks marked "console".
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "tests/docs/markdown.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/proxies.hpp"
#include "tests/support/replaced.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const fs::path kRoot = RPOGUARD_SOURCE_DIR;

// The beginnings of commands that are typed elsewhere, and where.
const std::map<std::string, std::string> kElsewhere = {
    {"demo/", "tests/newcomer types them in a bare root, and so does tests/bare demo"},
    {"cmake -", "tests/newcomer builds and installs in a bare root"},
    {"tests/run", "it would start this test"},
    {"tests/bench/run", "it measures for minutes, and is a command of its own"},
    {"curl -X POST 'http://127.0.0.1:10187/-/forget-rival",
     "tests/stack/rivals_test: it takes a rival"},
    {"curl -X POST 'http://127.0.0.1:10187/-/readmit", "tests/stack/lineage_test: it takes a copy"},
    {"curl -X POST 'http://127.0.0.1:10187/-/waive",
     "tests/stack/waive_test: it takes a lost copy"},
    {"curl -X POST 'http://127.0.0.1:10187/-/unwaive", "tests/stack/waive_test, after it"},
    {"curl -X POST 'http://127.0.0.1:10187/-/lower",
     "tests/stack/waive_test: it takes a number that is gone again"},
    {"helm ", "tests/helm/commands.test.mjs, with both Helms"},
};

// Documents for a machine that is not ours, and who plays it. Here their options are held against
// --help.
const std::map<std::string, std::string> kOfOtherMachines = {
    {"docs/install.md", "tests/package: it takes a Debian root to install into"},
    {"docs/transport-security.md", "tests/stack: certificates and users are made there"},
};

// Runbooks have a test of their own, and the pages for developers talk of this repository's tests.
bool is_for_users(const std::string& path) {
  return path == "README.md" || path.starts_with("docs/") || path.starts_with("helm/") ||
         path == "rules/README.md" || path == "dashboards/README.md";
}

std::vector<CodeBlock> blocks_of(const std::set<std::string>& kinds) {
  std::vector<CodeBlock> blocks;
  for (const std::string& path : documents()) {
    if (!is_for_users(path)) continue;
    for (const CodeBlock& block : read_document(path).blocks) {
      if (kinds.contains(block.kind)) blocks.push_back(block);
    }
  }
  return blocks;
}

// Absent: it is typed here.
const std::string* elsewhere(const std::string& line) {
  for (const auto& [start, where] : kElsewhere) {
    if (line.starts_with(start)) return &start;
  }
  return nullptr;
}

/// A shard over two regions, rpoguard, PgBouncer, and a directory with what the commands name.
class DocumentCommands : public testing::Test {
 protected:
  DocumentCommands()
      : config_(RegionPair::rpoguard_config({&shard_})),
        rpoguard_(config_),
        pgbouncer_(shard_.iad_a().port()) {
    rpoguard_.wait_until_serving();
    shard_.iad_a().exec("create database app");
    for (const char* name : {"secrets", "rules"}) fs::create_directory(dir_ / name);
    for (const char* folder : {"rules", "dashboards"}) copy_files(folder);
    fs::create_directory_symlink(kRoot / "docs/enforcement", dir_ / "enforcement");
    write_file(dir_ / ".curlrc", "fail\n");
    write_file(dir_ / "psqlrc", "\\set ON_ERROR_STOP on\n");
    write_file(dir_ / "event.json", R"({"data":{"shard":"184"}})");
    fs::copy(rpoguard_.config_path(), dir_ / "rpoguard.yml");
  }

  // What `sed -i` changes must be ours.
  void copy_files(const std::string& folder) {
    for (const auto& entry : fs::directory_iterator(kRoot / folder)) {
      if (!entry.is_regular_file()) continue;
      const fs::path to = folder == "rules" ? dir_ / "rules" : dir_.path();
      fs::copy(entry.path(), to / entry.path().filename());
    }
  }

  std::map<std::string, std::string> names_here() {
    const std::string host = "http://127.0.0.1:";
    return {
        {"/etc/rpoguard/rpoguard.yml", rpoguard_.config_path()},
        {"/etc/prometheus/rpoguard", dir_ / "rules"},
        {"/run/secrets", dir_ / "secrets"},
        {"/run/rpoguard-app.paused", dir_ / "app.paused"},
        {host + "10187", host + std::to_string(rpoguard_.ops_port())},
        {host + "10188", host + std::to_string(rpoguard_.gate_port())},
        {"http://10.0.9.1:10188", host + std::to_string(rpoguard_.gate_port())},
        {"host=127.0.0.1 port=6432 user=ops",
         "host=127.0.0.1 user=postgres port=" + std::to_string(pgbouncer_.port())},
        {"host=/run/postgresql dbname=app user=rpoguard-ops", shard_.iad_a().conninfo()},
        // Which asks the port of the reference configuration where none is named.
        {"rpoguard-enforce pgbouncer",
         "rpoguard-enforce pgbouncer --gate " + host + std::to_string(rpoguard_.gate_port())},
        // As a service they never end; without it they look once, at the event on standard input.
        {" --watch", ""},
    };
  }

  SpawnOptions shell(const std::string& text) {
    const std::string path = fs::path(RPOGUARD_BINARY).parent_path().string() + ":" +
                             (kRoot / "docs/enforcement").string() + ":/usr/bin:/bin";
    // What stands left of a pipe has to succeed as well.
    return {.argv = {"bash", "-e", "-o", "pipefail", "-c", "exec <event.json\n" + text},
            .env = {{"PATH", path},
                    {"CURL_HOME", dir_.path()},
                    {"PSQLRC", dir_ / "psqlrc"},
                    {"PGHOST", "127.0.0.1"},
                    {"PGUSER", "postgres"},
                    {"PGPORT", std::to_string(shard_.iad_a().port())},
                    {"PGOPTIONS", "-c client_min_messages=warning"}},
            .directory = dir_.path()};
  }

  void type(const CodeBlock& block, const std::string& text) {
    if (text.empty()) return;
    // Whoever was frozen or held just before has to be let go first.
    ASSERT_TRUE(opens(rpoguard_, 30s));
    const CommandResult result = run_command(shell(replaced(text, names_here())));
    EXPECT_EQ(result.exit_code, 0) << block.place() << ":\n" << text << result.output;
  }

  // It runs until it is told to end. With ports of its own, since one rpoguard runs already.
  void serve(const CodeBlock& block, const std::string& line) {
    const std::uint16_t ops = free_port();
    write_file(dir_ / "serve.yml", render_config(config_, ops, free_port(), dir_ / "state"));
    Process process(shell("exec " + replaced(line, {{"rpoguard.yml", "serve.yml"}})));
    const auto ready = [&] {
      const auto reply = http_get(ops, "/readyz?require=writes");
      return reply && reply->status == 200;
    };
    EXPECT_TRUE(eventually(30s, ready)) << block.place();
    process.signal(SIGTERM);
    EXPECT_EQ(process.wait(10s), 0) << block.place();
  }

  RegionPair shard_;
  const RpoguardConfig config_;
  Rpoguard rpoguard_;
  PgBouncer pgbouncer_;
  TempDir dir_;
};

TEST_F(DocumentCommands, shell_and_sql_do_what_they_say) {
  std::set<std::string> passed_on;
  std::size_t typed = 0;
  for (const CodeBlock& block : blocks_of({"sh", "sql"})) {
    if (kOfOtherMachines.contains(block.document)) continue;
    if (block.kind == "sql") {
      type(block, "psql -X -q -v ON_ERROR_STOP=1 app <<'END'\n" + block.text + ";\nEND\n");
      ++typed;
      continue;
    }
    std::string text;
    std::istringstream lines(block.text);
    for (std::string line; std::getline(lines, line);) {
      if (const std::string* start = elsewhere(line)) {
        passed_on.insert(*start);
      } else if (line.starts_with("rpoguard serve")) {
        serve(block, line);
      } else {
        text += line + "\n";
      }
    }
    type(block, text);
    typed += text.empty() ? 0 : 1;
  }
  EXPECT_GE(typed, 20U);
  EXPECT_EQ(passed_on.size(), kElsewhere.size()) << "somebody is excused without need";
}

std::string help_of(const std::string& command) {
  return run_command({.argv = {RPOGUARD_BINARY, command, "--help"}}).output;
}

// Empty, or the first option that this command of rpoguard does not know.
std::string unknown_option(const std::string& line) {
  std::istringstream words(line);
  std::string word;
  std::string command;
  words >> word >> command;
  if (word != "rpoguard" || command.starts_with('-')) return {};
  const std::string help = help_of(command);
  while (words >> word && !word.starts_with('#')) {
    const std::string option = word.substr(0, word.find('='));
    if (option.starts_with("--") && help.find(option) == std::string::npos) return option;
  }
  return {};
}

TEST(DocumentCommandKinds, commands_for_other_machines_use_options_that_exist) {
  for (const std::string& path : documents()) {
    if (!kOfOtherMachines.contains(path)) continue;
    for (const CodeBlock& block : read_document(path).blocks) {
      std::istringstream lines(block.text);
      for (std::string line; std::getline(lines, line);)
        EXPECT_EQ(unknown_option(line), "") << block.place() << ": " << line;
    }
  }
  EXPECT_EQ(unknown_option("rpoguard status --config.file=x"), "");
  EXPECT_EQ(unknown_option("rpoguard status --colour=x   # --no"), "--colour");
}

TEST(DocumentCommandKinds, every_block_says_what_it_is) {
  const std::set<std::string> known = {"sh", "sql", "yaml", "json", "console", "cpp", "ini", ""};
  for (const std::string& path : documents()) {
    if (!is_for_users(path)) continue;
    for (const CodeBlock& block : read_document(path).blocks)
      EXPECT_TRUE(known.contains(block.kind)) << block.place() << ": " << block.kind;
  }
}

TEST(DocumentCommandKinds, only_kubernetes_and_helm_need_a_cluster) {
  for (const CodeBlock& block : blocks_of({"console"})) {
    std::istringstream lines(block.text);
    for (std::string line; std::getline(lines, line);)
      EXPECT_TRUE(line.starts_with("helm ") || line.starts_with("kubectl "))
          << block.place() << ": " << line;
  }
}

}  // namespace
}  // namespace rpoguard::test
