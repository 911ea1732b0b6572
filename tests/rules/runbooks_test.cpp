// One runbook per alert, and what it tells people to type works.
#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>
#include <regex>
#include <set>
#include <sstream>

#include "tests/rules/rule_files.hpp"
#include "tests/stack/patroni_pair.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/monitoring.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/proxies.hpp"
#include "tests/support/replaced.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> kHeadings = {"## Meaning", "## Impact", "## First moves",
                                            "## True or false", "## Escalate"};

struct Block {
  std::string book{};
  std::string kind{};  ///< "sh", or "sql" and where: writer, standby, any, pgbouncer; then "danger"
  std::vector<std::string> lines{};
};

struct Book {
  std::string name{};
  std::vector<std::string> headings{};
  std::vector<std::string> links{};  ///< to files beside it
  std::vector<Block> blocks{};
};

void add_links(const std::string& line, Book& book) {
  static const std::regex link(R"(\]\(([^)]+)\))");
  for (std::sregex_iterator it(line.begin(), line.end(), link); it != std::sregex_iterator(); ++it)
    book.links.push_back((*it)[1]);
}

Book read_book(const std::string& file) {
  Book book{.name = std::filesystem::path(file).stem()};
  std::istringstream text(read_file(file));
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) book.blocks.push_back({.book = book.name, .kind = line.substr(3)});
    } else if (inside) {
      book.blocks.back().lines.push_back(line);
    } else {
      if (line.starts_with("#")) book.headings.push_back(line);
      add_links(line, book);
    }
  }
  return book;
}

std::vector<Book> books() {
  std::vector<Book> all;
  for (const std::string& file : files_in("rules/runbooks", ".md")) all.push_back(read_book(file));
  return all;
}

std::vector<Block> blocks_of_kind(const std::string& prefix) {
  std::vector<Block> found;
  for (const Book& book : books()) {
    for (const Block& block : book.blocks) {
      if (block.kind.starts_with(prefix)) found.push_back(block);
    }
  }
  return found;
}

TEST(Runbooks, there_is_one_for_each_alert_and_no_other) {
  std::set<std::string> alerts;
  for (const AlertRule& alert : shipped_rules().alerts) alerts.insert(alert.name);
  std::set<std::string> names;
  for (const Book& book : books()) names.insert(book.name);
  EXPECT_EQ(names, alerts);
}

TEST(Runbooks, have_the_same_parts_a_command_and_links_that_lead_somewhere) {
  for (const Book& book : books()) {
    std::vector<std::string> wanted{"# " + book.name};
    wanted.insert(wanted.end(), kHeadings.begin(), kHeadings.end());
    EXPECT_EQ(book.headings, wanted) << book.name;
    EXPECT_FALSE(book.blocks.empty()) << book.name << " does not say what to type";
    for (const std::string& link : book.links) {
      EXPECT_TRUE(
          std::filesystem::exists(std::string(RPOGUARD_SOURCE_DIR) + "/rules/runbooks/" + link))
          << book.name << ": " << link;
    }
  }
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream text(line);
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

/// A shard over two regions with everything that runbooks talk to.
class RunbookCommands : public testing::Test {
 protected:
  RunbookCommands() : rpoguard_(RegionPair::rpoguard_config({&shard_})), somebody_("{}") {
    rpoguard_.wait_until_serving();
  }

  testing::AssertionResult psql(Server& server, const std::string& sql) {
    const TempDir dir;
    write_file(dir / "commands.sql", sql);
    const CommandResult result =
        run_command({.argv = {"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.conninfo(),
                              "-f", dir / "commands.sql"}});
    if (result.exit_code == 0) return testing::AssertionSuccess();
    return testing::AssertionFailure() << sql << "\n" << result.output;
  }

  std::vector<Server*> servers_for(const std::string& where) {
    if (where == "writer") return {&shard_.iad_a()};
    if (where == "standby") return {&shard_.phx_a()};
    if (where == "any") return {&shard_.iad_a(), &shard_.phx_a()};
    return {};
  }

  RegionPair shard_;
  Rpoguard rpoguard_;
  JsonServer somebody_;  // Patroni's REST API
};

/// Statements that change something are planned, which resolves every name in them, and not run.
std::string harmless(const Block& block) {
  std::string sql;
  bool first = true;
  for (const std::string& line : block.lines) {
    if (first && line.starts_with("select")) sql += "explain ";
    sql += line + "\n";
    first = line.ends_with(';');
  }
  return sql;
}

TEST_F(RunbookCommands, sql_is_understood_where_it_is_to_be_typed) {
  std::size_t run = 0;
  for (const Block& block : blocks_of_kind("sql ")) {
    const std::vector<std::string> kind = words_of(block.kind);
    const bool danger = kind.size() > 2 && kind[2] == "danger";
    const std::string sql =
        danger ? harmless(block)
               : std::accumulate(block.lines.begin(), block.lines.end(), std::string(),
                                 [](auto all, const auto& line) { return all + line + "\n"; });
    if (kind.at(1) == "pgbouncer") continue;
    const std::vector<Server*> servers = servers_for(kind.at(1));
    ASSERT_FALSE(servers.empty()) << block.book << ": nobody is called " << kind.at(1);
    for (Server* server : servers) {
      EXPECT_TRUE(psql(*server, sql)) << block.book;
      ++run;
    }
  }
  EXPECT_GE(run, 40U);
}

TEST_F(RunbookCommands, pgbouncers_console_understands_them) {
  const PgBouncer pgbouncer(shard_.iad_a().port());
  const std::vector<Block> blocks = blocks_of_kind("sql pgbouncer");
  ASSERT_FALSE(blocks.empty());
  for (const Block& block : blocks) {
    for (const std::string& line : block.lines)
      EXPECT_NO_THROW(pgbouncer.connect("pgbouncer", "postgres").rows(line)) << line;
  }
}

/// Nothing is held against any node here that it could forget or readmit.
bool takes_an_accused_node(const std::vector<std::string>& words) {
  return words.at(0) == "rpoguard" && (words.at(1) == "forget-rival" || words.at(1) == "readmit");
}

/// "patronictl -c F list" is checked by asking for the help of "list".
testing::AssertionResult help_exists(const std::vector<std::string>& question,
                                     const std::vector<std::string>& words) {
  std::vector<std::string> argv = question;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "-c") {
      ++i;
    } else if (!words[i].starts_with("-")) {
      argv.push_back(words[i]);
      break;
    }
  }
  if (argv.front() != "pgbackrest") argv.push_back("--help");
  const CommandResult help = run_command({.argv = argv, .env = {{"LC_ALL", "C.UTF-8"}}});
  if (help.exit_code != 0) return testing::AssertionFailure() << help.output;
  for (const std::string& word : words) {
    const std::string option = word.substr(0, word.find('='));
    if (option.starts_with("--") && help.output.find(option) == std::string::npos)
      return testing::AssertionFailure() << "no such option: " << option;
  }
  return testing::AssertionSuccess();
}

TEST_F(RunbookCommands, shell_commands_do_what_they_say) {
  const Alertmanager alertmanager;
  const Etcd etcd;
  const Prometheus prometheus({.scrape_port = rpoguard_.ops_port(), .rule_files = rule_files()});
  const TempDir dir;
  write_file(dir / "web.yml", "http_server_config: {headers: {X-Frame-Options: deny}}\n");
  const std::string host = "http://127.0.0.1:";
  const std::map<std::string, std::string> here = {
      {"/etc/rpoguard/rpoguard.yml", rpoguard_.config_path()},
      {"/etc/rpoguard/web.yml", dir / "web.yml"},
      {host + "10187", host + std::to_string(rpoguard_.ops_port())},
      {host + "10188", host + std::to_string(rpoguard_.gate_port())},
      {host + "8008", host + std::to_string(somebody_.port())},
      {host + "2379", host + std::to_string(etcd.port())},
      {host + "9090", host + std::to_string(prometheus.port())},
      {host + "9093", host + std::to_string(alertmanager.port())},
      {"/etc/prometheus/prometheus.yml", prometheus.config_path()},
      {"host=10.0.0.1 port=5432 dbname=app user=rpoguard",
       "host=127.0.0.1 port=" + std::to_string(shard_.iad_a().port()) +
           " dbname=postgres user=rpoguard"},
  };
  ASSERT_TRUE(opens(rpoguard_, 30s));
  const std::string path =
      std::filesystem::path(RPOGUARD_BINARY).parent_path().string() + ":/usr/bin:/bin";
  write_file(dir / ".curlrc", "fail\n");  // an answer of 404 is an error of the runbook
  const std::map<std::string, std::string> env = {{"PATH", path}, {"CURL_HOME", dir.path()}};
  const auto runs = [&](const std::string& line) -> testing::AssertionResult {
    const CommandResult result =
        run_command({.argv = {"sh", "-c", replaced(line, here)}, .env = env});
    if (result.exit_code == 0) return testing::AssertionSuccess();
    return testing::AssertionFailure() << result.exit_code << ": " << result.output;
  };
  std::map<std::string, std::size_t> seen;
  for (const Block& block : blocks_of_kind("sh")) {
    for (const std::string& line : block.lines) {
      const std::vector<std::string> words = words_of(line);
      const std::string& program = words.at(0);
      ++seen[program];
      if (program == "patronictl") {
        EXPECT_TRUE(help_exists({"patronictl"}, words)) << block.book << ": " << line;
      } else if (takes_an_accused_node(words)) {
        EXPECT_TRUE(help_exists({RPOGUARD_BINARY}, words)) << block.book << ": " << line;
      } else if (program == "pgbackrest") {
        EXPECT_TRUE(help_exists({"pgbackrest", "help"}, words)) << block.book << ": " << line;
      } else if (program == "journalctl" || program == "pg_autoctl") {
        // Needs systemd, or is in no package of Debian 12.
      } else {
        EXPECT_TRUE(runs(line)) << block.book << ": " << line;
      }
    }
  }
  for (const char* program :
       {"rpoguard", "psql", "curl", "promtool", "amtool", "etcdctl", "patronictl", "pgbackrest"})
    EXPECT_GT(seen[program], 0U) << program;
}

}  // namespace
}  // namespace rpoguard::test
