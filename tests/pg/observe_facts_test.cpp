// What the prober says about real servers is what those servers say themselves.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/pg/observe_support.hpp"
#include "tests/support/cluster.hpp"

namespace rpoguard::test {
namespace {

using core::NodeFacts;

core::Lsn lsn_of(const Server& server, const std::string& function) {
  const auto lsn = core::parse_lsn(server.query("select " + function).value_or(""));
  EXPECT_TRUE(lsn.has_value()) << function;
  return lsn.value_or(core::Lsn{});
}

const core::ReplicationRow* row_of(const NodeFacts& facts, const std::string& name) {
  const auto row = std::find_if(facts.replication.begin(), facts.replication.end(),
                                [&](const auto& r) { return r.application_name == name; });
  return row == facts.replication.end() ? nullptr : &*row;
}

TEST(observe_facts, a_writer_is_described_as_it_is) {
  Cluster shard({.archiving = true});
  shard.add_standby({.name = "iad-b", .synchronous = true});
  shard.add_standby({.name = "phx-a"});
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("select pg_switch_wal()");
  // Until the archiver has nothing left to do: what it says must not change while it is compared.
  ASSERT_TRUE(writer.becomes(
      "select archived_count > 0 and last_archived_wal = (select max(left(name, -5)) from "
      "pg_ls_archive_statusdir()) and not exists (select from pg_ls_archive_statusdir() where name "
      "like '%.ready') from pg_stat_archiver",
      "t"));

  const core::Lsn before = lsn_of(writer, "pg_current_wal_insert_lsn()");
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_to_facts(run, 0));
  const core::Lsn after = lsn_of(writer, "pg_current_wal_insert_lsn()");
  const NodeFacts& facts = *run.facts(0);

  EXPECT_FALSE(facts.in_recovery);
  EXPECT_EQ(std::to_string(facts.server_version), writer.query("show server_version_num"));
  EXPECT_EQ(std::to_string(facts.system_identifier),
            writer.query("select system_identifier from pg_control_system()"));
  EXPECT_EQ(facts.timeline, core::Timeline{1});
  EXPECT_GE(facts.insert_lsn, before);
  EXPECT_LE(facts.insert_lsn, after);
  EXPECT_LE(facts.flushed_lsn, facts.insert_lsn);
  EXPECT_EQ(facts.snapshot.value_or("").find("|") + 1, facts.snapshot.value_or("").size());
  EXPECT_FALSE(facts.receive_lsn || facts.replay_lsn || facts.replay_paused || facts.streaming);

  const auto* synchronous = row_of(facts, "iad-b");
  const auto* remote = row_of(facts, "phx-a");
  ASSERT_TRUE(synchronous != nullptr && remote != nullptr);
  EXPECT_EQ(facts.replication.size(), 2U);
  EXPECT_EQ(synchronous->state, "streaming");
  EXPECT_EQ(synchronous->sync_state, "sync");
  EXPECT_EQ(remote->sync_state, "async");
  EXPECT_TRUE(remote->flush_lsn && remote->replay_lsn);
  EXPECT_EQ(std::to_string(remote->pid.value_or(0)),
            writer.query("select pid from pg_stat_replication where application_name = 'phx-a'"));
  EXPECT_EQ(
      std::to_string(facts.started->time_since_epoch().count()),
      writer.query("select (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint"));

  ASSERT_TRUE(facts.stamped.has_value());
  EXPECT_EQ(facts.stamped->epoch, core::Epoch{1});
  EXPECT_EQ(facts.stamped->writer_region, "iad");
  EXPECT_FALSE(facts.stamped->promoted_at.has_value());
  ASSERT_TRUE(facts.archiver.has_value());
  EXPECT_GT(facts.archiver->archived_count, 0);
  EXPECT_EQ(facts.archiver->failed_count, 0);
  EXPECT_EQ(facts.archiver->last_archived_wal,
            writer.query("select last_archived_wal from pg_stat_archiver"));
  EXPECT_EQ(facts.wal_segment_bytes, 1U << 20);
  EXPECT_EQ(facts.synchronous_standby_names, writer.query("show synchronous_standby_names"));
  EXPECT_EQ(facts.synchronous_commit, "on");
}

TEST(observe_facts, the_fingerprint_changes_with_each_commit_and_prepare_and_only_then) {
  Cluster shard({.conf = {{"max_prepared_transactions", "4"}, {"autovacuum", "off"}}});
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("create table t (x int)");
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_probes(run, 0, 2));
  std::string last = run.facts(0)->snapshot.value_or("");
  EXPECT_EQ(ProbeRun::facts_of(run.fast(0)[0])->snapshot, last);
  const auto changes_with = [&](const std::string& sql) {
    writer.exec(sql);
    if (!run_probes(run, 0, 2)) return false;  // the first may have been under way
    const std::string now = run.facts(0)->snapshot.value_or("");
    return std::exchange(last, now) != now;
  };
  EXPECT_TRUE(changes_with("insert into t values (1)"));
  EXPECT_FALSE(changes_with("checkpoint"));
  Session session = writer.connect();
  session.rows("begin");
  session.rows("insert into t values (2)");
  ASSERT_TRUE(run_probes(run, 0, 2));
  last = run.facts(0)->snapshot.value_or("");
  session.rows("prepare transaction 'later'");
  EXPECT_TRUE(changes_with("select 1"));
  EXPECT_TRUE(changes_with("commit prepared 'later'"));
  EXPECT_FALSE(changes_with("select 1"));
}

TEST(observe_facts, a_standby_tells_what_it_received_and_what_it_replayed) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("create table t (x int)");
  Server& standby = shard.add_standby({.name = "phx-a"});
  ProbeRun run({node_on(standby)}, pg_options());
  ASSERT_TRUE(run_to_facts(run, 0));
  {
    const NodeFacts& facts = *run.facts(0);
    EXPECT_TRUE(facts.in_recovery);
    EXPECT_EQ(facts.timeline, core::Timeline{1});
    EXPECT_EQ(facts.streaming, true);
    EXPECT_EQ(facts.replay_paused, false);
    EXPECT_TRUE(facts.replication.empty());
    EXPECT_FALSE(facts.insert_lsn || facts.flushed_lsn || facts.snapshot);
    EXPECT_EQ(facts.stamped->epoch, core::Epoch{1});
    EXPECT_EQ(std::to_string(facts.system_identifier),
              writer.query("select system_identifier from pg_control_system()"));
  }
  standby.exec("select pg_wal_replay_pause()");
  ASSERT_TRUE(standby.becomes("select pg_get_wal_replay_pause_state()", "paused"));
  writer.exec("insert into t select generate_series(1, 1000)");
  const core::Lsn written = lsn_of(writer, "pg_current_wal_flush_lsn()");
  ASSERT_TRUE(run_to_facts(run, 0, [&](const NodeFacts& facts) {
    return facts.replay_paused == true && facts.receive_lsn >= written;
  }));
  EXPECT_LT(run.facts(0)->replay_lsn, written);
  standby.exec("select pg_wal_replay_resume()");
  ASSERT_TRUE(run_to_facts(run, 0, [&](const NodeFacts& facts) {
    return facts.replay_paused == false && facts.replay_lsn >= written;
  }));
  EXPECT_TRUE(run.facts(0)->last_replayed_commit.has_value());
}

TEST(observe_facts, a_standby_says_under_which_name_it_stands_at_the_writer) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  Server& standby = shard.add_standby({.name = "phx-a"});
  ProbeRun run({node_on(standby), node_on(writer)}, pg_options());
  ASSERT_TRUE(
      run_to_facts(run, 0, [](const NodeFacts& facts) { return facts.announced_name == "phx-a"; }));
  standby.set_conf("primary_conninfo", "host=127.0.0.1 user=postgres password=secret port=" +
                                           std::to_string(writer.port()));
  standby.set_conf("cluster_name", "15/main");
  standby.restart();
  ASSERT_TRUE(run_to_facts(
      run, 0, [](const NodeFacts& facts) { return facts.announced_name == "15/main"; }));
  EXPECT_TRUE(run_to_facts(
      run, 1, [](const NodeFacts& facts) { return row_of(facts, "15/main") != nullptr; }));
  standby.set_conf("cluster_name", "");
  standby.restart();
  ASSERT_TRUE(run_to_facts(
      run, 1, [](const NodeFacts& facts) { return row_of(facts, "walreceiver") != nullptr; }));
  ASSERT_TRUE(run_probes(run, 0, 2));
  EXPECT_EQ(run.facts(0)->streaming, true);
  EXPECT_EQ(run.facts(0)->announced_name, std::nullopt) << "every walreceiver is called that";
}

TEST(observe_facts, a_delayed_standby_says_by_how_much_and_the_others_say_nothing) {
  Cluster shard;
  apply_migration(shard.writer());
  Server& standby =
      shard.add_standby({.name = "phx-a", .conf = {{"recovery_min_apply_delay", "90min"}}});
  ProbeRun run({node_on(standby), node_on(shard.writer())}, pg_options());
  ASSERT_TRUE(run_to_facts(run, 0));
  ASSERT_TRUE(run_to_facts(run, 1));
  EXPECT_EQ(run.facts(0)->apply_delay, std::chrono::minutes(90));
  EXPECT_FALSE(run.facts(1)->apply_delay.has_value());
  standby.set_conf("recovery_min_apply_delay", "0");
  standby.reload();
  EXPECT_TRUE(run_to_facts(run, 0, [](const NodeFacts& facts) { return !facts.apply_delay; }));
}

TEST(observe_facts, a_restart_shows_as_another_start) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_to_facts(run, 0));
  const auto started = run.facts(0)->started;
  writer.restart();
  EXPECT_TRUE(
      run_to_facts(run, 0, [&](const NodeFacts& facts) { return facts.started > started; }));
}

TEST(observe_facts, a_standby_without_its_writer_keeps_position_and_timeline) {
  Cluster shard;
  apply_migration(shard.writer());
  Server& standby = shard.add_standby({.name = "phx-a"});
  ASSERT_TRUE(shard.caught_up(standby, shard.writer()));
  ProbeRun run({node_on(standby)}, pg_options());
  ASSERT_TRUE(run_to_facts(run, 0));
  const auto received = run.facts(0)->receive_lsn;
  shard.writer().stop("immediate");
  ASSERT_TRUE(
      run_to_facts(run, 0, [](const NodeFacts& facts) { return facts.streaming == false; }));
  EXPECT_EQ(run.facts(0)->timeline, core::Timeline{1});
  EXPECT_GE(run.facts(0)->receive_lsn, received);
}

TEST(observe_facts, a_promotion_shows_in_the_same_session) {
  Cluster shard;
  apply_migration(shard.writer());
  Server& standby = shard.add_standby({.name = "phx-a"});
  ASSERT_TRUE(shard.caught_up(standby, shard.writer()));
  ProbeRun run({node_on(standby)}, pg_options());
  ASSERT_TRUE(run_to_facts(run, 0));
  const std::uint64_t session = run.facts(0)->session;
  standby.promote();
  standby.exec("select rpoguard.cluster_promote('phx', 'ann')");
  ASSERT_TRUE(run_to_facts(run, 0, [](const NodeFacts& facts) {
    return !facts.in_recovery && facts.stamped && facts.stamped->epoch == core::Epoch{2};
  }));
  const NodeFacts& facts = *run.facts(0);
  EXPECT_EQ(facts.session, session);
  EXPECT_EQ(facts.timeline, core::Timeline{2});
  EXPECT_EQ(facts.stamped->writer_region, "phx");
  EXPECT_EQ(facts.stamped->promoted_by, "ann");
  EXPECT_TRUE(facts.stamped->promoted_at.has_value());
  EXPECT_EQ(facts.stamped->timeline, core::Timeline{2});
  EXPECT_TRUE(facts.insert_lsn && facts.snapshot);
}

TEST(observe_facts, the_epoch_table_may_come_and_go_without_a_failed_probe) {
  Cluster shard;
  Server& writer = shard.writer();
  writer.exec("create role rpoguard login; grant pg_monitor to rpoguard");
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run_to_facts(run, 0));
  EXPECT_FALSE(run.facts(0)->stamped.has_value());
  for (int round = 0; round < 2; ++round) {
    apply_migration(writer);
    ASSERT_TRUE(
        run_to_facts(run, 0, [](const NodeFacts& facts) { return facts.stamped.has_value(); }));
    writer.exec("delete from rpoguard.cluster_state");
    ASSERT_TRUE(
        run_to_facts(run, 0, [](const NodeFacts& facts) { return !facts.stamped.has_value(); }));
    writer.exec("drop schema rpoguard cascade");
    ASSERT_TRUE(run_probes(run, 0, 2));
  }
  for (const auto& seen : run.fast(0)) {
    const NodeFacts* facts = ProbeRun::facts_of(seen);
    ASSERT_NE(facts, nullptr) << std::get<core::ProbeError>(seen.outcome).message;
    EXPECT_EQ(facts->session, run.facts(0)->session);
  }
}

TEST(observe_facts, with_timelines_as_epochs_nobody_needs_the_table) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("revoke all on rpoguard.cluster_state from rpoguard");
  writer.exec("revoke all on schema rpoguard from rpoguard");
  ProbeRun run({node_on(writer)}, pg_options(core::EpochSource::timeline));
  ASSERT_TRUE(run_probes(run, 0, 2));
  ASSERT_NE(run.facts(0), nullptr) << run.error(0)->message;
  EXPECT_FALSE(run.facts(0)->stamped.has_value());
}

TEST(observe_facts, a_node_is_reached_over_its_unix_socket) {
  Cluster shard;
  apply_migration(shard.writer());
  core::NodeSpec node = node_on(shard.writer());
  node.connect.host = shard.writer().socket_dir();
  ProbeRun run({node}, pg_options());
  ASSERT_TRUE(run_probes(run, 0));
  ASSERT_NE(run.facts(0), nullptr) << run.error(0)->message;
}

TEST(observe_facts, slow_facts_count_connections_and_slots) {
  Cluster shard;
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("select pg_create_physical_replication_slot('phx', true)");
  writer.exec("create table t as select generate_series(1, 10000)");
  Session idle = writer.connect();
  Session busy = writer.connect();
  busy.rows("begin");
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run.run(kProbePatience, [&] { return !run.slow(0).empty(); }));
  const auto* facts = std::get_if<core::SlowFacts>(&run.slow(0)[0].outcome);
  ASSERT_NE(facts, nullptr) << std::get<core::ProbeError>(run.slow(0)[0].outcome).message;
  EXPECT_EQ(facts->connections.at("idle in transaction"), 1);
  EXPECT_GE(facts->connections.at("idle"), 1);
  EXPECT_EQ(std::to_string(facts->connections_limit.value_or(0)),
            writer.query("show max_connections"));
  ASSERT_EQ(facts->slots.size(), 1U);
  EXPECT_EQ(facts->slots[0].name, "phx");
  EXPECT_FALSE(facts->slots[0].logical || facts->slots[0].active);
  EXPECT_GT(facts->slots[0].lag_bytes.value_or(0), 100'000);
  EXPECT_FALSE(facts->slots[0].safe_wal_bytes.has_value());
  ASSERT_TRUE(run.run(kProbePatience, [&] { return run.slow(0).size() >= 2; }));
  EXPECT_GE(run.slow(0)[1].asked - run.slow(0)[0].answered, std::chrono::milliseconds(900));
}

TEST(observe_facts, a_slot_that_is_lost_says_so_and_states_that_nobody_tracks_are_not_0) {
  Cluster shard({.conf = {{"max_slot_wal_keep_size", "1MB"},
                          {"wal_keep_size", "0"},
                          {"track_activities", "off"}}});
  Server& writer = shard.writer();
  apply_migration(writer);
  writer.exec("select pg_create_physical_replication_slot('kept', true)");
  writer.exec("select pg_create_physical_replication_slot('lost', true)");
  writer.exec("create table t as select repeat('x', 500) from generate_series(1, 8000)");
  writer.exec("checkpoint");
  writer.exec("select pg_drop_replication_slot('kept')");
  writer.exec("select pg_create_physical_replication_slot('kept', true)");
  ASSERT_EQ(writer.query("select wal_status from pg_replication_slots where slot_name = 'lost'"),
            "lost");
  ProbeRun run({node_on(writer)}, pg_options());
  ASSERT_TRUE(run.run(kProbePatience, [&] { return !run.slow(0).empty(); }));
  const auto* facts = std::get_if<core::SlowFacts>(&run.slow(0)[0].outcome);
  ASSERT_NE(facts, nullptr) << std::get<core::ProbeError>(run.slow(0)[0].outcome).message;
  ASSERT_EQ(facts->slots.size(), 2U);
  for (const core::SlotFacts& slot : facts->slots) EXPECT_EQ(slot.lost, slot.name == "lost");
  EXPECT_GE(facts->connections.at("disabled"), 1);
  EXPECT_FALSE(facts->connections.contains("active"));
}

}  // namespace
}  // namespace rpoguard::test
