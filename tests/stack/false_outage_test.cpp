// What happens on servers that work must not close the gate, nor blind rpoguard.
#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

nlohmann::json node_in_view(const Rpoguard& rpoguard, const std::string& name) {
  const nlohmann::json view = rpoguard.ops_json("/readyz");
  for (const auto& node : view.at("cluster").at("shards").at(0).at("nodes"))
    if (node.at("name") == name) return node;
  return nullptr;
}

/// Closed, for whatever reason, since the program was started.
double closings(const Rpoguard& rpoguard) {
  double sum = 0;
  for (const auto& sample : rpoguard.metrics().all("rpoguard_gate_transitions_total"))
    if (sample.labels.at("to") == "closed") sum += sample.value;
  return sum;
}

// A dump reads the table of epochs for hours, and VACUUM FULL waits for its end: whoever comes
// later waits as well, readers and stamps alike.
TEST(FalseOutage, a_lock_on_the_table_of_epochs_closes_nothing_and_its_holder_is_named) {
  RegionPair shard;
  Server& writer = shard.iad_a();
  writer.exec("create table t (x int)");
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard));
  const double before = closings(rpoguard);

  Session dump = writer.connect();
  dump.rows("set application_name = 'pg_dump'");
  dump.rows("begin");
  dump.rows("select * from rpoguard.cluster_state");
  const std::string dump_pid = dump.value("select pg_backend_pid()").value();
  Process vacuum({.argv = {postgres_bindir() + "/psql", "-X", "-d", writer.conninfo(), "-c",
                           "vacuum full rpoguard.cluster_state"}});
  const auto note = [&] { return node_in_view(rpoguard, "iad-a").at("note").get<std::string>(); };
  EXPECT_TRUE(eventually(15s, [&] {
    return note().find("(postgres, test) waits to lock it, behind pid " + dump_pid +
                       " (postgres, pg_dump)") != std::string::npos;
  })) << note();
  // Longer than the RPO, and there are commits all the while.
  EXPECT_TRUE(holds_for(7s,
                        [&] {
                          writer.exec("insert into t values (1)");
                          return rpoguard.gate_open("184");
                        }))
      << rpoguard.gate_reason("184") << rpoguard.log();
  EXPECT_EQ(closings(rpoguard), before);

  dump.rows("rollback");
  ASSERT_EQ(vacuum.wait(20s), 0);
  shard.stamp("iad", "iad-a");
  EXPECT_TRUE(eventually(15s, [&] {
    return rpoguard.metric("rpoguard_highest_epoch", {{"shard", "184"}}) == 2 && note().empty();
  })) << note();
  EXPECT_TRUE(rpoguard.gate_open("184"));
}

// Then the archiver knows of nothing until the next segment is full.
TEST(FalseOutage, an_archiver_whose_statistics_are_gone_is_not_an_old_archive) {
  RegionPair shard("184", {.archiving = true});
  const Server& writer = shard.iad_a();
  writer.exec("create table t (x int)");
  writer.exec("select pg_switch_wal()");
  ASSERT_TRUE(writer.becomes("select archived_count > 0 from pg_stat_archiver", "t"));
  writer.exec("insert into t values (0)");
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.shards.front().extra = "archive: {max_age: 30s}\n";
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  // What is archived is older than the first look.
  ASSERT_TRUE(eventually(20s, [&] { return rpoguard.gate_reason("184") == "archive_too_old"; }));
  const auto detail = [&]() -> std::string {
    return rpoguard.ops_json("/api/v1/view").at("shards")[0].at("gate").at("detail");
  };
  EXPECT_TRUE(detail().starts_with("how old the WAL archive is, is not known: ")) << detail();
  writer.exec("insert into t values (1)");
  writer.exec("select pg_switch_wal()");
  ASSERT_TRUE(opens(rpoguard));
  const Labels old{{"shard", "184"}, {"to", "closed"}, {"reason", "archive_too_old"}};
  const auto closed = [&] {
    return rpoguard.metric("rpoguard_gate_transitions_total", old).value_or(0);
  };
  const double before = closed();

  writer.exec("select pg_stat_reset_shared('archiver')");
  ASSERT_TRUE(writer.becomes("select archived_count from pg_stat_archiver", "0"));
  EXPECT_TRUE(holds_for(3s, [&] { return rpoguard.gate_open("184"); }))
      << rpoguard.gate_reason("184");

  Session victim = writer.connect();
  send_signal(std::stoi(victim.value("select pg_backend_pid()").value()), SIGKILL);
  ASSERT_TRUE(opens(rpoguard, 40s));
  EXPECT_EQ(closed(), before) << rpoguard.log();
}

// Transactions that are rolled back leave WAL that nobody waits for.
TEST(FalseOutage, wal_that_the_writer_lets_wait_is_no_known_loss_and_the_setting_is_named) {
  RegionPair shard("184", {.conf = {{"wal_writer_delay", "10s"}}});
  const Server& writer = shard.iad_a();
  writer.exec("create table t (x int)");
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard, 60s));
  double known = 0;
  ASSERT_TRUE(eventually(
      60s,
      [&] {
        writer.exec("begin; insert into t values (1); rollback");
        known = std::max(
            known,
            rpoguard.metric("rpoguard_rpo_exposure_known_seconds", {{"shard", "184"}}).value_or(0));
        return rpoguard.gate_reason("184") == "rpo_exceeded";
      },
      200ms))
      << rpoguard.log();
  EXPECT_LT(known, 2.5) << "nothing was committed; a copy may be one look late";
  const auto view = rpoguard.ops_json("/api/v1/view");
  const std::string detail = view.at("shards")[0].at("gate").at("detail");
  EXPECT_NE(detail.find("wal_writer_delay, which is 10s there: set it to 200ms"), std::string::npos)
      << detail;
}

// A database without an encoding holds any bytes, and a name may hold orders to a terminal.
TEST(FalseOutage, an_operators_name_closes_nothing_and_reaches_nobody_as_it_is) {
  RegionPair shard;
  const Server& writer = shard.iad_a();
  writer.exec(
      "create database ascii encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0");
  apply_sql_command(writer.conninfo("ascii"));
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.connect = "dbname: ascii, user: rpoguard";
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  const double before = closings(rpoguard);

  Session operator_of_old = writer.connect("ascii");
  operator_of_old.rows("set client_encoding = 'SQL_ASCII'");
  const std::string stamp =
      "update rpoguard.cluster_state set writer_epoch = writer_epoch + 1, promoted_at = now(), ";
  operator_of_old.rows(stamp + "promoted_by = E'M\\xFCller\\xC2\\x9B2J'");
  EXPECT_TRUE(eventually(15s, [&] {
    return rpoguard.metric("rpoguard_highest_epoch", {{"shard", "184"}}) == 2;
  })) << rpoguard.log();
  EXPECT_TRUE(opens(rpoguard));
  EXPECT_EQ(closings(rpoguard), before) << rpoguard.log();

  // What the gate is then closed for, with right, is told to people.
  operator_of_old.rows(stamp + "writer_region = E'm\\xFCn\\xC2\\x9B2J'");
  EXPECT_TRUE(eventually(15s, [&] {
    return rpoguard.log().find("is stamped for region m?n?2J") != std::string::npos;
  })) << rpoguard.log();
  const CommandResult status =
      run_command({.argv = {RPOGUARD_BINARY, "status", "--config.file=" + rpoguard.config_path()}});
  EXPECT_NE(status.output.find("m?n?2J"), std::string::npos) << status.output;
  for (const std::string& out : {rpoguard.log(), status.output, rpoguard.ops("/metrics")->body,
                                 rpoguard.ops("/readyz")->body,
                                 rpoguard.ops("/api/v1/events")->body, rpoguard.ops("/")->body}) {
    EXPECT_EQ(out.find('\xFC'), std::string::npos) << out;
    EXPECT_EQ(out.find("\xC2\x9B"), std::string::npos) << out;
  }
}

}  // namespace
}  // namespace rpoguard::test
