// A standby beside the writer takes over while the writer is out of sight: by hand, by Patroni, by
// repmgr, by pg_auto_failover. Nobody stamps at first; then the shipped callback does
// (docs/integrations/stamp-on-promotion).
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "tests/stack/lost_commits.hpp"
#include "tests/stack/patroni_pair.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/hostile_objects.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/shipped_file.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kRefused =
    "iad-b: it accepts writes on epoch 1, on which iad-a has been the writer; iad-a has not been "
    "seen in recovery since, so both may accept writes; if it is to be the writer, stamp it: "
    "select rpoguard.cluster_promote('iad', 'YOUR NAME', above => 1)";

RpoguardConfig quick(RpoguardConfig config) {
  config.rpo = "5s";
  config.epoch_source = "table";
  config.probe_interval = "300ms";
  config.probe_timeout = "250ms";
  config.connect = "dbname: postgres, user: rpoguard";
  return config;
}

std::string why_closed(const Rpoguard& rpoguard) {
  return rpoguard.ops_json("/api/v1/view").at("shards").at(0).at("gate").at("detail");
}

/// Empty: none is.
std::string confirmed_node(const Rpoguard& rpoguard) {
  const auto writer = rpoguard.ops_json("/api/v1/view").at("shards").at(0).at("writer");
  return writer.is_null() ? "" : writer.at("node").get<std::string>();
}

bool is_refused(const Rpoguard& rpoguard) {
  return eventually(60s, [&] { return why_closed(rpoguard) == kRefused; });
}

/// "iad-b 2": to whom the gate is open, and on which epoch; empty: to nobody.
std::string open_to(const Rpoguard& rpoguard) {
  const auto reply = rpoguard.gate("/gate/184");
  if (!reply || reply->status != 200) return "";
  return reply->headers.at("rpoguard-writer") + " " + reply->headers.at("rpoguard-epoch");
}

/// The shipped callback in a directory of its own; it waits until it is let go.
class HeldCallback {
 public:
  HeldCallback() {
    write_file(script(), shipped_file("docs/integrations/stamp-on-promotion"));
    make_executable(script());
    write_command("exit 0\n");
  }
  /// What an HA manager calls, with its own words behind these: once the test has let it go, it is
  /// the callback for the server behind the connection string. Nothing before there is one.
  std::string command() const { return dir_ / "callback"; }
  void serve(const std::string& conninfo, const std::string& words) const {
    write_command("while [ ! -e " + (dir_ / "go").string() + " ]; do sleep 0.1; done\nexec >>" +
                  (dir_ / "said").string() + " 2>&1\nexec " + script() +
                  " --region iad --interval 0.2 --conninfo '" + conninfo + "' " + words +
                  " \"$@\"\n");
  }
  void let_go() const { write_file(dir_ / "go", ""); }
  std::string said() const { return read_file(dir_ / "said"); }

 private:
  static void make_executable(const std::string& path) { ::chmod(path.c_str(), 0755); }
  std::string script() const { return dir_ / "stamp-on-promotion"; }
  void write_command(const std::string& text) const {
    write_file(command(), "#!/bin/sh\n" + text);
    make_executable(command());
    give_to(unprivileged_user(), dir_.path());
  }

  TempDir dir_;
};

/// Writes that obey the gate, to whom it names.
class Load {
 public:
  Load(const Rpoguard& rpoguard, std::uint16_t iad_a, std::uint16_t iad_b)
      : gateway_(options(rpoguard, iad_a, iad_b)) {
    gateway_.start();
  }
  bool flows() const {
    const auto before = gateway_.counters().acked;
    return eventually(20s, [&] { return gateway_.counters().acked > before + 50; });
  }
  /// Ends it, and prints what the promoted server has of it.
  void report(const std::string& stack, const std::string& promoted) {
    gateway_.stop();
    const auto commits = gateway_.commits();
    const LostCommits lost = lost_commits(commits, promoted);
    std::printf("%s: %zu rows acknowledged, %zu of them found on iad-b, lost span %s s\n",
                stack.c_str(), commits.size(), commits.size() - lost.count,
                render_seconds(lost.span).c_str());
    EXPECT_LT(lost.count, commits.size() / 2);
    EXPECT_LE(lost.span, 5s);
  }

 private:
  static demo::GatewayOptions options(const Rpoguard& rpoguard, std::uint16_t iad_a,
                                      std::uint16_t iad_b) {
    demo::GatewayOptions options;
    options.shard = "184";
    options.gate = {"127.0.0.1", rpoguard.gate_port()};
    options.nodes = {{"iad-a", {"127.0.0.1", iad_a}}, {"iad-b", {"127.0.0.1", iad_b}}};
    options.rate = 100;
    return options;
  }

  demo::Gateway gateway_;
};

/// The stack has promoted iad-b, or is about to. The gate stays closed until the callback stamps.
void expect_held_until_stamped(const Rpoguard& rpoguard, const HeldCallback& callback) {
  EXPECT_TRUE(is_refused(rpoguard)) << why_closed(rpoguard) << rpoguard.log();
  EXPECT_TRUE(holds_for(1s, [&] { return rpoguard.gate_reason("184") == "stale_epoch"; }));
  callback.let_go();
  EXPECT_TRUE(opens(rpoguard, 30s)) << callback.said();
  EXPECT_EQ(open_to(rpoguard), "iad-b 2");
  EXPECT_NE(callback.said().find("stamped: epoch 2"), std::string::npos) << callback.said();
}

TEST(Takeover, by_hand_is_refused_until_the_old_writer_says_that_it_is_none) {
  RegionPair shard;
  shard.cluster().set_synchronous("");
  demo::Link way({.target_port = shard.iad_a().port()});
  RpoguardConfig config = quick(RegionPair::rpoguard_config({&shard}));
  config.shards.at(0).nodes.at(0).port = way.port();
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  shard.iad_a().exec("create table held (n int)");
  // Behind iad-b, it has nothing of iad-a that iad-b lacks.
  shard.phx_a().set_conf("primary_conninfo", shard.iad_b().conninfo() + " application_name=phx-a");
  shard.phx_a().set_conf("primary_slot_name", "");
  shard.phx_a().reload();
  ASSERT_TRUE(shard.iad_b().becomes("select count(*) from pg_stat_replication", "1"));
  ASSERT_TRUE(opens(rpoguard)) << why_closed(rpoguard);

  way.cut();  // for rpoguard alone: applications reach iad-a
  shard.iad_b().promote();
  std::size_t acknowledged = 0;
  const auto stays_closed = [&] {
    return holds_for(2s, [&] {
      shard.iad_a().exec("insert into held values (1)");
      ++acknowledged;
      return !rpoguard.gate_open("184");
    });
  };
  EXPECT_TRUE(is_refused(rpoguard)) << why_closed(rpoguard) << rpoguard.log();
  EXPECT_TRUE(stays_closed()) << open_to(rpoguard);
  rpoguard.kill9();
  rpoguard.start();
  rpoguard.wait_until_serving();
  EXPECT_TRUE(is_refused(rpoguard)) << "after a restart: " << why_closed(rpoguard);
  EXPECT_TRUE(stays_closed()) << open_to(rpoguard);
  std::printf("by hand: %zu rows acknowledged by iad-a beside iad-b, %s of them found on iad-b\n",
              acknowledged, shard.iad_b().query("select count(*) from held")->c_str());

  shard.iad_a().reseed({.port = shard.iad_b().port(), .application_name = "iad-a"});
  way.heal();
  EXPECT_TRUE(eventually(20s, [&] { return confirmed_node(rpoguard) == "iad-b"; }))
      << why_closed(rpoguard);
  // It was started since, and has not seen phx-a when iad-b began to write. By its control file,
  // iad-b was promoted, and phx-a follows it.
  EXPECT_TRUE(opens(rpoguard)) << why_closed(rpoguard);
  EXPECT_EQ(open_to(rpoguard), "iad-b 1");
  shard.iad_a().stop();
  EXPECT_TRUE(holds_for(2s, [&] { return rpoguard.gate_open("184"); })) << why_closed(rpoguard);
}

// The newest number reaches iad-b with the WAL, and it is iad-a's. rpoguard sees neither meanwhile;
// another rpoguard knows nothing at all.
TEST(Takeover, by_hand_with_a_stamp_that_nobody_saw_on_the_old_writer_is_refused) {
  RegionPair shard;
  shard.cluster().set_synchronous("");
  demo::Link way_to_a({.target_port = shard.iad_a().port()});
  demo::Link way_to_b({.target_port = shard.iad_b().port()});
  RpoguardConfig config = quick(RegionPair::rpoguard_config({&shard}));
  config.shards.at(0).nodes.at(0).port = way_to_a.port();
  config.shards.at(0).nodes.at(1).port = way_to_b.port();
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  shard.iad_a().exec("create table held (n int)");

  way_to_a.cut();  // for rpoguard alone: applications reach both
  way_to_b.cut();
  ASSERT_TRUE(eventually(20s, [&] { return rpoguard.gate_reason("184") == "no_writer"; }));
  shard.stamp("iad", "iad-a");
  ASSERT_TRUE(shard.iad_b().becomes("select writer_epoch from rpoguard.cluster_state", "2"));
  shard.iad_b().promote();
  way_to_b.heal();
  Rpoguard fresh(config);
  fresh.wait_until_serving();
  const std::string refused =
      "iad-b: it accepts writes on epoch 2, which was stamped on timeline 1; now it is on timeline "
      "2: it was promoted since; if it is to be the writer, stamp it: select "
      "rpoguard.cluster_promote('iad', 'YOUR NAME', above => 2)";
  std::size_t acknowledged = 0;
  std::size_t let_in = 0;
  for (const Rpoguard* each : {&rpoguard, &fresh}) {
    EXPECT_TRUE(eventually(20s, [&] { return why_closed(*each) == refused; })) << why_closed(*each);
    EXPECT_TRUE(holds_for(2s, [&] {
      shard.iad_a().exec("insert into held values (1)");
      ++acknowledged;
      if (each->gate_open("184")) ++let_in;
      return let_in == 0;
    })) << open_to(*each);
  }
  std::printf(
      "unseen stamp: %zu rows acknowledged by iad-a beside iad-b, %s of them found on iad-b; let "
      "in to iad-b: %zu\n",
      acknowledged, shard.iad_b().query("select count(*) from held")->c_str(), let_in);

  EXPECT_EQ(shard.iad_b().query(refused.substr(refused.find("select"))), "3");
  EXPECT_TRUE(opens(rpoguard)) << why_closed(rpoguard);
  EXPECT_EQ(open_to(rpoguard), "iad-b 3");
  EXPECT_TRUE(eventually(20s, [&] { return confirmed_node(fresh) == "iad-b"; }))
      << why_closed(fresh);
}

/// iad-a and iad-b as an HA manager keeps them, and a plain copy of iad-a in the other region.
RpoguardConfig kept_shard(std::uint16_t iad_a, std::uint16_t iad_b, std::uint16_t phx_a) {
  RpoguardConfig config;
  config.shards = {{.nodes = {{.name = "iad-a", .region = "iad", .port = iad_a},
                              {.name = "iad-b", .region = "iad", .port = iad_b},
                              {.name = "phx-a", .region = "phx", .port = phx_a}}}};
  return quick(config);
}

std::unique_ptr<Server> copy_of(std::uint16_t iad_a) {
  // None of these may be lower than its upstream's, whose segments have PostgreSQL's own size.
  auto copy = Server::clone({.name = "phx-a",
                             .conf = {{"max_connections", "200"},
                                      {"max_wal_senders", "20"},
                                      {"max_worker_processes", "20"},
                                      {"max_locks_per_transaction", "128"},
                                      {"min_wal_size", "80MB"}}},
                            {.port = iad_a, .application_name = "phx-a"});
  copy->start();
  return copy;
}

std::string conninfo_of(std::uint16_t port, const std::string& dbname = "postgres") {
  return "host=127.0.0.1 port=" + std::to_string(port) + " dbname=" + dbname +
         " user=postgres gssencmode=disable sslmode=disable";
}

/// --view and --shard of the callback.
std::string above_what_is_known(const Rpoguard& rpoguard) {
  return "--view http://127.0.0.1:" + std::to_string(rpoguard.ops_port()) + " --shard 184 ";
}

TEST(Takeover, by_patroni_is_stamped_by_its_callback) {
  const HeldCallback callback;
  const Etcd etcd;
  PatroniNode iad_a("iad-a", "iad", etcd);
  iad_a.wait_until("/primary");
  apply_sql_command(iad_a.conninfo());
  Session(iad_a.conninfo()).rows(demo::kLedgerSql);
  const PatroniNode iad_b("iad-b", "iad", etcd, callback.command());
  iad_b.wait_until("/replica");
  const auto phx_a = copy_of(iad_a.port());
  Rpoguard rpoguard(kept_shard(iad_a.port(), iad_b.port(), phx_a->port()));
  callback.serve(iad_b.conninfo(), above_what_is_known(rpoguard) + "patroni");
  ASSERT_TRUE(starts_open(rpoguard, 40s));
  Load load(rpoguard, iad_a.port(), iad_b.port());
  EXPECT_TRUE(load.flows());

  iad_a.crash();
  expect_held_until_stamped(rpoguard, callback);
  EXPECT_TRUE(load.flows());
  load.report("Patroni", iad_b.conninfo());
}

/// A server's repmgr: its configuration, its commands, and its daemon.
class Repmgr {
 public:
  Repmgr(int id, const Server& server, const std::string& notify) {
    const std::string bindir = postgres_bindir();
    write_file(config(), "node_id=" + std::to_string(id) + "\nnode_name='" + server.name() +
                             "'\nconninfo='" + conninfo_of(server.port()) + "'\ndata_directory='" +
                             server.data_dir() + "'\npg_bindir='" + bindir +
                             "'\nfailover=automatic\npromote_command='" + bindir + "/repmgr -f " +
                             config() + " standby promote'\nfollow_command='true'\n" +
                             "monitor_interval_secs=1\nreconnect_attempts=2\n" +
                             "reconnect_interval=1\nevent_notification_command='" + notify +
                             " %e %s'\nevent_notifications='standby_promote'\n");
    give_to(unprivileged_user(), dir_.path());
  }
  void run(std::vector<std::string> words) const {
    words.insert(words.begin(), {postgres_bindir() + "/repmgr", "-f", config()});
    const CommandResult done =
        run_command({.argv = words, .user = unprivileged_user(), .directory = dir_.path()});
    if (done.exit_code != 0) throw std::runtime_error("repmgr: " + done.output);
  }
  void start_daemon() {
    daemon_ = std::make_unique<Process>(
        SpawnOptions{.argv = {postgres_bindir() + "/repmgrd", "-f", config(), "--daemonize=false",
                              "--no-pid-file"},
                     .user = unprivileged_user(),
                     .output = dir_ / "log",
                     .directory = dir_.path()});
  }
  std::string log() const { return read_file(dir_ / "log"); }

 private:
  std::string config() const { return dir_ / "repmgr.conf"; }

  TempDir dir_;
  std::unique_ptr<Process> daemon_;
};

TEST(Takeover, by_repmgr_is_stamped_by_its_notification) {
  RegionPair shard("184", {.conf = {{"shared_preload_libraries", "repmgr"}}});
  const HeldCallback callback;
  Rpoguard rpoguard(quick(RegionPair::rpoguard_config({&shard})));
  callback.serve(shard.iad_b().conninfo(), above_what_is_known(rpoguard) + "repmgr");
  const Repmgr first(1, shard.iad_a(), callback.command());
  first.run({"primary", "register"});
  Repmgr second(2, shard.iad_b(), callback.command());
  second.run({"standby", "register", "--force"});
  second.start_daemon();
  ASSERT_TRUE(starts_open(rpoguard));
  Load load(rpoguard, shard.iad_a().port(), shard.iad_b().port());
  EXPECT_TRUE(load.flows());
  ASSERT_TRUE(eventually(20s, [&] {
    return second.log().find("monitoring connection to upstream") != std::string::npos;
  })) << second.log();

  shard.iad_a().kill9();
  expect_held_until_stamped(rpoguard, callback);
  EXPECT_TRUE(load.flows());
  load.report("repmgr", shard.iad_b().conninfo());
}

/// pg_auto_failover's keeper and the server that it keeps, or the monitor and its own.
class AutoFailoverNode {
 public:
  /// `role`: what stands after `pg_autoctl create`.
  explicit AutoFailoverNode(const std::vector<std::string>& role) {
    // Made here: the node and whoever asks for its state would make them at the same time.
    for (const char* each : {"share", "config", "run"})
      std::filesystem::create_directory(dir_ / each);
    give_to(unprivileged_user(), dir_.path());
    std::vector<std::string> argv{"pg_autoctl", "create"};
    argv.insert(argv.end(), role.begin(), role.end());
    for (const std::string& word :
         {std::string("--pgdata"), data_dir(), std::string("--pgport"), std::to_string(port_)})
      argv.push_back(word);
    for (const char* word : {"--hostname", "127.0.0.1", "--auth", "trust", "--no-ssl", "--run"})
      argv.emplace_back(word);
    process_ = std::make_unique<Process>(SpawnOptions{.argv = argv,
                                                      .env = environment(),
                                                      .user = unprivileged_user(),
                                                      .output = dir_ / "log",
                                                      .directory = dir_.path(),
                                                      .death_signal = SIGTERM});
  }
  void crash() { process_->kill_tree(); }
  /// Where pg_autoctl keeps what belongs to this node.
  std::map<std::string, std::string> environment() const {
    const std::string home = dir_.path();
    return {{"HOME", home},
            {"XDG_DATA_HOME", home + "/share"},
            {"XDG_CONFIG_HOME", home + "/config"},
            {"XDG_RUNTIME_DIR", home + "/run"},
            {"PATH", postgres_bindir() + ":/usr/bin:/bin"}};
  }
  std::string state() const {
    const CommandResult said = run_command(
        {.argv = {"pg_autoctl", "show", "state", "--local", "--json", "--pgdata", data_dir()},
         .env = environment(),
         .user = unprivileged_user(),
         .directory = dir_.path()});
    const auto json = nlohmann::json::parse(said.output, nullptr, false);
    return json.is_object() ? json.value("current_group_state", "") : "";
  }
  void wait_for_state(const std::string& state) const {
    if (!eventually(
            60s, [&] { return this->state() == state; }, 200ms))
      throw std::runtime_error("pg_autoctl: " + this->state() + "\n" + log());
  }
  std::uint16_t port() const { return port_; }
  std::string data_dir() const { return dir_ / "data"; }
  std::string log() const { return read_file(dir_ / "log"); }

 private:
  TempDir dir_;
  std::uint16_t port_ = free_port();
  std::unique_ptr<Process> process_;
};

/// A monitor that notices within seconds.
class Monitor {
 public:
  Monitor() {
    const bool up = eventually(
        60s,
        [&] {
          try {
            for (const char* setting :
                 {"health_check_period = 1000", "health_check_timeout = 1000",
                  "health_check_retry_delay = 500", "node_considered_unhealthy_timeout = 3000",
                  "startup_grace_period = 1000", "primary_demote_timeout = 3000"})
              Session(conninfo()).rows(std::string("alter system set pgautofailover.") + setting);
            Session(conninfo()).rows("select pg_reload_conf()");
            return Session(conninfo()).value("select pgautofailover.formation_uri('default')") !=
                   "";
          } catch (const SqlError&) {
            return false;
          }
        },
        200ms);
    if (!up) throw std::runtime_error("the monitor is not up: " + node_.log());
  }
  /// What stands after `pg_autoctl create` for a node of this name.
  std::vector<std::string> node(const std::string& name) const {
    return {"postgres",
            "--name",
            name,
            "--listen",
            "127.0.0.1",
            "--username",
            "postgres",
            "--dbname",
            "postgres",
            "--monitor",
            "postgres://autoctl_node@127.0.0.1:" + std::to_string(node_.port()) +
                "/pg_auto_failover?sslmode=prefer"};
  }

 private:
  std::string conninfo() const { return conninfo_of(node_.port(), "pg_auto_failover"); }

  AutoFailoverNode node_{std::vector<std::string>{"monitor"}};
};

TEST(Takeover, by_pg_auto_failover_is_stamped_by_who_watches_its_keeper) {
  const Monitor monitor;
  AutoFailoverNode iad_a(monitor.node("iad-a"));
  iad_a.wait_for_state("single");
  apply_sql_command(conninfo_of(iad_a.port()));
  Session(conninfo_of(iad_a.port())).rows(demo::kLedgerSql);
  const AutoFailoverNode iad_b(monitor.node("iad-b"));
  const auto phx_a = copy_of(iad_a.port());
  Rpoguard rpoguard(kept_shard(iad_a.port(), iad_b.port(), phx_a->port()));
  iad_a.wait_for_state("primary");
  const HeldCallback callback;
  callback.serve(conninfo_of(iad_b.port()),
                 above_what_is_known(rpoguard) + "--keeper " + iad_b.data_dir() + " watch");
  const Process loop(
      {.argv = {callback.command()}, .env = iad_b.environment(), .user = unprivileged_user()});
  ASSERT_TRUE(starts_open(rpoguard, 40s));
  Load load(rpoguard, iad_a.port(), iad_b.port());
  EXPECT_TRUE(load.flows());

  iad_a.crash();
  expect_held_until_stamped(rpoguard, callback);
  EXPECT_TRUE(load.flows());
  load.report("pg_auto_failover", conninfo_of(iad_b.port()));
}

const std::string kStampOnPromotion =
    std::string(RPOGUARD_SOURCE_DIR) + "/docs/integrations/stamp-on-promotion";

std::vector<std::string> callback_for(const Server& server, const std::vector<std::string>& words) {
  std::vector<std::string> argv{kStampOnPromotion, "--region", "iad",        "--within",       "1",
                                "--interval",      "0.1",      "--conninfo", server.conninfo()};
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

/// One run of the callback to its end.
CommandResult run_callback(const Server& server, const std::vector<std::string>& words) {
  return run_command({.argv = callback_for(server, words)});
}

TEST(StampOnPromotion, stamps_a_promotion_once_and_nothing_else) {
  RegionPair shard;
  const Server& writer = shard.iad_a();
  Server& standby = shard.iad_b();
  const auto epoch = [&](const Server& server) {
    return server.query("select writer_epoch from rpoguard.cluster_state").value();
  };
  const auto says = [](const CommandResult& done, int code, const std::string& text) {
    EXPECT_EQ(done.exit_code, code) << done.output;
    EXPECT_NE(done.output.find(text), std::string::npos) << done.output;
  };
  says(run_callback(writer, {"now"}), 0, "it was never promoted");
  says(run_callback(writer, {"patroni", "on_role_change", "replica", "x"}), 0, "nothing to stamp");
  says(run_callback(standby, {"patroni", "on_start", "master", "x"}), 0, "nothing to stamp");
  says(run_callback(standby, {"repmgr", "standby_promote", "0"}), 0, "nothing to stamp");
  says(run_callback(standby, {"repmgr", "repmgrd_reload", "1"}), 0, "nothing to stamp");
  says(run_callback(standby, {"patroni", "on_role_change", "primary", "x"}), 1,
       "it is in recovery");
  says(run_callback(standby, {"patroni", "on_role_change"}), 2,
       "after patroni come ACTION ROLE CLUSTER");
  says(run_callback(standby, {"--conninfo", "host=x password=hush", "now"}), 2,
       "must hold no password");
  says(run_callback(standby, {"--conninfo", "host=/nonexistent", "now"}), 1,
       "not stamped within 1 s");
  EXPECT_EQ(epoch(writer), "1");

  standby.promote();
  const Process loop({.argv = callback_for(standby, {"watch"})});
  EXPECT_TRUE(standby.becomes("select writer_epoch from rpoguard.cluster_state", "2"))
      << "its start finds a promotion that nobody has stamped";
  says(run_callback(standby, {"patroni", "on_role_change", "master", "x"}), 0,
       "it is stamped already");
  // A restart is no promotion, nor is a person's own stamp a reason for another one.
  standby.restart();
  standby.exec("select rpoguard.cluster_promote('iad', 'ana')");
  EXPECT_TRUE(holds_for(1s, [&] { return epoch(standby) == "3"; }));
  const Process again({.argv = callback_for(standby, {"watch"})});
  EXPECT_TRUE(holds_for(1s, [&] { return epoch(standby) == "3"; }));
  // Held read-only by rpoguard-enforce, above what an rpoguard knows, or without its answer.
  standby.exec("alter system set default_transaction_read_only = on");
  standby.reload();
  ASSERT_TRUE(standby.becomes("show default_transaction_read_only", "on"));
  const JsonServer view(
      R"({"shards":[{"shard":"183","highest_epoch":90},{"shard":"184","highest_epoch":40}]})");
  says(run_callback(standby, {"--shard", "184", "--view", "http://127.0.0.1:1", "--view",
                              view.url(""), "now"}),
       0, "stamped: epoch 41");
  EXPECT_EQ(standby.query("select writer_region || ': ' || promoted_by from rpoguard.cluster_state")
                .value()
                .rfind("iad: stamp-on-promotion on ", 0),
            0U);
  says(run_callback(standby, {"--shard", "184", "--view", "http://127.0.0.1:1", "now"}), 0,
       "the new epoch is above this server's own");

  // It runs as a superuser, in a database that belongs to somebody else.
  standby.exec("alter system reset default_transaction_read_only");
  standby.reload();
  ASSERT_TRUE(standby.becomes("show default_transaction_read_only", "off"));
  plant_hostile_objects(standby, "postgres");
  says(run_callback(standby, {"now"}), 0, "it is stamped already");
  standby.exec("alter function rpoguard.cluster_promote owner to mallory");
  says(run_callback(standby, {"now"}), 1,
       "refused: rpoguard.cluster_promote(text,text,bigint) belongs to mallory");
}

}  // namespace
}  // namespace rpoguard::test
