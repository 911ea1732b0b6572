// docs/enforcement/rpoguard-enforce with real servers: under a gate that a test dictates, and under
// the real one.
#include <future>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/stack/guarded_shard.hpp"
#include "tests/support/hostile_objects.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/proxies.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr const char* kReadOnly = "show default_transaction_read_only";
constexpr const char* kNames = "show synchronous_standby_names";
constexpr const char* kInAutoConf =
    "select count(*) from pg_file_settings where sourcefile like '%auto.conf'";

std::vector<std::string> with_script(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   std::string(RPOGUARD_SOURCE_DIR) + "/docs/enforcement/rpoguard-enforce");
  return arguments;
}

/// One call as a command hook. The event is what rpoguard writes to its standard input.
CommandResult hook(const std::vector<std::string>& arguments, const std::string& event) {
  const TempDir dir;
  write_file(dir / "event", event);
  std::vector<std::string> argv{"sh", "-c", "exec \"$@\" < \"$0\"", dir / "event"};
  for (const std::string& word : with_script(arguments)) argv.push_back(word);
  return run_command({.argv = argv});
}

std::string event_of(const std::string& shard) {
  return json{{"id", "1-7"},
              {"type", "rpoguard.gate_closed"},
              {"timestamp", "2026-01-01T00:00:07.000Z"},
              {"data", {{"kind", "gate_closed"}, {"shard", shard}, {"reason", "rpo_exceeded"}}}}
      .dump();
}

/// What /gate says of shard 184.
std::string verdict(const std::string& reason, const std::string& writer, int epoch) {
  json shard{{"shard", "184"}, {"open", reason.empty()}, {"epoch", epoch}};
  shard["writer"] = writer.empty() ? json() : json{{"node", writer}, {"region", "iad"}};
  if (!reason.empty()) shard["reason"] = reason;
  return json{{"shards", {{{"shard", "183"}, {"open", true}}, shard}}}.dump();
}

void apply_grants(Server& writer) {
  writer.exec(shipped_file("docs/enforcement/grants.sql"));
}

std::string node_option(const std::string& name, const Server& server) {
  return name + "=" + server.conninfo("postgres", "rpoguard-ops");
}

/// A pair of servers with the epoch table (epoch 1), and a gate that says what it is told to.
class Enforcement : public ::testing::Test {
 protected:
  Enforcement() {
    apply_sql_command(pair_.writer());
    apply_grants(pair_.writer());
    pair_.writer().exec("create table orders(n int)");
  }
  std::vector<std::string> arguments(const std::string& action, const Server& server) const {
    return {action,
            "--shard",
            "184",
            "--gate",
            gate_.url(""),
            "--node",
            node_option(server.name(), server),
            "--release-after",
            "1"};
  }
  CommandResult look(std::vector<std::string> arguments) const {
    return hook(std::move(arguments), event_of("184"));
  }
  CommandResult look() { return look(arguments("read-only", pair_.writer())); }
  std::unique_ptr<Process> watch(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--watch", "--interval", "0.1"});
    return std::make_unique<Process>(
        SpawnOptions{.argv = with_script(arguments), .output = log_ / "log"});
  }
  SqlValue in_force(const std::string& show = kReadOnly) { return pair_.writer().query(show); }
  std::string log() const { return read_file(log_ / "log"); }

  Cluster pair_;
  TempDir log_;
  JsonServer gate_{verdict("rpo_exceeded", "iad-a", 1)};
};

TEST_F(Enforcement, read_only_holds_new_transactions_of_open_sessions_and_lets_go) {
  Session session = pair_.writer().connect();
  session.rows("insert into orders values (1)");
  const CommandResult closed = look();
  EXPECT_EQ(closed.exit_code, 0) << closed.output;
  EXPECT_EQ(closed.output, "rpo_exceeded: iad-a obeys\n");
  EXPECT_EQ(in_force(), "on");
  try {
    session.rows("insert into orders values (2)");
    ADD_FAILURE() << "a write was let in";
  } catch (const SqlError& error) {
    EXPECT_EQ(error.sqlstate(), "25006");
  }
  EXPECT_EQ(session.value("select count(*) from orders"), "1") << "reads pass";
  // What the page says that it cannot stop.
  session.rows("begin read write; insert into orders values (3); commit");

  gate_.say(verdict("", "iad-a", 1));
  const CommandResult open = look();
  EXPECT_EQ(open.exit_code, 0) << open.output;
  session.rows("insert into orders values (4)");
  EXPECT_EQ(in_force(kInAutoConf), "0") << "nothing is left behind";
}

// The role may change the server's settings: what the database's owner has made must not get that.
TEST_F(Enforcement, calls_nothing_that_the_owner_of_the_database_has_made) {
  plant_hostile_objects(pair_.writer(), "postgres");
  const CommandResult closed = look();
  EXPECT_EQ(closed.output, "rpo_exceeded: iad-a obeys\n");
  EXPECT_EQ(in_force(), "on");
  gate_.say(verdict("", "iad-a", 1));
  const CommandResult open = look();
  EXPECT_EQ(open.exit_code, 0) << open.output;
  EXPECT_TRUE(pair_.writer().becomes(kReadOnly, "off"));
}

TEST_F(Enforcement, refuses_a_server_that_is_not_the_writer_of_the_epoch) {
  gate_.say(verdict("rpo_exceeded", "iad-a", 2));
  CommandResult result = look();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find("not the writer of epoch 2"), std::string::npos) << result.output;

  Server& standby = pair_.add_standby({.name = "iad-b"});
  gate_.say(verdict("rpo_exceeded", "iad-b", 1));
  result = look(arguments("read-only", standby));
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_EQ(standby.query(kInAutoConf), "0");

  gate_.say(verdict("rpo_exceeded", "elsewhere", 1));
  EXPECT_NE(look().output.find("not ours"), std::string::npos);
  gate_.say(verdict("split_brain", "", 1));
  EXPECT_EQ(look().exit_code, 0);
  EXPECT_EQ(in_force(kInAutoConf), "0");
}

TEST_F(Enforcement, what_is_no_verdict_on_the_budget_changes_nothing) {
  for (const char* reason : {"unproven", "reopening", "endpoint_misrouted", "shutting_down"}) {
    gate_.say(verdict(reason, "iad-a", 1));
    EXPECT_EQ(look().exit_code, 0) << reason;
    EXPECT_EQ(in_force(), "off") << reason;
  }
  gate_.say(verdict("frozen", "iad-a", 1));
  EXPECT_EQ(look().exit_code, 0);
  for (const char* reason : {"unproven", "reopening"}) {
    gate_.say(verdict(reason, "iad-a", 1));
    EXPECT_EQ(look().exit_code, 0) << reason;
    EXPECT_EQ(in_force(), "on") << reason;
  }
}

TEST_F(Enforcement, the_hook_looks_only_for_its_own_shard_and_says_when_nobody_answers) {
  const auto asked = gate_.requests();
  EXPECT_EQ(hook(arguments("read-only", pair_.writer()), event_of("185")).exit_code, 0);
  EXPECT_EQ(gate_.requests(), asked);
  EXPECT_EQ(hook(arguments("read-only", pair_.writer()), "{}").exit_code, 2);
  for (const char* body : {"", "{}", "[1]", R"({"shards":[{"shard":"183"}]})"}) {
    gate_.say(body);
    EXPECT_EQ(look().exit_code, 1) << body;
  }
  EXPECT_EQ(in_force(kInAutoConf), "0");
}

TEST_F(Enforcement, a_server_that_follows_another_epoch_is_not_let_go) {
  EXPECT_EQ(look().exit_code, 0);
  gate_.say(verdict("", "phx-a", 2));
  EXPECT_EQ(look().exit_code, 1);
  EXPECT_EQ(in_force(), "on") << "the old writer must not take writes again";
}

TEST_F(Enforcement, the_watch_lets_go_when_rpoguard_is_silent_and_after_its_own_death) {
  auto watcher = watch(arguments("read-only", pair_.writer()));
  ASSERT_TRUE(pair_.writer().becomes(kReadOnly, "on")) << log();
  gate_.fall_silent();
  EXPECT_TRUE(pair_.writer().becomes(kReadOnly, "off")) << log();
  gate_.say(verdict("rpo_exceeded", "iad-a", 1));
  ASSERT_TRUE(pair_.writer().becomes(kReadOnly, "on")) << log();
  watcher->kill_tree();
  gate_.fall_silent();
  watcher = watch(arguments("read-only", pair_.writer()));
  EXPECT_TRUE(pair_.writer().becomes(kReadOnly, "off")) << log();
  EXPECT_EQ(in_force(kInAutoConf), "0");
}

TEST_F(Enforcement, a_standby_cloned_meanwhile_is_let_go_too) {
  EXPECT_EQ(look().exit_code, 0);
  Server& standby = pair_.add_standby({.name = "iad-b"});
  // The fixture empties this file; a clone has it as it was.
  const std::string file = "/postgresql.auto.conf";
  write_file(standby.data_dir() + file, read_file(pair_.writer().data_dir() + file));
  standby.reload();
  ASSERT_TRUE(standby.becomes(kReadOnly, "on"));
  gate_.say(verdict("", "iad-a", 1));
  auto words = arguments("read-only", pair_.writer());
  words.insert(words.end(), {"--node", node_option("iad-b", standby)});
  EXPECT_EQ(look(words).exit_code, 0);
  EXPECT_EQ(standby.query(kReadOnly), "off");
  EXPECT_EQ(in_force(), "off");
}

TEST_F(Enforcement, remote_copy_gives_back_what_was_there_and_leaves_what_an_operator_set) {
  auto words = arguments("remote-copy", pair_.writer());
  words.insert(words.end(), {"--names", "FIRST 2 (\"iad-b\", \"it's\")"});
  pair_.writer().exec("alter system set synchronous_standby_names = 'old, older'");
  pair_.writer().exec("select pg_reload_conf()");
  ASSERT_TRUE(pair_.writer().becomes(kNames, "old, older"));
  EXPECT_EQ(look(words).exit_code, 0);
  EXPECT_EQ(in_force(kNames), "FIRST 2 (\"iad-b\", \"it's\")");
  gate_.say(verdict("", "iad-a", 1));
  EXPECT_EQ(look(words).exit_code, 0);
  EXPECT_EQ(in_force(kNames), "old, older");

  gate_.say(verdict("rpo_exceeded", "iad-a", 1));
  EXPECT_EQ(look(words).exit_code, 0);
  pair_.writer().exec("alter system set synchronous_standby_names = ''");
  pair_.writer().exec("select pg_reload_conf()");
  ASSERT_TRUE(pair_.writer().becomes(kNames, ""));
  gate_.say(verdict("", "iad-a", 1));
  EXPECT_EQ(look(words).exit_code, 0);
  EXPECT_EQ(in_force(kNames), "");
  EXPECT_EQ(in_force(kInAutoConf), "1") << "the operator's";
}

TEST_F(Enforcement, an_epoch_by_timeline_is_told_by_the_server_as_the_page_says) {
  pair_.writer().exec("drop table rpoguard.cluster_state cascade");
  auto words = arguments("read-only", pair_.writer());
  EXPECT_EQ(look(words).exit_code, 1);
  const std::string page = shipped_file("docs/enforcement.md");
  const std::size_t begin = page.find("select ('x'");
  words.insert(words.end(), {"--epoch-sql", page.substr(begin, page.find('\n', begin) - begin)});
  const CommandResult result = look(words);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(in_force(), "on");
}

TEST_F(Enforcement, a_disabled_database_of_pgbouncer_refuses_new_clients_until_the_gate_opens) {
  const PgBouncer pooler(pair_.writer().port());
  const auto connects = [&] {
    try {
      return pooler.connect("postgres", "postgres").value("select 1") == "1";
    } catch (const SqlError&) {
      return false;
    }
  };
  ASSERT_TRUE(connects());
  Session connected = pooler.connect("postgres", "postgres");
  const std::vector<std::string> words{
      "pgbouncer",
      "--shard",
      "184",
      "--gate",
      gate_.url(""),
      "--console",
      "host=127.0.0.1 user=postgres port=" + std::to_string(pooler.port()),
      "--database",
      "postgres",
      "--how",
      "disable",
      "--state",
      log_ / "disabled"};
  const CommandResult closed = look(words);
  EXPECT_EQ(closed.output, "rpo_exceeded: postgres is disabled\n");
  EXPECT_FALSE(connects());
  EXPECT_EQ(connected.value("select 1"), "1") << "what the page says that it cannot stop";
  gate_.say(verdict("", "iad-a", 1));
  EXPECT_EQ(look(words).exit_code, 0);
  EXPECT_TRUE(connects());
}

TEST_F(Enforcement, a_pause_holds_new_queries_though_a_transaction_is_under_way) {
  const PgBouncer pooler(pair_.writer().port());
  Session busy = pooler.connect("postgres", "postgres");
  busy.rows("begin");
  Session next = pooler.connect("postgres", "rpoguard");
  const auto watcher = watch({"pgbouncer", "--shard", "184", "--gate", gate_.url(""), "--console",
                              "host=127.0.0.1 user=postgres port=" + std::to_string(pooler.port()),
                              "--database", "postgres", "--state", log_ / "paused"});
  EXPECT_TRUE(eventually(30s, [&] {
    Session probe = pooler.connect("postgres", "rpoguard");
    try {
      probe.value("select 1", 300ms);
      return false;
    } catch (const SqlError&) {
      return true;
    }
  })) << log();
  busy.rows("insert into orders values (1); commit");
  gate_.say(verdict("", "iad-a", 1));
  EXPECT_TRUE(eventually(30s, [&] { return log().find("open:") != std::string::npos; })) << log();
  EXPECT_EQ(next.value("select 4"), "4");
  EXPECT_EQ(pair_.writer().query("select count(*) from orders"), "1");
}

/// The same under a real rpoguard.
class EnforcedShard : public ::testing::Test {
 protected:
  EnforcedShard() {
    apply_grants(guarded_.shard.iad_a());
    guarded_.shard.iad_a().exec("create table orders(n int)");
  }
  void watch(const std::string& action, const std::vector<std::string>& more = {}) {
    const std::string gate = "http://127.0.0.1:" + std::to_string(guarded_.rpoguard->gate_port());
    std::vector<std::string> arguments{action, "--shard", "184", "--gate", gate, "--watch"};
    for (const char* node : {"iad-a", "phx-a"}) {
      arguments.push_back("--node");
      arguments.push_back(node_option(node, guarded_.shard.cluster().node(node)));
    }
    arguments.insert(arguments.end(), {"--interval", "0.2", "--release-after", "2"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    watcher_ = std::make_unique<Process>(
        SpawnOptions{.argv = with_script(arguments), .output = dir_ / "log"});
  }
  std::string log() const { return read_file(dir_ / "log"); }
  Server& writer() { return guarded_.shard.iad_a(); }

  TempDir dir_;
  GuardedShard guarded_;
  std::unique_ptr<Process> watcher_;
};

TEST_F(EnforcedShard, is_read_only_while_the_gate_is_closed_and_after_rpoguards_death_no_longer) {
  watch("read-only");
  guarded_.shard.cut_wan();
  EXPECT_TRUE(writer().becomes(kReadOnly, "on")) << log();
  EXPECT_THROW(writer().exec("insert into orders values (1)"), SqlError);
  guarded_.shard.heal_wan();
  EXPECT_TRUE(writer().becomes(kReadOnly, "off")) << log();
  writer().exec("insert into orders values (1)");

  guarded_.shard.cut_wan();
  EXPECT_TRUE(writer().becomes(kReadOnly, "on")) << log();
  guarded_.rpoguard->kill9();
  EXPECT_TRUE(writer().becomes(kReadOnly, "off")) << log();
  writer().exec("insert into orders values (2)");
}

// As docs/enforcement.md has it, without the service: each transition of the gate calls it.
TEST_F(EnforcedShard, obeys_as_a_hook_of_rpoguard) {
  Rpoguard& rpoguard = *guarded_.rpoguard;
  std::string hook = "hooks:\n  - name: read-only-184\n    type: command\n    command: [";
  const std::string gate = "http://127.0.0.1:" + std::to_string(rpoguard.gate_port());
  for (const std::string& word : with_script({"read-only", "--shard", "184", "--gate", gate,
                                              "--node", node_option("iad-a", writer())}))
    hook += json(word).dump() + ", ";
  hook += "]\n    events: [gate_closed, gate_reason_changed, gate_opened]\n";
  write_file(rpoguard.config_path(), read_file(rpoguard.config_path()) + hook);
  rpoguard.sighup();
  ASSERT_TRUE(eventually(20s, [&] {
    return rpoguard.metric("rpoguard_hook_queue_events", {{"hook", "read-only-184"}}).has_value();
  })) << rpoguard.log();
  guarded_.shard.cut_wan();
  EXPECT_TRUE(writer().becomes(kReadOnly, "on")) << rpoguard.log();
  guarded_.shard.heal_wan();
  EXPECT_TRUE(writer().becomes(kReadOnly, "off")) << rpoguard.log();
}

TEST_F(EnforcedShard, waits_for_the_remote_copy_while_the_budget_is_used_up) {
  const std::string before = *writer().query(kNames);
  const std::string strict = "FIRST 2 (\"iad-b\", \"phx-a\")";
  watch("remote-copy", {"--names", strict});
  guarded_.shard.cut_wan();
  ASSERT_TRUE(writer().becomes(kNames, strict)) << log();
  auto commit = std::async(std::launch::async, [&] {
    Session session = writer().connect();
    session.rows("insert into orders values (1)", 60s);
  });
  EXPECT_TRUE(writer().becomes(
      "select count(*) from pg_stat_activity where wait_event = 'SyncRep' and query like 'insert%'",
      "1"));
  EXPECT_EQ(commit.wait_for(0s), std::future_status::timeout) << "not acknowledged";
  guarded_.shard.heal_wan();
  EXPECT_NO_THROW(commit.get());
  EXPECT_EQ(guarded_.shard.phx_a().query("select pg_last_wal_receive_lsn() is not null"), "t");
  EXPECT_TRUE(writer().becomes(kNames, before)) << log();
  EXPECT_TRUE(opens(*guarded_.rpoguard, 30s));
}

TEST_F(EnforcedShard, pgbouncer_pauses_the_writers_database_only) {
  const PgBouncer pooler(writer().port());
  Session client = pooler.connect("postgres", "rpoguard");
  Session other = pooler.connect("template1", "rpoguard");
  EXPECT_EQ(client.value("select 1"), "1");
  const auto paused = [&] {
    for (const SqlRow& row : pooler.connect("pgbouncer", "postgres").rows("show databases")) {
      if (row.at(0) == "postgres") return row.at(row.size() - 2);
    }
    return SqlValue();
  };
  watch("pgbouncer",
        {"--console", "host=127.0.0.1 user=postgres port=" + std::to_string(pooler.port()),
         "--database", "postgres", "--state", dir_ / "paused"});
  guarded_.shard.cut_wan();
  EXPECT_TRUE(eventually(30s, [&] { return paused() == "1"; })) << log();
  EXPECT_THROW(client.value("select 2", 500ms), SqlError) << "it waits";
  EXPECT_EQ(other.value("select 3"), "3");
  guarded_.shard.heal_wan();
  EXPECT_TRUE(eventually(30s, [&] { return paused() == "0"; })) << log();
  EXPECT_EQ(pooler.connect("postgres", "rpoguard").value("select 4"), "4");

  // An operator's own pause is nobody else's business.
  pooler.connect("pgbouncer", "postgres").rows("pause postgres");
  EXPECT_TRUE(holds_for(1s, [&] { return paused() == "1"; })) << log();
  pooler.connect("pgbouncer", "postgres").rows("resume postgres");

  guarded_.shard.cut_wan();
  EXPECT_TRUE(eventually(30s, [&] { return paused() == "1"; })) << log();
  guarded_.rpoguard->kill9();
  EXPECT_TRUE(eventually(30s, [&] { return paused() == "0"; })) << log();
}

}  // namespace
}  // namespace rpoguard::test
