// Hooks that run programs, and SQL on the writer of real servers.
#include "exporter/run/hook_runs.hpp"

#include <atomic>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "exporter/run/event_json.hpp"
#include "exporter/run/hook_wiring.hpp"
#include "exporter/run/system_clock.hpp"

#include "tests/support/cluster.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/hostile_objects.hpp"
#include "tests/support/process.hpp"
#include "tests/support/proxies.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
using core::HookSpec;
using notify::Attempt;
using notify::Outcome;

notify::Notice closed(core::Instant happened = {}) {
  notify::Notice notice;
  notice.happened = happened;
  notice.recorded = {"7-1",
                     {},
                     {.kind = core::EventKind::gate_closed,
                      .shard = "184",
                      .from = "open",
                      .to = "closed",
                      .reason = "rpo_exceeded",
                      .text = "it's \"late\""}};
  notice.json = run::render_event(notice.recorded);
  return notice;
}

bool never() {
  return false;
}

class CommandHook : public ::testing::Test {
 protected:
  Attempt run(const std::string& script, core::Duration timeout = 20s,
              const notify::Stopped& stopped = never) {
    HookSpec hook;
    hook.command = {"/bin/sh", "-c", script, "sh", dir_ / "out"};
    hook.timeout = timeout;
    return run::run_command_hook()(hook, closed(), stopped);
  }
  TempDir dir_;
};

TEST_F(CommandHook, gets_the_event_on_its_input_and_a_clean_environment) {
  ::setenv("RPOGUARD_TEST_SECRET", "hush", 1);
  const Attempt attempt = run("cat >\"$1\"; env >>\"$1\"");
  EXPECT_EQ(attempt.outcome, Outcome::delivered) << attempt.note;
  const std::string out = read_file(dir_ / "out");
  EXPECT_TRUE(out.starts_with(closed().json + "\n")) << out;
  EXPECT_NE(out.find("RPOGUARD_EVENT=gate_closed\n"), std::string::npos);
  EXPECT_NE(out.find("RPOGUARD_SHARD=184\n"), std::string::npos);
  EXPECT_NE(out.find("RPOGUARD_REASON=rpo_exceeded\n"), std::string::npos);
  EXPECT_EQ(out.find("hush"), std::string::npos);
}

TEST_F(CommandHook, that_fails_is_to_be_tried_again_and_says_why) {
  const Attempt attempt = run("echo no pooler >&2; exit 3");
  EXPECT_EQ(attempt.outcome, Outcome::retry);
  EXPECT_NE(attempt.note.find("exit code 3"), std::string::npos) << attempt.note;
  EXPECT_NE(attempt.note.find("no pooler"), std::string::npos) << attempt.note;
}

TEST_F(CommandHook, that_hangs_is_killed_with_its_children) {
  const Attempt attempt = run("sleep 1000 & echo $! >\"$1\"; wait", 500ms);
  EXPECT_EQ(attempt.outcome, Outcome::retry);
  const std::string child = read_file(dir_ / "out");
  ASSERT_FALSE(child.empty());
  EXPECT_TRUE(eventually(20s, [&] { return !process_runs(std::stoi(child)); }));
}

TEST_F(CommandHook, ends_soon_when_rpoguard_does) {
  std::atomic<bool> stopping{false};
  const auto stopped = [&] { return stopping.exchange(true); };
  EXPECT_EQ(run("sleep 1000", 1000s, stopped).outcome, Outcome::failed);
}

class SqlHook : public ::testing::Test {
 protected:
  SqlHook() {
    cluster_.add_standby({.name = "phx-a"});
    cluster_.writer().exec("create table told (event jsonb)");
    hook_.sql = {"insert into public.told values (current_setting('rpoguard.event')::jsonb)",
                 "insert into public.told values (null)"};
    hook_.timeout = 20s;
    point_at(cluster_.writer().port());
  }

  // A view in which the server on this port is the confirmed writer.
  void point_at(std::uint16_t port) {
    shard_.id = "184";
    core::NodeSpec node;
    node.name = "iad-a";
    node.connect.host = "127.0.0.1";
    node.connect.port = port;
    node.connect.user = "postgres";
    shard_.nodes = {node};
    core::ShardView view;
    view.spec = std::make_shared<core::ShardSpec>(shard_);
    view.writer = core::WriterView{"iad-a", "iad", core::Epoch{1}, core::Timeline{1}};
    view.evaluated = clock_->now();
    publish(view);
  }
  void publish(core::ShardView shard) {
    auto view = std::make_shared<core::View>();
    auto spec = std::make_shared<core::Spec>();
    spec->shards = {shard_};
    spec->probe.interval = 60s;  // so that this view is young enough for the whole test
    view->spec = spec;
    last_ = std::move(shard);
    view->shards = {std::make_shared<core::ShardView>(last_)};
    views_->publish(view);
  }
  /// Of an event that is old, or has just happened.
  Attempt run() { return run::run_sql_hook(clock_, views_)(hook_, closed(), never); }
  Attempt run_at_once() {
    return run::run_sql_hook(clock_, views_)(hook_, closed(clock_->now()), never);
  }
  SqlValue rows() { return cluster_.writer().query("select count(*) from told"); }

  Cluster cluster_;
  const std::shared_ptr<run::SystemClock> clock_ = std::make_shared<run::SystemClock>();
  const std::shared_ptr<serve::ViewStore> views_ = std::make_shared<serve::ViewStore>();
  core::ShardSpec shard_;
  core::ShardView last_;
  HookSpec hook_;
};

TEST_F(SqlHook, runs_its_statements_on_the_writer_with_the_event_at_hand) {
  const Attempt attempt = run();
  EXPECT_EQ(attempt.outcome, Outcome::delivered) << attempt.note;
  EXPECT_EQ(rows(), "2");
  EXPECT_EQ(cluster_.writer().query("select event->'data'->>'text' from told where event notnull"),
            "it's \"late\"");
}

TEST_F(SqlHook, refuses_a_standby_and_a_writer_of_another_timeline) {
  point_at(cluster_.node("phx-a").port());
  EXPECT_EQ(run().note, "iad-a is not the confirmed writer");
  point_at(cluster_.writer().port());
  last_.writer->timeline = core::Timeline{2};
  publish(last_);
  const Attempt attempt = run();
  EXPECT_EQ(attempt.outcome, Outcome::failed);
  EXPECT_EQ(attempt.note, "iad-a is not the confirmed writer");
  EXPECT_EQ(run_at_once().outcome, Outcome::retry) << "the next view may name another";
  EXPECT_EQ(rows(), "0");
}

TEST_F(SqlHook, refuses_a_pooler_and_leaves_nothing_on_its_connections) {
  const PgBouncer pooler(cluster_.writer().port());
  point_at(pooler.port());
  const Attempt attempt = run();
  EXPECT_EQ(attempt.outcome, Outcome::failed);
  EXPECT_NE(attempt.note.find("this is a pooler"), std::string::npos) << attempt.note;
  Session application = pooler.connect("postgres", "postgres");
  EXPECT_EQ(application.value("show statement_timeout"), "0");
  EXPECT_EQ(application.value("select coalesce(current_setting('rpoguard.event', true), '')"), "");
  EXPECT_EQ(rows(), "0");
}

TEST_F(SqlHook, refuses_without_a_confirmed_writer_or_a_young_view) {
  last_.evaluated -= 1h;
  publish(last_);
  EXPECT_EQ(run().note, "who the writer is has not been looked at lately");
  last_.evaluated = clock_->now();
  last_.writer.reset();
  publish(last_);
  EXPECT_EQ(run().note, "there is no confirmed writer to run it on");
  EXPECT_EQ(run().outcome, Outcome::failed);
  EXPECT_EQ(run_at_once().outcome, Outcome::retry) << "it may have one soon";
  EXPECT_EQ(rows(), "0");
}

TEST_F(SqlHook, that_fails_says_what_the_server_said_and_runs_no_further) {
  hook_.sql = {"select 1/0", "insert into public.told values (null)"};
  const Attempt attempt = run();
  EXPECT_EQ(attempt.outcome, Outcome::retry);
  EXPECT_NE(attempt.note.find("division by zero"), std::string::npos) << attempt.note;
  EXPECT_EQ(rows(), "0");
}

TEST_F(SqlHook, calls_nothing_that_the_owner_of_the_database_has_made) {
  plant_hostile_objects(cluster_.writer(), "app");
  cluster_.writer().connect("app").rows(
      "create schema ops; create table ops.told (event pg_catalog.jsonb, length bigint)");
  hook_.dbname = "app";
  hook_.sql = {
      "insert into ops.told select e::jsonb, length(e) + 1 "
      "from current_setting('rpoguard.event') e"};
  const Attempt attempt = run();
  EXPECT_EQ(attempt.outcome, Outcome::delivered) << attempt.note;
  hook_.sql = {"insert into told values (null)"};
  EXPECT_NE(run().note.find("a hook's search_path is pg_catalog, so write SCHEMA.NAME"),
            std::string::npos)
      << run().note;
}

TEST_F(SqlHook, gives_a_stopped_server_up_at_its_deadline) {
  hook_.timeout = 500ms;
  cluster_.writer().sigstop();
  const Attempt attempt = run();
  cluster_.writer().sigcont();
  EXPECT_EQ(attempt.outcome, Outcome::retry);
  EXPECT_EQ(attempt.note, "not done within 500ms");
}

TEST(HookWiring, gives_alerts_the_labels_of_the_target_unless_they_are_written) {
  core::Spec spec;
  spec.ops = {"10.0.0.1", 0};
  spec.hooks.resize(3);
  spec.hooks[0].type = core::HookType::webhook;
  spec.hooks[1].type = core::HookType::alertmanager;
  spec.hooks[2].type = core::HookType::alertmanager;
  spec.hooks[2].labels = {{"job", "guards"}, {"cluster", "prod"}};
  using Labels = std::map<std::string, std::string>;
  const auto hooks = run::hooks_of(spec, 10187);
  EXPECT_EQ(hooks[0].labels, Labels{});
  EXPECT_EQ(hooks[1].labels, (Labels{{"job", "rpoguard"}, {"instance", "10.0.0.1:10187"}}));
  EXPECT_EQ(hooks[2].labels,
            (Labels{{"job", "guards"}, {"cluster", "prod"}, {"instance", "10.0.0.1:10187"}}));
}

}  // namespace
}  // namespace rpoguard::test
