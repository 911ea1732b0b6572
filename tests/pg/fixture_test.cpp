// The fixture itself: what every other test with real servers relies on.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/shm.h>

#include "tests/support/cluster.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string in_recovery(const Server& server) {
  return server.query("SELECT pg_is_in_recovery()").value();
}

TEST(Fixture, a_shard_of_three_streams_synchronously_and_asynchronously) {
  Cluster shard({.archiving = true});
  shard.add_standby({.name = "iad-b", .synchronous = true});
  shard.add_standby({.name = "phx-a", .slot = true, .restore_from_archive = true});
  shard.writer().exec("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i");
  EXPECT_TRUE(shard.caught_up(shard.node("phx-a"), shard.writer()));
  EXPECT_EQ(shard.node("phx-a").query("SELECT count(*) FROM t"), "1000");
  EXPECT_EQ(shard.writer().query("SELECT string_agg(application_name || ' ' || sync_state, ',' "
                                 "ORDER BY application_name) FROM pg_stat_replication"),
            "iad-b sync,phx-a async");
  EXPECT_EQ(shard.writer().query("SELECT active FROM pg_replication_slots"), "t");
  EXPECT_EQ(in_recovery(shard.writer()), "f");
  EXPECT_EQ(in_recovery(shard.node("iad-b")), "t");
}

TEST(Fixture, finished_segments_reach_the_archive) {
  Cluster shard({.archiving = true});
  const std::string segment =
      shard.writer().query("SELECT pg_walfile_name(pg_switch_wal())").value();
  EXPECT_TRUE(eventually(
      seconds(30), [&] { return std::filesystem::exists(shard.archive_dir() + "/" + segment); }));
}

TEST(Fixture, a_stopped_server_answers_nobody_until_it_continues) {
  const auto server = Server::create({.name = "a"});
  server->start();
  Session session = server->connect();
  server->sigstop();
  EXPECT_THROW(session.value("SELECT 1", milliseconds(200)), SqlError);
  server->sigcont();
  EXPECT_TRUE(server->becomes("SELECT 1", "1"));
}

TEST(Fixture, a_killed_server_is_gone_at_once_and_can_start_again) {
  const auto server = Server::create({.name = "a"});
  server->start();
  server->exec("CREATE TABLE t AS SELECT 42 AS i");
  const pid_t backend = std::stoi(server
                                      ->query("SELECT pid FROM pg_stat_activity WHERE "
                                              "backend_type = 'walwriter'")
                                      .value());
  server->kill9();
  EXPECT_FALSE(server->running());
  EXPECT_TRUE(eventually(seconds(5), [&] { return !process_runs(backend); }));
  EXPECT_THROW(server->connect(), SqlError);
  server->start();
  EXPECT_EQ(server->query("SELECT i FROM t"), "42");
}

TEST(Fixture, a_killed_server_leaves_no_shared_memory_and_no_file_behind) {
  std::string data_dir;
  int segment = -1;
  shmid_ds state{};
  {
    const auto server = Server::create({.name = "a"});
    server->start();
    data_dir = server->data_dir();
    std::istringstream file(read_file(data_dir + "/postmaster.pid"));
    std::string line;
    for (int i = 0; i < 7; ++i) std::getline(file, line);
    segment = std::stoi(line.substr(line.find_last_of(' ')));
    ASSERT_EQ(shmctl(segment, IPC_STAT, &state), 0);
    server->kill9();
  }
  EXPECT_NE(shmctl(segment, IPC_STAT, &state), 0);
  EXPECT_FALSE(std::filesystem::exists(data_dir));
}

TEST(Fixture, the_promoted_standby_writes_and_the_old_writer_is_reseeded_from_it) {
  Cluster shard;
  Server& remote = shard.add_standby({.name = "phx-a"});
  Server& old = shard.writer();
  old.kill9();
  remote.promote();
  remote.exec("CREATE TABLE after_failover AS SELECT 1 AS i");
  EXPECT_EQ(remote.query("SELECT timeline_id FROM pg_control_checkpoint()"), "2");
  old.reseed({.port = remote.port(), .application_name = "iad-a"});
  EXPECT_EQ(in_recovery(old), "t");
  EXPECT_TRUE(old.becomes("SELECT count(*) FROM after_failover", "1"));
}

TEST(Fixture, settings_and_passwords_apply) {
  const auto server = Server::create({.name = "a", .conf = {{"work_mem", "5MB"}}});
  server->start();
  EXPECT_EQ(server->query("SHOW work_mem"), "5MB");
  server->set_conf("work_mem", "6MB");
  server->reload();
  EXPECT_TRUE(server->becomes("SHOW work_mem", "6MB"));
  server->exec("CREATE ROLE guarded LOGIN PASSWORD 'it''s secret'");
  server->require_password("guarded");
  const std::string conninfo = server->conninfo("postgres", "guarded");
  EXPECT_THROW(Session{conninfo}, SqlError);
  EXPECT_EQ(Session(conninfo + " password='it\\'s secret'").value("SELECT current_user"),
            "guarded");
}

TEST(Fixture, an_error_of_the_server_carries_its_sqlstate) {
  const auto server = Server::create({.name = "a"});
  server->start();
  try {
    server->exec("SELECT 1/0");
    FAIL() << "no error";
  } catch (const SqlError& error) {
    EXPECT_EQ(error.sqlstate(), "22012");
  }
  EXPECT_THROW(server->exec("COPY pg_class TO STDOUT"), SqlError) << "nobody reads it";
}

TEST(Fixture, a_server_that_cannot_start_shows_its_log) {
  const auto server = Server::create({.name = "a", .conf = {{"shared_buffers", "nonsense"}}});
  try {
    server->start();
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("nonsense"), std::string::npos) << error.what();
  }
}

TEST(Process, the_whole_tree_dies_with_its_object) {
  pid_t grandchild = 0;
  {
    const TempDir dir;
    Process shell(
        {.argv = {"sh", "-c", "setsid sleep 1000 & echo $! > pid; wait"}, .directory = dir.path()});
    ASSERT_TRUE(eventually(seconds(10), [&] { return read_file(dir / "pid").ends_with("\n"); }));
    grandchild = std::stoi(read_file(dir / "pid"));
    ASSERT_TRUE(process_runs(grandchild));
  }
  EXPECT_TRUE(eventually(seconds(10), [&] { return !process_runs(grandchild); }));
}

TEST(Process, exit_codes_signals_and_output_are_reported) {
  const CommandResult failed =
      run_command({.argv = {"sh", "-c", "echo out; echo err >&2; exit 3"}});
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_EQ(failed.output, "out\nerr\n");
  EXPECT_EQ(run_command({.argv = {"sh", "-c", "kill -TERM $$"}}).exit_code, 128 + SIGTERM);
  EXPECT_EQ(run_command({.argv = {"sleep", "100"}}, milliseconds(50)).exit_code, 124);
  EXPECT_THROW(run_command({.argv = {"no-such-command-here"}}), std::runtime_error);
}

TEST(Process, an_unprivileged_user_is_really_unprivileged) {
  const CommandResult who = run_command({.argv = {"id", "-u"}, .user = unprivileged_user()});
  EXPECT_NE(who.output, "0\n");
}

TEST(Ports, are_free_and_never_given_twice) {
  std::set<std::uint16_t> seen;
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(seen.insert(free_port()).second);
}

}  // namespace
}  // namespace rpoguard::test
