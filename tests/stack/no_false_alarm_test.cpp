// What happens every day and loses nothing: restarts of the writer under load, a failover whose
// servers are rewound or seeded anew. Copies of every kind go on counting.
#include <array>
#include <csignal>
#include <set>

#include <gtest/gtest.h>

#include "tests/stack/histories.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr int kRestarts = 20;

/// The rows of a node's looks, as the view shows them: counts those that differ.
class Looks {
 public:
  explicit Looks(const Rpoguard& rpoguard) : rpoguard_(rpoguard) {}

  /// How many looks at the node succeed before it counts and, if it streams, proves what the RPO
  /// asks for, from now on; absent: it does not within 30 s.
  std::optional<std::size_t> until_counted(const std::string& name) const {
    std::set<std::string> looks;
    const std::string before = last_answer(node_json(rpoguard_, name));
    const bool counted = eventually(30s, [&] {
      const auto node = node_json(rpoguard_, name);
      if (last_answer(node) == before) return false;
      looks.insert(last_answer(node));
      return is_sound(node) && node.at("counted").get<bool>() && proves(node);
    });
    if (!counted) return std::nullopt;
    return looks.size();
  }
  /// A look that began after now has answered.
  bool until_seen(const std::string& name) const {
    const std::string before = last_answer(node_json(rpoguard_, name));
    return eventually(10s, [&] { return last_answer(node_json(rpoguard_, name)) != before; });
  }
  /// Those whose lineage is unknown or diverged, and why.
  std::string accused() const {
    std::string names;
    for (const auto& node : rpoguard_.ops_json("/api/v1/view").at("shards")[0].at("nodes")) {
      if (!is_sound(node) && !node.at("lineage").is_null())
        names +=
            node.at("name").get<std::string>() + ": " + node.at("note").get<std::string>() + "\n";
    }
    return names;
  }

 private:
  static bool is_sound(const nlohmann::json& node) {
    return node.at("lineage") == "assumed" || node.at("lineage") == "follows";
  }
  static bool proves(const nlohmann::json& node) {
    const auto& lag = node.at("lag_seconds").at("flush");
    return node.at("streaming") == false || (lag.is_number() && lag < 5);
  }
  static std::string last_answer(const nlohmann::json& node) {
    return node.at("last_answer").dump();
  }

  const Rpoguard& rpoguard_;
};

/// iad-a with a copy of each kind.
class CopiesOfEachKind {
 public:
  CopiesOfEachKind() {
    apply_sql_command(iad_a());
    iad_a().exec(demo::kLedgerSql);
    Server& streaming = cluster_.add_standby({.name = "streaming"});
    cluster_.add_standby({.name = "delayed", .conf = {{"recovery_min_apply_delay", "2s"}}});
    cascading_ = Server::clone({.name = "cascading"},
                               {.port = streaming.port(), .application_name = "cascading"});
    cascading_->start();
    archive_fed_ = Server::clone({.name = "archive-fed"},
                                 {.port = iad_a().port(), .archive_dir = cluster_.archive_dir()});
    archive_fed_->set_conf("primary_conninfo", "");
    archive_fed_->start();
  }
  Server& iad_a() { return cluster_.writer(); }
  RpoguardConfig config() {
    RpoguardConfig config = RegionPair::rpoguard_config({});
    config.probe_interval = "300ms";
    config.probe_timeout = "250ms";
    config.defaults = "gate: {reopen_after: 300ms}\n";
    ShardConfig shard{.nodes = {{.name = "iad-a", .region = "iad", .port = iad_a().port()}}};
    for (const auto& name : names()) shard.nodes.push_back({name, "phx", server(name).port()});
    config.shards = {shard};
    return config;
  }
  std::unique_ptr<demo::Gateway> load(const Rpoguard& rpoguard) {
    demo::GatewayOptions options;
    options.shard = "184";
    options.gate = {"127.0.0.1", rpoguard.gate_port()};
    options.nodes["iad-a"] = {"127.0.0.1", iad_a().port()};
    options.rate = 50;
    return std::make_unique<demo::Gateway>(std::move(options));
  }
  static std::vector<std::string> names() {
    return {"streaming", "delayed", "cascading", "archive-fed"};
  }
  Server& server(const std::string& name) {
    if (name == "cascading") return *cascading_;
    return name == "archive-fed" ? *archive_fed_ : cluster_.node(name);
  }
  /// Those that stream stream again.
  bool is_healthy() {
    for (const char* name : {"streaming", "delayed", "cascading"}) {
      if (!server(name).becomes("select count(*) from pg_stat_wal_receiver where status = "
                                "'streaming'",
                                "1"))
        return false;
    }
    return true;
  }
  /// One of the ways in which a writer is started again.
  void restart(int number) {
    Server& writer = iad_a();
    const char* kind = std::array{"fast", "immediate", "backend"}.at(number % 3);
    if (kind != std::string("backend")) {
      writer.stop(kind);
      writer.start();
      return;
    }
    const std::string walwriter =
        *writer.query("select pid from pg_stat_activity where backend_type = 'walwriter'");
    send_signal(std::stoi(walwriter), SIGKILL);
    if (!writer.becomes("select count(*) from pg_stat_activity where pid = " + walwriter, "0"))
      throw std::runtime_error("the backends were not started again: " + writer.log());
  }

 private:
  Cluster cluster_{{.archiving = true}};
  std::unique_ptr<Server> cascading_;
  std::unique_ptr<Server> archive_fed_;
};

TEST(NoFalseAlarm, in_twenty_restarts_of_the_writer_under_load) {
  CopiesOfEachKind shard;
  Rpoguard rpoguard(shard.config());
  ASSERT_TRUE(starts_open(rpoguard));
  const auto load = shard.load(rpoguard);
  load->start();
  const Looks looks(rpoguard);
  for (int number = 0; number < kRestarts; ++number) {
    SCOPED_TRACE(number);
    const auto acked = load->counters().acked;
    ASSERT_TRUE(eventually(20s, [&] { return load->counters().acked > acked + 10; }))
        << load->trouble() << rpoguard.log();
    shard.restart(number);
    ASSERT_TRUE(shard.is_healthy());
    for (const std::string& name : CopiesOfEachKind::names()) {
      const auto count = looks.until_counted(name);
      ASSERT_TRUE(count) << name << node_json(rpoguard, name);
      EXPECT_LE(*count, 3U) << name;
    }
    ASSERT_TRUE(opens(rpoguard));
    ASSERT_EQ(looks.accused(), "") << rpoguard.log();
  }
  load->stop();
  const auto commits = load->commits();
  ASSERT_TRUE(shard.server("streaming")
                  .becomes("select count(*) from ledger",
                           *shard.iad_a().query("select count(*) from ledger")));
  EXPECT_EQ(rpoguard.log().find("diverged"), std::string::npos);
  std::printf("%d restarts: %zu rows acknowledged, %s found on the streaming copy\n", kRestarts,
              commits.size(),
              shard.server("streaming").query("select count(*) from ledger")->c_str());
}

TEST(NoFalseAlarm, when_the_servers_of_a_failover_are_rewound_and_seeded_anew) {
  RegionPair shard("184", {.conf = {{"wal_log_hints", "on"}}});
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.probe_interval = "300ms";
  config.probe_timeout = "250ms";
  config.defaults = "gate: {reopen_after: 300ms}\n";
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  shard.iad_a().exec(kOrdersSql);
  ASSERT_TRUE(shard.cluster().caught_up(shard.phx_a(), shard.iad_a()));
  shard.cluster().set_synchronous("");
  const Looks looks(rpoguard);
  shard.phx_a().stop();
  place_orders(shard.iad_a(), 1, 100, Records::line_up);
  shard.iad_a().stop("immediate");
  shard.iad_b().stop("immediate");
  shard.phx_a().start();
  ASSERT_TRUE(looks.until_seen("phx-a"));
  shard.fail_over();
  ASSERT_TRUE(opens(rpoguard));
  place_orders(shard.phx_a(), 2, 100, Records::line_up);

  shard.iad_a().start();  // pg_rewind wants a clean end
  shard.iad_a().stop();
  shard.phx_a().exec("checkpoint");
  const CommandResult rewound =
      run_command({.argv = {postgres_bindir() + "/pg_rewind", "--no-sync", "-D",
                            shard.iad_a().data_dir(), "--source-server", shard.phx_a().conninfo()},
                   .user = unprivileged_user()});
  ASSERT_EQ(rewound.exit_code, 0) << rewound.output;
  follow(shard.iad_a(), shard.phx_a());
  const auto rewound_looks = looks.until_counted("iad-a");
  ASSERT_TRUE(rewound_looks) << node_json(rpoguard, "iad-a") << rpoguard.log();
  EXPECT_LE(*rewound_looks, 3U);
  EXPECT_TRUE(eventually(10s,
                         [&] {
                           return rpoguard.metric("rpoguard_rpo_waived", {{"shard", "184"}}) == 0;
                         }))
      << node_json(rpoguard, "iad-a") << rpoguard.log();
  EXPECT_TRUE(opens(rpoguard));

  shard.iad_b().reseed({.port = shard.phx_a().port(), .application_name = "iad-b"});
  const auto seeded_looks = looks.until_counted("iad-b");
  ASSERT_TRUE(seeded_looks) << node_json(rpoguard, "iad-b") << rpoguard.log();
  EXPECT_LE(*seeded_looks, 3U);
  EXPECT_EQ(looks.accused(), "");
  for (Server* copy : {&shard.iad_a(), &shard.iad_b()}) {
    ASSERT_TRUE(shard.cluster().caught_up(*copy, shard.phx_a()));
    EXPECT_EQ(orders_on(*copy, 1), 0U);
    EXPECT_EQ(orders_on(*copy, 2), 100U);
  }
  std::printf(
      "100 rows acknowledged after the failover, %zu found on the rewound copy, %zu on the "
      "one seeded anew\n",
      orders_on(shard.iad_a(), 2), orders_on(shard.iad_b(), 2));
}

}  // namespace
}  // namespace rpoguard::test
